import assert from "node:assert/strict";
import type { PolledSource, SignalSource, SourceHealth } from "../core/ports.ts";
import type { ReleaseId } from "../core/release.ts";
import type { Sample } from "../core/sample.ts";

/** What one test of the contract works on: a source and the world that it counts. */
export interface SignalSourceWorld {
  readonly source: SignalSource | PolledSource;
  /** A share of the playbook, and a release that its counts are of. */
  readonly signal: string;
  readonly release: ReleaseId;
  /** Lets this happen: `n` observations, `k` of them `part`; time goes on until the source can know. */
  happen(n: number, k: number): Promise<void> | void;
  /** For a source that is asked: nobody answers it any more, and then somebody does again. */
  silence?(): Promise<void> | void;
  speak?(): Promise<void> | void;
  stop(): Promise<void> | void;
}

type Trial = SignalSourceWorld & { readonly signalOfAbort: AbortSignal };

interface ContractTest {
  readonly test: string;
  /** Why the test does not apply to this world, if so. */
  readonly needs?: (world: SignalSourceWorld) => string | undefined;
  readonly check: (trial: Trial) => Promise<void>;
}

const polled = ({ source }: SignalSourceWorld) => (isPolled(source) ? undefined : "it is told and never asks");
const silent = (world: SignalSourceWorld) =>
  polled(world) ?? (world.silence && world.speak ? undefined : "its setup cannot be silenced");

/** Every test of the contract, by name. */
export const signalSourceContract: readonly ContractTest[] = [
  { test: "has nothing to tell before anything happened", check: beginsEmpty },
  { test: "tells what happened, all of it and no more", check: tellsTheTruth },
  { test: "tells everything once", check: tellsOnce },
  { test: "makes samples of one node that are never told again under their key", check: keysAreNew },
  { test: "makes samples that can be true", check: samplesArePossible },
  { test: "says when it was counted, after it happened", check: samplesAreDated },
  { test: "keeps what was drained as it was", check: drainedIsFrozen },
  { test: "says how often it wants to be asked", needs: polled, check: saysHowOften },
  { test: "answers without throwing when the call is aborted, and loses nothing", needs: polled, check: survivesAbort },
  { test: "counts once when it is asked twice at the same time", needs: polled, check: askedTwiceAtOnce },
  { test: "is not well while nobody answers, and loses nothing", needs: silent, check: survivesSilence },
];

async function beginsEmpty(trial: Trial): Promise<void> {
  assert.deepEqual(await learn(trial), []);
}

async function tellsTheTruth(trial: Trial): Promise<void> {
  await learn(trial);
  const told: Sample[] = [];
  for (const [n, k] of [
    [3, 1],
    [5, 5],
    [4, 0],
    [1, 1],
  ] as const) {
    await trial.happen(n, k);
    told.push(...(await learn(trial)));
  }
  assertTotal(trial, told, 13, 7);
}

async function tellsOnce(trial: Trial): Promise<void> {
  await learn(trial);
  await trial.happen(6, 2);
  assertTotal(trial, await learn(trial), 6, 2);
  assert.deepEqual(await learn(trial), []);
  assert.deepEqual(trial.source.drain(), []);
}

async function keysAreNew(trial: Trial): Promise<void> {
  await learn(trial);
  const keys = new Set<string>();
  const nodes = new Set<string>();
  let last = Number.NEGATIVE_INFINITY;
  for (let turn = 1; turn <= 3; turn++) {
    await trial.happen(turn, 1);
    const drained = await learn(trial);
    const sequences = new Set(drained.map(({ sequence }) => sequence));
    assert.equal(sequences.size, 1, "what is drained together has one sequence");
    assert.ok([...sequences][0]! > last, "sequences rise");
    last = [...sequences][0]!;
    for (const { node, sequence, bucket, signal, release, group } of drained) {
      keys.add([node, sequence, bucket, signal, release, group].join(" "));
      nodes.add(node);
    }
    assert.equal(keys.size >= turn, true);
    assert.equal(drained.length, new Set(drained.map((one) => `${one.bucket} ${one.signal} ${one.release}`)).size);
  }
  assert.equal(nodes.size, 1);
  assert.notEqual([...nodes][0], "");
}

