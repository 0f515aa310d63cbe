import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { digestOf, type Json } from "../core/digest.ts";
import type { Policy, PolicyAnswer } from "../core/ports.ts";
import { candidate, createControlWorld, playbook, START, type WorldOptions } from "./world.fixture.ts";

const BACK = "opa://loans/back";
const FORWARD = "opa://loans/allow";
const NOTHING: PolicyAnswer = { kind: "answered", reasons: [] };
const DARK: PolicyAnswer = { kind: "unreachable", reason: "the OPA server: no answer (ECONNREFUSED)" };
const UNDEFINED: PolicyAnswer = { kind: "undefined", reason: "data.loans.allow is undefined" };

type Rule = (question: Json, signal: AbortSignal) => PolicyAnswer | Promise<PolicyAnswer>;

/** A world whose playbook asks these rules; `back` may add a reason, `forward` gates every step. */
function governed(rules: { readonly back?: Rule; readonly forward?: Rule }, options: WorldOptions = {}) {
  const asked: { readonly at: string; readonly question: Json }[] = [];
  const policy: Policy = {
    name: "opa",
    serves: () => true,
    async decide(at, question, signal) {
      asked.push({ at, question });
      return (at === BACK ? rules.back : rules.forward)!(question, signal);
    },
  };
  const world = createControlWorld({
    ...options,
    playbook: {
      ...(rules.back ? { policies: [{ name: "law", at: BACK }] } : {}),
      ...(rules.forward ? { how: { ...playbook.how, allow: FORWARD } } : {}),
      ...options.playbook,
    },
    ports: (ports) => ({ policyFor: () => policy, ...options.ports?.(ports) }),
  });
  const rolledOut = () => world.live(async () => world.ended((await world.release()).id));
  const said = () => world.events.filter(({ text }) => text.startsWith("not forward")).map(({ text }) => text);
  return { ...world, asked, rolledOut, said };
}

const never = () => new Promise<never>(() => undefined);

describe("a policy that may add a reason to go back", () => {
  it("makes a release go back that no signal finds harmful, and says why", async () => {
    const world = governed({ back: () => ({ kind: "answered", reasons: ["group B is rejected twice as often"] }) });
    const rollout = await world.rolledOut();
    assert.deepEqual(rollout.rollback?.cause, ["harm", "law"]);
    assert.equal(rollout.rollback?.outcome, "verified");
    assert.equal(world.target.live("sim:model"), digestOf("model 1"));
    assert.ok(await world.store.quarantine(candidate.id));
    const finding = rollout.verdict?.findings.find(({ name }) => name === "law");
    assert.equal(finding?.claim, "group B is rejected twice as often");
    assert.ok(rollout.rollback!.decidedAt - rollout.exposedAt! <= 1000);
  });

  it("takes no reason away: its silence is no word for the release, and a reason that was given stays", async () => {
    let times = 0;
    const once = governed({ back: () => (times++ === 0 ? { kind: "answered", reasons: ["too early"] } : NOTHING) });
    assert.deepEqual((await once.rolledOut()).rollback?.cause, ["harm", "law"]);
    const content = governed({ back: () => NOTHING }, { losses: 0.2 });
    assert.deepEqual((await content.rolledOut()).rollback?.cause, ["harm", "rising"]);
  });

  it("neither delays nor removes a rollback while it answers nothing of use, whatever that is", async () => {
    const decidedAfter = async (back?: Rule) => {
      const rollout = await governed(back ? { back } : {}, { losses: 0.2 }).rolledOut();
      assert.deepEqual(rollout.rollback?.cause, ["harm", "rising"]);
      assert.equal(rollout.rollback?.outcome, "verified");
      return rollout.rollback!.containedAt! - rollout.exposedAt!;
    };
    const without = await decidedAfter();
    const throwing: Rule = () => {
      throw new Error("broken");
    };
    for (const rule of [() => DARK, () => UNDEFINED, () => NOTHING, never, throwing])
      assert.equal(await decidedAfter(rule), without);
  });

  it("alone makes nothing harmful by being undefined, unreachable or slow", async () => {
    for (const rule of [() => DARK, () => UNDEFINED, never]) {
      const rollout = await governed({ back: rule }).rolledOut();
      assert.equal(rollout.phase, "healthy");
    }
  });

  it("is asked with names, digests and counts of both releases", async () => {
    const world = governed({ back: () => NOTHING });
    await world.rolledOut();
    const question = world.asked.find(({ question: q }) => {
      const { verdict } = q as { readonly verdict?: { readonly findings: readonly Json[] } };
      return (verdict?.findings.length ?? 0) > 0;
    })?.question as Readonly<Record<string, Json>>;
    assert.deepEqual(Object.keys(question).sort(), [
      "candidate",
      "direction",
      "owner",
      "risk",
      "rollout",
      "stable",
      "system",
      "verdict",
    ]);
    assert.equal(question["direction"], "back");
    const { id, label } = question["candidate"] as Readonly<Record<string, Json>>;
    assert.deepEqual([id, label], [candidate.id, "release 2"]);
  });
});

