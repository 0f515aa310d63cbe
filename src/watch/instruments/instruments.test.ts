import assert from "node:assert/strict";
import { it } from "node:test";
import type { Signal } from "../../core/playbook.ts";
import type { Sample } from "../../core/sample.ts";
import { drawBinomial } from "../../simulation/draws.ts";
import { createSeededRandom } from "../../simulation/random.ts";
import { CANDIDATE, LOSSES, STABLE, START } from "../stream.fixture.ts";
import { createInstruments } from "./instruments.ts";
import { stickyTraffic } from "./sticky-traffic.fixture.ts";

const ERRORS: Signal = { ...LOSSES, name: "errors", part: "failed", of: "requests", from: "gateway" };

/** Requests of persons, some of which fail alone and some with three others; the same are counted by both signals. */
function doubts(signals: readonly Signal[], share: number, burst = 1) {
  const instruments = createInstruments({ signals, candidate: CANDIDATE, reference: STABLE });
  instruments.exposed(START - 90_000, 0.05);
  const random = createSeededRandom("all");
  let second = 0;
  for (const [n, k] of stickyTraffic(random, { seconds: 900, rate: 300, share: () => share, most: 20 })) {
    const row = { node: "node-1", sequence: second, bucket: START + 1000 * second, known: START + 1000 * second + 900 };
    const arm = (release: typeof STABLE, requests: number): Sample[] => {
      const bad = Math.min(requests, burst * drawBinomial(random, requests, 0.01));
      return signals.map(({ name }) => ({ ...row, release, signal: name, n: requests, k: bad }));
    };
    const batch = [...arm(CANDIDATE, k), ...arm(STABLE, n - k)];
    for (const { name } of signals) instruments.of(name).observe(batch.filter(({ signal }) => signal === name));
    second++;
  }
  return signals.map(({ name }) => instruments.doubts(name));
}

it("sound numbers leave no doubt about any signal, whoever counts them", () => {
  assert.deepEqual(doubts([ERRORS, LOSSES], 0.05), [[], []]);
  assert.deepEqual(doubts([LOSSES], 0.05), [[]]);
});

it("a broken split, seen by the gateway, is a doubt about every signal", () => {
  const [errors, losses] = doubts([ERRORS, LOSSES], 0.5);
  assert.match(errors![0]!, /^the candidate should get 5 % of requests and gets/);
  assert.deepEqual(losses, errors);
});

it("without a gateway each signal tells it of what it counts", () => {
  const [losses] = doubts([LOSSES], 0.5);
  assert.match(losses![0]!, /^the candidate should get 5 % of loans and gets/);
});

it("bursts are a doubt about the signals that have them and do not count by person", () => {
  const [errors, losses] = doubts([ERRORS, { ...LOSSES, per: "session" }], 0.05, 4);
  assert.match(errors![0]!, /^bad outcomes come in bursts/);
  assert.deepEqual(losses, []);
});

it("what is not watched is not doubted", () => {
  const instruments = createInstruments({ signals: [], candidate: CANDIDATE, reference: STABLE });
  instruments.exposed(START, 0.05);
  assert.deepEqual(instruments.doubts("losses"), []);
});