async function samplesArePossible(trial: Trial): Promise<void> {
  await learn(trial);
  await trial.happen(9, 9);
  await trial.happen(2, 0);
  const drained = await learn(trial);
  assert.notEqual(drained.length, 0);
  for (const { sequence, bucket, n, k } of drained) {
    assert.ok(Number.isSafeInteger(sequence) && Number.isSafeInteger(n) && Number.isSafeInteger(k));
    assert.ok(n >= 0 && k >= 0 && n + k > 0, `an empty sample: ${n}, ${k}`);
    assert.equal(bucket % 1000, 0, "a bucket is a whole second");
  }
  for (const { signal, n, k } of drained) if (signal === trial.signal) assert.ok(k <= n, `${k} of ${n}`);
}

async function samplesAreDated(trial: Trial): Promise<void> {
  await learn(trial);
  await trial.happen(3, 1);
  const first = await learn(trial);
  await trial.happen(2, 1);
  const second = await learn(trial);
  let last = Number.NEGATIVE_INFINITY;
  for (const drained of [first, second]) {
    const [known = Number.NaN, ...others] = [...new Set(drained.map((sample) => sample.known))];
    assert.deepEqual(others, [], "what is drained together is known at one moment");
    assert.ok(known >= last && drained.every(({ bucket }) => known >= bucket), `known at ${known}`);
    last = known;
  }
}

async function drainedIsFrozen(trial: Trial): Promise<void> {
  await learn(trial);
  await trial.happen(3, 1);
  const drained = await learn(trial);
  const copy = structuredClone(drained);
  await trial.happen(2, 2);
  await learn(trial);
  assert.deepEqual(drained, copy);
}

async function saysHowOften({ source }: Trial): Promise<void> {
  assert.ok(isPolled(source) && Number.isFinite(source.everyMs) && source.everyMs > 0);
}

async function survivesAbort(trial: Trial): Promise<void> {
  await learn(trial);
  await trial.happen(4, 3);
  const health = await asPolled(trial.source).poll(AbortSignal.abort());
  assertReasoned(health);
  assertTotal(trial, [...trial.source.drain(), ...(await learn(trial))], 4, 3);
}

async function askedTwiceAtOnce(trial: Trial): Promise<void> {
  await learn(trial);
  await trial.happen(4, 1);
  const source = asPolled(trial.source);
  await Promise.all([source.poll(trial.signalOfAbort), source.poll(trial.signalOfAbort)]);
  assertTotal(trial, [...source.drain(), ...(await learn(trial))], 4, 1);
}

async function survivesSilence(trial: Trial): Promise<void> {
  await learn(trial);
  await trial.happen(2, 1);
  const told = [...(await learn(trial))];
  await trial.silence!();
  const health = await asPolled(trial.source).poll(trial.signalOfAbort);
  assert.notEqual(health.kind, "ok", "nobody answers, and it says that all is well");
  assertReasoned(health);
  await trial.speak!();
  await trial.happen(5, 2);
  told.push(...(await learn(trial)));
  assertTotal(trial, told, 7, 3);
}

/** Asks, where it has to be asked, and drains. */
async function learn({ source, signalOfAbort }: Trial): Promise<readonly Sample[]> {
  if (isPolled(source)) assertReasoned(await source.poll(signalOfAbort));
  return source.drain();
}

function assertReasoned(health: SourceHealth): void {
  assert.ok(health.kind === "ok" || health.reason.trim() !== "", `${health.kind} without a reason`);
}

function assertTotal({ signal, release }: Trial, told: readonly Sample[], n: number, k: number): void {
  const own = told.filter((sample) => sample.signal === signal);
  assert.ok(
    own.every((sample) => sample.release === release),
    "counts of another release",
  );
  const total = own.reduce((sum, sample) => [sum[0]! + sample.n, sum[1]! + sample.k], [0, 0]);
  assert.deepEqual(total, [n, k], `told ${total[1]} of ${total[0]}, and ${k} of ${n} happened`);
}

function isPolled(source: SignalSource | PolledSource): source is PolledSource {
  return "poll" in source;
}

function asPolled(source: SignalSource | PolledSource): PolledSource {
  assert.ok(isPolled(source));
  return source;
}
