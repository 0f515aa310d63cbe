/** `must`: required. `may`: optional. `later`: a key of the language that this version does not act on, so it is refused. */
export interface KeySpec {
  readonly need: "must" | "may" | "later";
  /** What to write, as shown in hints; for `later` keys, what to do instead. */
  readonly example: string;
}

/** The keys of one block. A block whose keys are names (`what`, `signals`, `when`) has no table of its own. */
export interface BlockSpec {
  readonly where: string;
  readonly keys: Readonly<Record<string, KeySpec>>;
}

const must = (example: string): KeySpec => ({ need: "must", example });
const may = (example: string): KeySpec => ({ need: "may", example });
const later = (example: string): KeySpec => ({ need: "later", example });

/** The whole language as a table; docs/playbook.md describes every key of it, and a test compares. */
export const language = {
  playbook: {
    where: "the playbook",
    keys: {
      rollbook: must("rollbook: v1"),
      system: must("system: loan-approval"),
      owner: must("owner: credit-risk"),
      risk: must("risk: high"),
      authority: must("authority: act"),
      traffic: may("traffic: 600 applications/s"),
      environment: may("environment: { name: demo, is: local }"),
      what: must("what: { model: http://lending/components/model, route: gateway://loan-approval }"),
      signals: must("signals: { losses: { share: defaulted, of: loans, from: events, better: down } }"),
      when: must("when: { rising-losses: { losses: rises, by: 60% } }"),
      "false-alarms": may("false-alarms: 1 in 1000 releases"),
      how: must("how: { release: { canary: [10, 50, 95], each: 15m } }"),
      fixed: must("fixed: { losses: { within: 50% }, for: 10m }"),
      who: may("who: { now: [ page://dashboard ] }"),
      drills: later("Leave it out."),
    },
  },
  environment: {
    where: "`environment`",
    keys: { name: must("name: demo"), is: must("is: local") },
  },
  component: {
    where: "a component",
    keys: { at: must("at: http://lending/components/data"), undo: may("undo: snapshot") },
  },
  signal: {
    where: "a signal",
    keys: {
      share: may("share: defaulted"),
      count: may("count: leaked-tokens"),
      of: may("of: loans"),
      from: must("from: events"),
      better: must("better: down"),
      per: later("Count one observation for each person or application at the source."),
      labels: later("Leave it out: a late outcome is counted when it arrives."),
      time: later("Count the slow ones: `{ share: slow, of: requests, from: events, better: down }`."),
      judge: later("Let the judge report its opinion as an outcome event, with `from: events`."),
    },
  },
  claim: {
    where: "a trigger",
    keys: {
      by: may("by: 5%"),
      limit: may("limit: 1.5%"),
      hard: may("hard: errors > 5%"),
      over: may("over: 30s"),
      min: may("min: 200"),
      within: later("Leave it out: evidence is weighed on every arrival of data."),
      costs: later("Leave it out."),
      across: later("Declare one signal for each group."),
      at: later("Leave it out."),
      // biome-ignore lint/suspicious/noThenProperty: the playbook language has a key of this name
      then: later("Leave it out: every trigger of this version acts at once."),
      unanswered: later("Leave it out: every trigger of this version acts at once."),
    },
  },
  how: {
    where: "`how`",
    keys: {
      release: must("release: { canary: [10, 50, 95], each: 15m, holdback: 5% }"),
      contain: may("contain: stable"),
      within: may("within: 60s"),
      else: later("Leave it out: this version contains to stable."),
      safe: later("Leave it out: this version contains to stable."),
    },
  },
  release: {
    where: "`release`",
    keys: { canary: must("canary: [10, 50, 95]"), each: must("each: 15m"), holdback: may("holdback: 5%") },
  },
  fixed: {
    where: "`fixed`",
    keys: { for: must("for: 10m") },
  },
  criterion: {
    where: "a criterion",
    keys: { within: may("within: 3%"), below: may("below: 0.8%"), above: may("above: 60%") },
  },
  who: {
    where: "`who`",
    keys: {
      now: may("now: [ page://dashboard ]"),
      clocks: later("Leave it out."),
      forward: later("Leave it out."),
    },
  },
} as const satisfies Record<string, BlockSpec>;

/** Words that a signal cannot be called, because a trigger or a criterion would read them as keys. */
export const reservedNames: readonly string[] = [
  ...Object.keys(language.claim.keys),
  ...Object.keys(language.fixed.keys),
];
