import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { upperEdge } from "../core/cells.ts";
import type { Playbook } from "../core/playbook.ts";
import type { Policy, Store } from "../core/ports.ts";
import type { Rollout } from "../core/rollout.ts";
import type { Sample } from "../core/sample.ts";
import { packOf, samplesIn } from "../core/sample-pack.ts";
import type { Finding } from "../core/verdict.ts";
import { createMemoryStore } from "../simulation/memory-store.ts";
import { changeOfMind } from "./change-of-mind.ts";
import { explainRollout } from "./explanation.ts";
import { budgetSentence, findingSentence, mindSentence } from "./explanation-words.ts";
import { judgeAgain, recompute } from "./recompute.ts";
import { createControlWorld, intruder, playbook, stable, type WorldOptions } from "./world.fixture.ts";

/** A rollout to its end, and everything that was recorded of it. */
async function ended(options: WorldOptions) {
  const world = createControlWorld(options);
  const id = await world.live(async () => {
    const rollout = await world.release();
    if (options.playbook?.authority === "observe") await world.control.weight(20, "ada");
    await world.ended(rollout.id);
    return rollout.id;
  });
  return { ...world, id, explain: (store: Store = world.store) => explainRollout(store, world.playbook, id) };
}

describe("a decision", () => {
  for (const [name, options, kind] of [
    ["to go back", { losses: 0.2 }, "harmful"],
    ["to promote", { losses: 0.05 }, "healthy"],
    ["that a hard limit forces", { leaks: 0.01 }, "harmful"],
    ["that it only would have made", { losses: 0.2, playbook: { authority: "observe" } }, "harmful"],
  ] as const)
    it(`${name} is recomputed bit for bit from the ledger's parameters and the counts`, async () => {
      const { explain } = await ended(options);
      const { recomputed, verdict, sentences } = await explain();
      assert.deepEqual([recomputed, verdict], ["same", kind]);
      assert.match(sentences.at(-1)!, /the same, bit for bit/);
    });

  it("of a candidate that had all requests holds since when, and is recomputed with it", async () => {
    const signals = playbook.signals.map((signal) => (signal.name === "losses" ? { ...signal, labels: 2000 } : signal));
    const how = { ...playbook.how, steps: [50, 100], each: 5000 };
    const { explain, store, id } = await ended({ losses: 0.05, playbook: { signals, how } });
    const [held] = await store.entriesAbout(id, 1, "evidence-held");
    const { alone, from } = JSON.parse(held!.leaf).data.parameters;
    assert.ok(alone >= from + 5000);
    assert.equal((await explain()).recomputed, "same");
  });

  it("is not the ledger's when a count was changed afterwards, or a number of the record", async () => {
    const { explain, store, id } = await ended({ losses: 0.2 });
    const forged: Store = {
      ...store,
      packs: async (rollout, from, limit) => {
        const [first, ...rest] = await store.packs(rollout, from, limit);
        const samples = samplesIn(first!).map((one) => ({ ...one, n: one.n + 1 }));
        return [{ ...first!, body: packOf(0, samples).body }, ...rest];
      },
    };
    assert.match((await explain(forged)).sentences.at(-1)!, /THE COUNTS ARE NOT THOSE OF THE DECISION/);
    const rewritten = (from: RegExp, to: string): Store => ({
      ...store,
      entriesAbout: async (...asked) =>
        (await store.entriesAbout(...asked)).map((entry) => {
          if (!entry.leaf.includes("evidence-held")) return entry;
          const leaf = entry.leaf.replace(from, to);
          assert.notEqual(leaf, entry.leaf);
          return { ...entry, leaf };
        }),
    });
    for (const [from, to] of [
      [/"logEvidence":\d/, '"logEvidence":9'],
      [/"kind":"harmful"/, '"kind":"healthy"'],
      [/"because":\["rising"\]/, '"because":["leak"]'],
      [/"logThreshold":\d/, '"logThreshold":9'],
    ] as const)
      assert.equal((await recompute(rewritten(from, to), id))?.answer, "differs", to);
    assert.match(
      (await explain(rewritten(/"logEvidence":\d/, '"logEvidence":9'))).sentences.at(-1)!,
      /COMPUTED ONCE MORE IT DIFFERS/,
    );
  });

  it("of a person is recomputed too; before anything was judged, and of another rollout, there is nothing", async () => {
    const world = createControlWorld({ losses: 0.05 });
    const id = await world.live(async () => {
      const { id } = await world.release();
      await world.until(() => world.kinds().includes("judged"));
      await world.control.pullCord(id, "ada", "a feeling");
      await world.ended(id);
      return id;
    });
    assert.equal((await recompute(world.store, id))?.answer, "same");
    assert.equal(await recompute(world.store, "no such rollout"), undefined);
    const early: Store = {
      ...world.store,
      entriesAbout: async (...asked) =>
        (await world.store.entriesAbout(...asked)).map((entry) => {
          const read = JSON.parse(entry.leaf);
          if (read.type === "evidence-held") delete read.data.parameters;
          return { ...entry, leaf: JSON.stringify(read) };
        }),
    };
    const explained = await explainRollout(early, world.playbook, id);
    assert.equal(explained.recomputed, "not-judged");
    assert.match(explained.sentences.at(-1)!, /by a person before anything was judged/);
  });
});