describe("a policy that every step forward needs", () => {
  it("lets a good release through when it has nothing against it, and is asked for each step", async () => {
    const world = governed({ forward: () => NOTHING });
    assert.equal((await world.rolledOut()).phase, "healthy");
    assert.ok(world.asked.filter(({ at }) => at === FORWARD).length >= 2);
  });

  const noes: readonly (readonly [string, Rule, RegExp])[] = [
    ["no", () => ({ kind: "answered", reasons: ["nobody has reviewed it"] }), /^not forward: nobody has reviewed it$/],
    ["undefined", () => UNDEFINED, /^not forward: opa:\/\/loans\/allow is undefined: data\.loans\.allow is undefined$/],
    ["unreachable", () => DARK, /^not forward: opa:\/\/loans\/allow is unreachable: the OPA server: no answer/],
    ["slow", never, /^not forward: opa:\/\/loans\/allow is unreachable: no answer within 2000 ms$/],
  ];
  for (const [word, forward, reason] of noes) {
    it(`blocks the next step and the promotion when it is ${word}, and says why`, async () => {
      const world = governed({ forward });
      await world.live(async () => {
        const { id } = await world.release();
        await world.until(() => world.said().length > 0);
        await world.clock.sleep(10_000);
        assert.equal(world.traffic.current("loans")?.candidatePpm, 100_000, "it stays at the first step");
        await world.control.abort(id, "on-call", "enough");
        await world.ended(id);
      });
      assert.match(world.said()[0]!, reason);
      assert.ok(!world.kinds().includes("promoted"));
    });

    it(`does not let its ${word} hold up a rollback`, async () => {
      const rollout = await governed({ forward }, { losses: 0.2 }).rolledOut();
      assert.deepEqual(rollout.rollback?.cause, ["harm", "rising"]);
      assert.equal(rollout.rollback?.outcome, "verified");
    });
  }

  it("is never waited for: harm that begins while it is asked is decided as soon as without it", async () => {
    const from = START + 17_000;
    const losses = [
      { from: 0, rate: 0.05 },
      { from, rate: 0.9 },
    ];
    const decided = await Promise.all(
      [() => DARK, never].map(
        async (forward) => (await governed({ forward }, { losses }).rolledOut()).rollback!.decidedAt - from,
      ),
    );
    assert.deepEqual(decided, [decided[0], decided[0]]);
  });

  it("that takes its no back lets the release go on", async () => {
    let forbidden = true;
    const world = governed({ forward: () => (forbidden ? UNDEFINED : NOTHING) });
    const rollout = await world.live(async () => {
      const { id } = await world.release();
      await world.until(() => world.said().length > 1);
      forbidden = false;
      return world.ended(id);
    });
    assert.equal(rollout.phase, "healthy");
  });
});
