import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { createSimulatedClock } from "./clock.ts";

const START = Date.UTC(2026, 0, 1);

describe("the simulated clock", () => {
  test("stands still until it is driven, and then jumps to the sleeper", async () => {
    const clock = createSimulatedClock(START);
    const nap = clock.sleep(3_600_000).then(() => clock.now());
    assert.equal(clock.now(), START);
    assert.equal(await clock.run(nap), START + 3_600_000);
  });

  test("wakes sleepers by time, and those of one instant in the order they lay down", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 20 }), { maxLength: 40 }), async (spans) => {
        const clock = createSimulatedClock(START);
        const woke: { span: number; index: number }[] = [];
        await clock.run(
          Promise.all(spans.map((span, index) => clock.sleep(span).then(() => void woke.push({ span, index })))),
        );
        const expected = spans
          .map((span, index) => ({ span, index }))
          .sort((a, b) => a.span - b.span || a.index - b.index);
        assert.deepEqual(woke, expected);
      }),
      { numRuns: 60 },
    );
  });

  test("an aborted sleeper wakes at once and takes no time", async () => {
    const clock = createSimulatedClock(START);
    const stop = new AbortController();
    const nap = clock.sleep(60_000, stop.signal);
    const stopper = clock.sleep(5).then(() => stop.abort());
    await clock.run(Promise.all([nap, stopper]));
    assert.equal(clock.now(), START + 5);
    assert.equal(clock.asleep(), 0);
    await clock.run(clock.sleep(60_000, AbortSignal.abort()));
    assert.equal(clock.now(), START + 5);
  });

  test("a background loop does not keep a run from ending", async () => {
    const clock = createSimulatedClock(START);
    const stop = new AbortController();
    let beats = 0;
    const loop = (async () => {
      while (!stop.signal.aborted) {
        await clock.sleep(1000, stop.signal);
        beats++;
      }
    })();
    await clock.run(clock.sleep(10_500));
    assert.equal(beats, 10);
    stop.abort();
    await loop;
  });

  test("advance wakes whoever is due and leaves the rest asleep", async () => {
    const clock = createSimulatedClock(START);
    const woke: number[] = [];
    for (const span of [10, 20, 30]) void clock.sleep(span).then(() => woke.push(span));
    await clock.advance(20);
    assert.deepEqual(woke, [10, 20]);
    assert.equal(clock.now(), START + 20);
    assert.equal(clock.asleep(), 1);
    await clock.advance(100);
    assert.equal(clock.now(), START + 120);
  });

  test("a failure of the promise is the failure of the run", async () => {
    const clock = createSimulatedClock(START);
    const doomed = clock.sleep(10).then(() => Promise.reject(new Error("target gone")));
    await assert.rejects(clock.run(doomed), /target gone/);
  });

  test("a promise that nobody will settle is an error and not a hang", async () => {
    const clock = createSimulatedClock(START);
    await assert.rejects(
      clock.run(new Promise(() => {})),
      /stands still at 2026-01-01T00:00:00.000Z: nobody is asleep/,
    );
  });

  test("a limit that is reached names the sleepers", async () => {
    const clock = createSimulatedClock(START);
    void clock.sleep(7_200_000);
    const never = new Promise(() => {});
    await assert.rejects(
      clock.run(never, { within: 60_000 }),
      /not settled after 1 min 0 s. Asleep \(1\): 2 h 0 min until/,
    );
    const loop = (async () => {
      for (;;) await clock.sleep(1);
    })();
    await assert.rejects(clock.run(loop, { wakes: 1000 }), /woke without end/);
  });

  test("two drivers at once, and a span that is no number, are refused", async () => {
    const clock = createSimulatedClock(START);
    const first = clock.run(clock.sleep(1));
    await assert.rejects(clock.run(clock.sleep(1)), /already being driven/);
    await first;
    await assert.rejects(clock.sleep(Number.NaN), /span in milliseconds/);
  });
});