describe("what would have changed its mind", () => {
  it("is the exact number of answers, either way", async () => {
    for (const losses of [0.2, 0.05]) {
      const { store, id } = await ended({ losses });
      const { held, samples, verdict } = (await recompute(store, id))!;
      const mind = await changeOfMind(held.parameters!, samples!, verdict!);
      assert.equal(mind?.turned, losses === 0.2 ? "good" : "bad");
      assert.ok(mind!.answers > 0);
      const turned = (answers: number): readonly Sample[] => {
        let left = answers;
        const own = (one: Sample) => one.signal === "losses" && one.release === held.parameters!.candidate;
        const turn = (one: Sample) => {
          const some = Math.min(left, own(one) ? (losses === 0.2 ? one.k : one.n - one.k) : 0);
          left -= some;
          return { ...one, k: one.k + (losses === 0.2 ? -some : some) };
        };
        return samples!.toReversed().map(turn).toReversed();
      };
      const harmful = async (answers: number) =>
        (await judgeAgain(held.parameters!, [turned(answers)], held.at)).kind === "harmful";
      assert.notEqual(await harmful(mind!.answers), losses === 0.2);
      assert.equal(await harmful(mind!.answers - 1), losses === 0.2);
      assert.match(mindSentence(mind!), /What would have changed its mind: had [\d,]+ of the candidate's newest/);
    }
  });

  it("is nothing where a policy or a person sent it back: no count would have kept it", async () => {
    const world = (polls: number) => {
      let asked = 0;
      const reasons = () => (asked++ < polls ? [] : ["the law says so"]);
      const policy: Policy = {
        name: "opa",
        serves: () => true,
        decide: async () => ({ kind: "answered", reasons: reasons() }),
      };
      return createControlWorld({
        losses: 0.05,
        playbook: { policies: [{ name: "law", at: "opa://back" }] },
        ports: () => ({ policyFor: () => policy }),
      });
    };
    const byPolicy = world(4);
    const byPerson = world(100);
    for (const { control, live, release, ended, clock, until, kinds, store } of [byPolicy, byPerson]) {
      const id = await live(async () => {
        const { id } = await release();
        await until(() => kinds().includes("exposed"));
        await clock.sleep(3000);
        if (control === byPerson.control) await control.pullCord(id, "ada", "a feeling");
        await ended(id);
        return id;
      });
      const explained = await explainRollout(store, playbook, id);
      assert.equal(explained.recomputed, "same");
      assert.match(explained.sentences[0]!, /because of (law|ada: a feeling)/);
      assert.equal(explained.changeOfMind, undefined, explained.sentences.join("\n"));
      const { held, samples, verdict } = (await recompute(store, id))!;
      assert.ok(await changeOfMind(held.parameters!, samples!, verdict!), "the counts would have had a say otherwise");
    }
  });

  it("is nothing where a plain limit decided", async () => {
    const { explain } = await ended({ leaks: 0.01 });
    assert.equal((await explain()).changeOfMind, undefined);
  });
});

describe("the words", () => {
  const side = { n: 400, bad: 6, interval: { low: 0.005, high: 0.034, share: 0.015 } };
  const finding = {
    name: "slow",
    claim: "p95 grows",
    kind: "inconclusive",
    method: "exceedance",
    candidate: side,
    reference: { ...side, from: "concurrent stable" },
    logHarm: 1,
    logSafe: 30,
  } as const;

  it("ask for nothing while nothing was judged", () => {
    const none = { kind: "no-data", at: 0, because: [], logEvidence: 0, logThreshold: 0, findings: [] } as const;
    assert.equal(budgetSentence(playbook, none), "No claim has been judged yet.");
  });

  it("are natural frequencies with their interval", () => {
    assert.equal(
      findingSentence(finding),
      'slow ("p95 grows"): candidate: 6 bad of 400, so of 100 about 1.5 (95 % interval 0.5 to 3.4); concurrent stable: 6 bad of 400, so of 100 about 1.5 (95 % interval 0.5 to 3.4). inconclusive: 3 to 1 for it, over 10^13 to 1 against it.',
    );
  });

  it("say what slow is, which groups, which means, which run, and what is doubted", () => {
    const none = { ...side, n: 0, from: "none" } as const;
    const said = (more: object) => findingSentence({ ...finding, reference: none, ...more });
    assert.match(said({ threshold: 1.2345 }), /Slow is what takes longer than 1\.23 s\./);
    assert.match(
      said({ threshold: 1.2345, quantile: 0.99 }),
      /Of its quantiles p99 speaks most for harm: slow is what takes longer than 1\.23 s\./,
    );
    assert.match(said({ assumes: "approximate (asymptotic)" }), /This is approximate \(asymptotic\)\./);
    const german = { ...side, group: "language=de" };
    const segment = { candidate: german, reference: german, logHarm: 12, failed: true };
    assert.match(
      said({ segments: [segment], kind: "harmful" }),
      /It holds there by itself: candidate \(language=de\): 6 bad of 400.*; stable \(language=de\).*, 162,755 to 1\./,
    );
    const quiet = { ...segment, reference: { ...german, n: 0 }, failed: false };
    assert.match(said({ segments: [quiet] }), /It is loudest there: candidate \(language=de\): [^;]*, 162,755 to 1\./);
    assert.match(said({ doubts: ["labels of one arm are faster"] }), /Doubt: labels of one arm are faster\./);
    assert.match(said({ candidate: { ...side, group: "group=a" } }), /candidate \(group=a\): 6 bad/);
    assert.match(said({ candidate: { ...side, mean: -0.25 } }), /candidate: a mean of -0\.250 over 400/);
    assert.match(said({ candidate: { ...side, bad: 900 } }), /candidate: 900 bad of 400\./);
    assert.match(said({ candidate: { ...side, bad: 0 } }), /0 bad of 400, so of 1,000 about 0/);
    assert.match(said({ candidate: none }), /candidate: nothing seen/);
    assert.match(
      said({ method: "run-length", kind: "harmful", candidate: { ...side, bad: 31 } }),
      /the longest run was 31\. A plain limit, broken\./,
    );
    assert.match(said({ method: "policy" }), /^slow: the policy says: p95 grows\.$/);
    assert.match(said({ kind: "healthy" }), /The evidence that it does not hold is over 10\^13 to 1\./);
  });
});

describe("what an unannounced release is compared with", () => {
  it("is its frozen window, of shares, means and times, and nothing for a line of the trigger's own", async () => {
    const range = [0, 1] as const;
    const named = (name: string, kind: "mean" | "time") => ({ ...playbook.signals[0]!, name, kind, range });
    const by = { kind: "relative", value: 0.2 } as const;
    const book: Playbook = {
      ...playbook,
      signals: [...playbook.signals, named("mood", "mean"), named("latency", "time")],
      triggers: [
        { kind: "compare", name: "sad", signal: "mood", move: "rises", by },
        { kind: "slows", name: "slow", signal: "latency", quantile: 0.95, by: 0.2 },
        { kind: "limit", name: "many", signal: "losses", side: "above", limit: 0.1 },
      ],
    };
    const none = { release: "sha256:none", n: 0, k: 0 } as const;
    const finding = (
      name: string,
      signal: string,
      method: Finding["method"],
      fields: Partial<Finding> = {},
    ): Finding => {
      const candidate = { release: intruder.id, n: 1000, k: 100 };
      const head = { name, signal, method, candidate, reference: none, claim: name, kind: "inconclusive" } as const;
      return { ...head, logHarm: 0, logSafe: 0, ...fields };
    };
    const findings = [
      finding("sad", "mood", "mean-betting"),
      finding("slow", "latency", "exceedance", { threshold: upperEdge(50), quantile: 0.9 }),
      finding("many", "losses", "projected-bernoulli"),
    ];
    const rollout: Rollout = {
      id: "r",
      system: "loans",
      playbook: book.digest,
      candidate: intruder.id,
      stable: stable.id,
      phase: "progressing",
      step: 0,
      stepSince: 0,
      startedAt: 604_800_000,
      unannounced: true,
      frozen: [
        { signal: "mood", n: 4, k: 0, cells: [[8, 4]] },
        {
          signal: "latency",
          n: 2000,
          k: 0,
          cells: [
            [50, 1900],
            [51, 100],
          ],
          season: 0,
        },
        { signal: "losses", n: 1000, k: 50 },
      ],
      verdict: { kind: "inconclusive", at: 0, because: [], logEvidence: 0, logThreshold: 7, findings },
    };
    const store = createMemoryStore();
    await store.commit([{ kind: "rollout", rollout }]);
    const { findings: explained, sentences } = await explainRollout(store, book, "r");
    assert.deepEqual(
      explained.map(({ reference: { n, bad, from, mean } }) => [n, bad, from, mean]),
      [
        [4, 0, "frozen window", 0.5],
        [2000, 100, "frozen window", undefined],
        [0, 0, "none", undefined],
      ],
    );
    assert.match(sentences.join("\n"), /frozen window right before: a mean of 0\.500 over 4/);
    assert.match(sentences.join("\n"), /frozen window of Thursday 00:00 UTC, a week before: 100 bad of 2,000/);
  });
});
