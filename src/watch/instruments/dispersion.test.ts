import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Signal } from "../../core/playbook.ts";
import type { Sample } from "../../core/sample.ts";
import { drawBinomial, drawInteger, drawOrder, drawPoisson } from "../../simulation/draws.ts";
import { createSeededRandom } from "../../simulation/random.ts";
import { APPROVALS, CANDIDATE, LOSSES, STABLE, START } from "../stream.fixture.ts";
import { dispersionIn, watchDispersion } from "./dispersion.ts";

interface World {
  readonly seconds?: number;
  readonly rate?: number;
  readonly bad?: (second: number) => number;
  /** So many bad outcomes come together, up to so many seconds between two of them. */
  readonly burst?: number;
  readonly gap?: number;
  /** Seconds of one report of a polled source. */
  readonly step?: number;
}

/** Stable's seconds, one batch each. */
function stable(seed: string, world: World = {}): readonly (readonly Sample[])[] {
  const { seconds = 3600, rate = 1000, bad = () => 0.005, burst = 1, gap = 0, step = 1 } = world;
  const random = createSeededRandom(seed);
  const served = Array.from({ length: Math.ceil(seconds / step) }, () => ({ n: 0, k: 0 }));
  for (let second = 0; second < seconds; second++) {
    const n = drawPoisson(random, rate);
    served[Math.floor(second / step)]!.n += n;
    const bursts =
      burst === 1 ? drawBinomial(random, n, bad(second)) : drawPoisson(random, (rate * bad(second)) / burst);
    for (let left = bursts; left > 0; left--) {
      let at = second;
      for (let one = 0; one < burst; one++) {
        const row = served[Math.floor(at / step)];
        if (row) row.k += 1;
        at += drawInteger(random, 0, gap);
      }
    }
  }
  return served.map((counts, index) => [aRow(index * step, counts.n, counts.k)]);
}

function aRow(second: number, n: number, k: number, fields: Partial<Sample> = {}): Sample {
  const row = { node: "node-1", sequence: second, signal: "losses", release: STABLE, n, k: Math.min(n, k) };
  return { ...row, bucket: START + 1000 * second, ...fields };
}

/** After how many batches bursts are doubted, and how; undefined when never. */
function found(batches: readonly (readonly Sample[])[], signal: Signal = LOSSES) {
  const instrument = watchDispersion({ signal, reference: STABLE });
  for (const [index, batch] of batches.entries()) {
    instrument.observe(batch);
    const [doubt] = instrument.doubts();
    if (doubt) return { doubt, index, instrument };
  }
  return undefined;
}

describe("bad outcomes that come one by one", () => {
  const worlds: Readonly<Record<string, World>> = {
    "in busy traffic": {},
    "in quiet traffic": { rate: 50 },
    "more often than not": { rate: 50, bad: () => 0.6 },
    "hardly ever": { bad: () => 1e-4 },
    "with a cycle": { bad: (second) => 0.005 * (1 + 0.6 * Math.sin(second / 300)) },
    "with an outage": { bad: (second) => (second > 1000 && second < 1060 ? 0.3 : 0.005) },
    "from a source that is asked every 15 s": { step: 15 },
  };
  for (const [name, world] of Object.entries(worlds))
    it(`${name} are no bursts`, () => {
      for (let run = 0; run < 10; run++) {
        const batches = stable(`${name} ${run}`, world);
        assert.equal(found(batches), undefined);
        assert.ok((dispersionIn(batches.flat(), LOSSES, STABLE) ?? 1) < 1.2);
      }
    });
});

describe("bad outcomes that come in bursts", () => {
  it("are doubted, and the sentence says how much and what to do", () => {
    for (const [burst, within] of [
      [2, 700],
      [5, 300],
    ] as const) {
      const doubted = found(stable("bursts", { burst }));
      assert.ok(doubted && doubted.index < within, JSON.stringify(doubted));
      assert.match(
        doubted.doubt,
        /^bad outcomes come in bursts \(variance at least [1-4]\.\d times .*\): count by .*`per`$/,
      );
    }
  });

  it("are doubted where a burst takes seconds too", () => {
    assert.ok(found(stable("slow bursts", { burst: 8, gap: 4 })));
  });

  it("are doubted where falling short is the bad part", () => {
    const batches = stable("bursts", { burst: 5 }).map((batch) =>
      batch.map((row) => ({ ...row, signal: "approvals", k: row.n - row.k })),
    );
    assert.ok(found(batches, APPROVALS));
    assert.ok(dispersionIn(batches.flat(), APPROVALS, STABLE)! > 3);
  });

  it("stay doubted as it was first said", () => {
    const { doubt, instrument } = found(stable("bursts", { burst: 5 }))!;
    for (const batch of stable("calm")) instrument.observe(batch);
    assert.deepEqual(instrument.doubts(), [doubt]);
  });

  it("are nothing to doubt where persons are counted, nor in the candidate, another signal, a group or impossible counts", () => {
    const batches = stable("bursts", { burst: 5 });
    assert.equal(found(batches, { ...LOSSES, per: "session" }), undefined);
    for (const fields of [{ release: CANDIDATE }, { signal: "errors" }, { group: "age=old" }, { n: 1, k: 2 }])
      assert.equal(found(batches.map((batch) => batch.map((row) => ({ ...row, ...fields })))), undefined);
  });

  it("are found in outcomes that are known late, when the signal says how late", () => {
    const batches = stable("bursts", { burst: 5, seconds: 1200 });
    const late = batches.map((_, second) => [
      aRow(second, 1, 0),
      ...(batches[second - 300] ?? []).map((row) => ({ ...row, sequence: second })),
    ]);
    assert.equal(found(late), undefined, "nothing is awaited for so long");
    assert.ok(found(late, { ...LOSSES, labels: 400_000 }));
  });
});

describe("a frozen window", () => {
  it("has the dispersion of its bad outcomes, whatever the order and the batches of its samples", () => {
    const rows = stable("bursts", { burst: 2, seconds: 900 }).flat();
    const told = dispersionIn(rows, LOSSES, STABLE);
    assert.ok(told && told > 1.2 && told < 2.2, `${told}`);
    const halves = rows.flatMap((row) => {
      const n = Math.floor(row.n / 2);
      return [
        { ...row, n, k: 0 },
        { ...row, n: row.n - n, sequence: row.sequence + 1 },
      ];
    });
    assert.equal(dispersionIn(drawOrder(createSeededRandom("order"), halves), LOSSES, STABLE), told);
  });

  it("of a minute, or without a bad outcome, tells nothing", () => {
    assert.equal(dispersionIn(stable("short", { seconds: 60 }).flat(), LOSSES, STABLE), undefined);
    assert.equal(dispersionIn(stable("sound", { bad: () => 0 }).flat(), LOSSES, STABLE), undefined);
    assert.equal(dispersionIn([], LOSSES, STABLE), undefined);
  });
});
