import assert from "node:assert/strict";
import { describe } from "node:test";
import { leafOf } from "../../core/leaf.ts";
import type { Verdict } from "../../core/verdict.ts";
import { anEntry, aRollout, aRoute, aSaga, aSample, aStep, NOON } from "./fixtures.ts";
import type { Cases } from "./suite.ts";

const numbers: readonly number[] = [0, -0, 0.1 + 0.2, 1e-300, Number.MIN_VALUE, Number.MAX_VALUE, -1.5, 2 ** 53 - 1];

const texts: Readonly<Record<string, string>> = {
  "no text": "",
  "a quote": 'O\'Brien "the" `tester`',
  "what looks like SQL": "'); DROP TABLE rollouts; --",
  "braces, commas and backslashes": '{a,"b\\",NULL,\\\\}',
  "line ends": "a\nb\r\nc\u2028d",
  "signs beyond the first plane": "🛟𝒳",
  "a combining accent": "e\u0301",
  "text from right to left": "\u202eabc\u202c שלום",
  "a word of JavaScript": "__proto__",
  "a word of SQL": "NULL",
  "a dollar and a number": "$1 $2 :name ?",
  "ten thousand letters": "x".repeat(10_000),
};

/** Values come back as they were, wherever they stand. */
export function valueCases(cases: Cases): void {
  describe("a number", () => numberCases(cases));
  describe("a text", () => textCases(cases));
}

function numberCases({ suite, test }: Cases): void {
  for (const number of numbers)
    test(`of ${Object.is(number, -0) ? "-0" : number} comes back to the last bit`, async (store) => {
      const sample = aSample({ bucket: number, n: number, k: number });
      const verdict: Verdict = {
        kind: "healthy",
        at: number,
        because: [],
        logEvidence: number,
        logThreshold: number,
        findings: [],
      };
      await store.commit([
        { kind: "samples", rollout: "r1", samples: [sample] },
        { kind: "rollout", rollout: aRollout("r1", { startedAt: number, verdict }) },
      ]);
      // Counts and seconds have no -0 of their own.
      const counted = number === 0 ? 0 : number;
      const [found] = await store.samples("r1");
      assert.deepEqual(
        [found?.bucket, found?.n, found?.k].map((value) => (value === 0 ? 0 : value)),
        [counted, counted, counted],
      );
      assert.deepEqual(await store.rollout("r1"), aRollout("r1", { startedAt: number, verdict }));
    });

  if (!suite.skip?.includes("durable"))
    test("of samples that is none is refused together with its commit", async (store) => {
      const broken = aSample({ n: Number.NaN });
      const rollout = aRollout("r1");
      await assert.rejects(
        store.commit([
          { kind: "rollout", rollout },
          { kind: "samples", rollout: "r1", samples: [broken] },
        ]),
      );
      assert.equal(await store.rollout("r1"), undefined);
      assert.deepEqual(await store.samples("r1"), []);
    });

  test("of moments with fractions comes back unchanged", async (store) => {
    const moments = [NOON + 0.2, NOON + 0.1, NOON + 0.3];
    for (const startedAt of moments)
      await store.commit([{ kind: "rollout", rollout: aRollout(`${startedAt}`, { startedAt }) }]);
    const listed = await store.rollouts();
    assert.deepEqual(listed.map((rollout) => rollout.startedAt).toReversed(), moments);
  });
}

function textCases({ test }: Cases): void {
  for (const [name, text] of Object.entries(texts))
    test(`of ${name} is a name and a value like any other`, async (store) => {
      const rollout = aRollout(text, { system: text, note: text });
      const entry = anEntry(text, { system: text, rollout: text, actor: text });
      await store.commit([
        { kind: "rollout", rollout },
        { kind: "saga", saga: aSaga(text, text, { note: text }) },
        { kind: "step", record: aStep(text, text, { note: text }) },
        { kind: "samples", rollout: text, samples: [aSample({ node: text, signal: text, group: text })] },
        { kind: "route", route: aRoute(1, { system: text }) },
        { kind: "token", token: { id: text, sha256: text, role: "reporter", createdAt: NOON } },
        { kind: "entry", entry },
      ]);
      assert.deepEqual(await store.record(text), {
        rollout,
        samples: [aSample({ node: text, signal: text, group: text })],
        sagas: [aSaga(text, text, { note: text })],
        steps: [aStep(text, text, { note: text })],
      });
      assert.deepEqual(await store.rollouts(text), [rollout]);
      assert.deepEqual(await store.route(text), aRoute(1, { system: text }));
      assert.equal((await store.tokens())[0]?.id, text);
      assert.deepEqual(await store.entries(0, 1), [{ index: 0, leaf: leafOf(entry) }]);
      assert.equal(await store.rollout(`${text}.`), undefined);
    });
}
