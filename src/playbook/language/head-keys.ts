import { limits } from "../defaults.ts";
import { type BlockSpec, may, must } from "./key-spec.ts";
import { address, block, either, list, name, odds, traffic, words } from "./values.ts";

/** The versions of the language that this Rollbook reads. */
export const versions = ["v1"] as const;
export const risks = ["low", "medium", "high"] as const;
export const authorities = ["act", "observe"] as const;

export const playbookBlock = {
  where: "the playbook",
  keys: {
    rollbook: must("rollbook: v1", words(...versions), "the version of the language"),
    system: must("system: loan-approval", name, "the AI system's name"),
    owner: must("owner: credit-risk", name, "the team that answers for it, and may always pull the cord"),
    risk: must("risk: high", words(...risks), "how much harm it could do"),
    authority: must(
      "authority: act",
      words(...authorities),
      "`act` rolls back; `observe` only says what it would have done",
    ),
    traffic: may(
      "traffic: 600 applications/s",
      traffic,
      "requests to the system, as a rate per `s`, `min` or `h`; what the linter reckons with",
    ),
    environment: may(
      "environment: { name: demo, is: local }",
      block("environment"),
      "where the playbook may act; it refuses to act anywhere else",
    ),
    what: must(
      "what: { model: http://lending/components/model, route: gateway://loan-approval }",
      block("what"),
      "the components that go back together: one restore point",
    ),
    signals: must(
      "signals: { losses: { share: defaulted, of: loans, from: events, better: down } }",
      block("signals"),
      "what is counted for each release",
    ),
    when: must("when: { rising-losses: { losses: rises, by: 60% } }", block("when"), "what is harm"),
    "false-alarms": may(
      "false-alarms: 1 in 1000 releases",
      odds,
      "the probability that a release that does no harm is ever rolled back, by all claims of `when` together; more than 0, at most 10%",
      { said: "default `1 in 1000 releases`" },
    ),
    how: must("how: { release: { canary: [10, 50, 95], each: 15m } }", block("how"), "how traffic moves"),
    fixed: must(
      "fixed: { losses: { within: 50% }, for: 10m }",
      block("fixed"),
      "what must be proved before a rollback counts",
    ),
    who: may("who: { now: [ page://dashboard ] }", block("who"), "who must know", { said: "default: nobody is told" }),
    drills: may(
      "drills: { every: quarter, run: [ drift, placebo ] }",
      block("drills"),
      "how the way back is rehearsed",
      {
        instead: "Leave it out, and put the rehearsal into people's calendars.",
      },
    ),
  },
} as const satisfies BlockSpec;

export const environmentBlock = {
  where: "`environment`",
  keys: {
    name: must("name: production", name, "what people call the place"),
    is: must(
      "is: k8s://prod-eu/lending",
      either(words("local"), address, list(address, 1, limits.places)),
      "`local` (this machine), an address, or a list of addresses; each must identify itself as what is meant, or nothing is touched",
    ),
  },
} as const satisfies BlockSpec;
