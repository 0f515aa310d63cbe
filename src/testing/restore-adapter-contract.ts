import assert from "node:assert/strict";
import { setTimeout } from "node:timers/promises";
import { isDigest } from "../core/digest.ts";
import type { Applied } from "../core/ports.ts";
import { answers, apply, changesNothing, live, type RestoreAdapterWorld, type Trial } from "./restore-adapter-trial.ts";

export type { RestoreAdapterWorld } from "./restore-adapter-trial.ts";

interface ContractTest {
  readonly test: string;
  /** Why the test does not apply to this world, if so. */
  readonly needs?: (world: RestoreAdapterWorld) => string | undefined;
  readonly check: (trial: Trial) => Promise<void>;
}

const cas = ({ adapter }: RestoreAdapterWorld) =>
  adapter.guarantee === "cas" ? undefined : `its guarantee is "${adapter.guarantee}", not "cas"`;
const keyed = ({ adapter }: RestoreAdapterWorld) =>
  adapter.guarantee === "blind" ? 'its guarantee is "blind"' : undefined;
const casAndRival = (world: RestoreAdapterWorld) =>
  cas(world) ?? (world.rival === undefined ? "its setup has no rival" : undefined);

const freezing = ({ adapter, rivalActs }: RestoreAdapterWorld) =>
  adapter.rivals && rivalActs ? undefined : "its setup has no controller that would undo a restore";

const named = ({ adapter, reference }: RestoreAdapterWorld) =>
  adapter.resolve && reference !== undefined ? undefined : "only digests name a revision here";
const identifying = ({ adapter }: RestoreAdapterWorld) =>
  adapter.identify ? undefined : "its target has no identity of its own";
const staging = ({ adapter }: RestoreAdapterWorld) => (adapter.stage ? undefined : "it has nothing to stage");
const seeing = ({ adapter }: RestoreAdapterWorld) => (adapter.seen ? undefined : "the place itself serves");

/** Every test of the contract, by name. */
export const restoreAdapterContract: readonly ContractTest[] = [
  { test: "serves its own scheme only", check: servesOwnScheme },
  { test: "declares what a change is, and what can be undone is undone", check: keepsDeclaration },
  { test: "reads what serves by identity", check: readsIdentity },
  { test: "says which revisions the target still holds", check: saysWhatIsHeld },
  { test: "applies, and reads back what it applied", check: appliesAndReadsBack },
  { test: "restores in both directions", check: restoresBothWays },
  { test: "gives the same key one effect", needs: keyed, check: sameKeyOneEffect },
  { test: "remembers a key after others have written", needs: keyed, check: remembersKey },
  { test: "answers conflict to a wrong before-state and changes nothing", needs: cas, check: wrongBefore },
  { test: "answers stale to a lower fence and changes nothing", needs: cas, check: lowerFence },
  { test: "answers conflict when a rival wrote after the read", needs: casAndRival, check: rivalWrote },
  { test: "refuses an unknown digest and changes nothing", check: refusesUnknown },
  { test: "resolves the name that people use to a revision that is held", needs: named, check: resolvesName },
  { test: "stages a revision and changes nothing that serves, once or twice", needs: staging, check: stagesQuietly },
  { test: "applies what is staged, and what is staged no more", needs: staging, check: appliesStaged },
  { test: "does not claim to have staged what is not held", needs: staging, check: stagesUnknown },
  { test: "identifies who answers, the same way each time", needs: identifying, check: identifiesItself },
  { test: "sees what was applied in what serves", needs: seeing, check: seesWhatServes },
  { test: "freezes who would undo a restore, and nothing is undone", needs: freezing, check: freezesRival },
  { test: "thaws into exactly the state that the freeze found", needs: freezing, check: thawsRival },
  { test: "tells a rival nothing that somebody else or a newer holder changed", needs: freezing, check: guardsRival },
  { test: "answers without throwing when the call is aborted", check: survivesAbort },
  { test: "answers without throwing for an address where nothing is", check: survivesNowhere },
];

async function servesOwnScheme({ adapter, at }: Trial): Promise<void> {
  assert.equal(adapter.serves(at), true);
  for (const other of ["no-such-scheme://somewhere/thing", "", at.slice(at.indexOf(":") + 1), `x${at}`]) {
    assert.equal(adapter.serves(other), false, `claims to serve ${JSON.stringify(other)}`);
  }
}

async function keepsDeclaration(world: Trial): Promise<void> {
  const { adapter, at, revisions, signal } = world;
  const declared = adapter.undo(at);
  assert.ok([undefined, "compensatable", "retriable", "pivot", "irreversible"].includes(declared), `${declared}`);
  if (declared === undefined || declared === "retriable" || declared === "pivot") return;
  const answer = await apply(world, { desired: revisions[1], key: "out" });
  if (declared === "irreversible") return answers(answer, ["refused"]);
  answers(answer, ["applied"]);
  assert.equal(await adapter.holds(at, revisions[0], signal), true, "what it replaced is not kept");
  answers(await apply(world, { desired: revisions[0], key: "back" }), ["applied"]);
  assert.equal((await live(world)).digest, revisions[0]);
}

async function readsIdentity(world: Trial): Promise<void> {
  const found = await live(world);
  assert.equal(found.digest, world.revisions[0]);
  assert.ok(isDigest(found.digest));
  assert.equal((await live(world)).version, found.version, "the version moved without a write");
}

async function saysWhatIsHeld({ adapter, at, revisions, unknown, signal }: Trial): Promise<void> {
  for (const digest of revisions) assert.equal(await adapter.holds(at, digest, signal), true);
  assert.equal(await adapter.holds(at, unknown, signal), false);
}

async function appliesAndReadsBack(world: Trial): Promise<void> {
  const before = await live(world);
  answers(await apply(world, { before, desired: world.revisions[1] }), ["applied"]);
  const after = await live(world);
  assert.equal(after.digest, world.revisions[1]);
  if (world.adapter.guarantee === "cas") assert.notEqual(after.version, before.version, "a write needs a new version");
}

async function restoresBothWays(world: Trial): Promise<void> {
  for (const [turn, desired] of [world.revisions[1], world.revisions[0], world.revisions[1]].entries()) {
    answers(await apply(world, { desired, key: `turn-${turn}`, fence: 1 + turn }), ["applied"]);
    assert.equal((await live(world)).digest, desired);
  }
}

async function sameKeyOneEffect(world: Trial): Promise<void> {
  const request = { before: await live(world), desired: world.revisions[1], key: "once" };
  answers(await apply(world, request), ["applied"]);
  const after = await live(world);
  answers(await apply(world, request), ["already", "applied"]);
  assert.deepEqual(await live(world), after, "the repeated key had a second effect");
}

async function remembersKey(world: Trial): Promise<void> {
  const first = { before: await live(world), desired: world.revisions[1], key: "first", fence: 1 };
  answers(await apply(world, first), ["applied"]);
  answers(await apply(world, { desired: world.revisions[0], key: "second", fence: 1 }), ["applied"]);
  await apply(world, first);
  assert.equal((await live(world)).digest, world.revisions[0], "a late duplicate undid a newer write");
}

async function wrongBefore(world: Trial): Promise<void> {
  const before = { digest: world.revisions[1], version: "no-such-version" };
  await changesNothing(world, { before, desired: world.revisions[1] }, "conflict");
}

async function lowerFence(world: Trial): Promise<void> {
  answers(await apply(world, { desired: world.revisions[1], key: "new-holder", fence: 7 }), ["applied"]);
  await changesNothing(world, { desired: world.revisions[0], key: "old-holder", fence: 6 }, "stale");
  answers(await apply(world, { desired: world.revisions[0], key: "same-holder", fence: 7 }), ["applied"]);
}

async function rivalWrote(world: Trial): Promise<void> {
  const before = await live(world);
  await world.rival?.(world.revisions[1]);
  assert.equal((await live(world)).digest, world.revisions[1], "the setup's rival changed nothing");
  await changesNothing(world, { before, desired: world.revisions[0] }, "conflict");
}

async function refusesUnknown(world: Trial): Promise<void> {
  await changesNothing(world, { desired: world.unknown }, "refused");
}

async function resolvesName({ adapter, at, revisions, reference, signal }: Trial): Promise<void> {
  const found = await adapter.resolve!(at, reference!, signal);
  assert.ok(found.kind === "revision", "reason" in found ? found.reason : "");
  assert.equal(found.revision.digest, revisions[1]);
  assert.equal((await adapter.resolve!(at, "no-such-revision", signal)).kind, "unknown");
  assert.notEqual((await adapter.resolve!(`${at}-that-is-not-there`, reference!, signal)).kind, "revision");
}

async function stagesQuietly(world: Trial): Promise<void> {
  const { at, adapter, revisions, signal } = world;
  const before = await live(world);
  for (const digest of [revisions[1], revisions[1], revisions[0], revisions[1]]) {
    assert.deepEqual(await adapter.stage!(at, digest, signal), { kind: "staged" });
    assert.deepEqual(await live(world), before);
  }
  await adapter.unstage!(at, signal);
  await adapter.unstage!(at, signal);
  assert.deepEqual(await live(world), before);
}

async function appliesStaged(world: Trial): Promise<void> {
  const { at, adapter, revisions, signal } = world;
  await adapter.stage!(at, revisions[1], signal);
  answers(await apply(world, { desired: revisions[1], key: "staged" }), ["applied"]);
  assert.equal((await live(world)).digest, revisions[1]);
  await adapter.stage!(at, revisions[0], signal);
  await adapter.unstage!(at, signal);
  answers(await apply(world, { desired: revisions[0], key: "unstaged" }), ["applied"]);
  assert.equal((await live(world)).digest, revisions[0]);
}

async function stagesUnknown({ adapter, at, unknown, signal }: Trial): Promise<void> {
  assert.notEqual((await adapter.stage!(at, unknown, signal)).kind, "staged");
}

async function identifiesItself({ adapter, at, signal }: Trial): Promise<void> {
  const first = await adapter.identify!(at, signal);
  assert.ok(first.kind === "identified" && first.identity !== "", "reason" in first ? first.reason : "no identity");
  assert.deepEqual(await adapter.identify!(at, signal), first);
}

async function seesWhatServes(world: Trial): Promise<void> {
  const { adapter, at, revisions, signal } = world;
  answers(await apply(world, { desired: revisions[1] }), ["applied"]);
  let seen = await adapter.seen!(at, revisions[1], signal);
  for (let tries = 0; seen.kind !== "seen" && tries < 400; tries++) {
    await setTimeout(20);
    seen = await adapter.seen!(at, revisions[1], signal);
  }
  assert.ok(seen.kind === "seen", "reason" in seen ? `not seen: ${seen.reason}` : "");
  assert.notEqual((await adapter.seen!(at, world.unknown, signal)).kind, "seen");
}

async function freezesRival(world: Trial): Promise<void> {
  const { revisions, rivalActs } = world;
  answers(await apply(world, { desired: revisions[1], key: "unfrozen" }), ["applied"]);
  await rivalActs!();
  assert.equal((await live(world)).digest, revisions[0], "the setup's rival undoes nothing");
  const { rival } = await rivalOf(world);
  answers(await tell(world, rival.frozen, "freeze"), ["applied"]);
  assert.equal((await rivalOf(world)).state, rival.frozen);
  answers(await apply(world, { desired: revisions[1], key: "frozen" }), ["applied"]);
  await rivalActs!();
  assert.equal((await live(world)).digest, revisions[1], "a frozen rival undid the restore");
}

async function thawsRival(world: Trial): Promise<void> {
  const { rival, state } = await rivalOf(world);
  answers(await tell(world, rival.frozen, "freeze"), ["applied"]);
  answers(await tell(world, rival.frozen, "freeze"), ["already"]);
  answers(await tell(world, state, "thaw"), ["applied"]);
  assert.equal((await rivalOf(world)).state, state);
  answers(await apply(world, { desired: world.revisions[1] }), ["applied"]);
  await world.rivalActs!();
  assert.equal((await live(world)).digest, world.revisions[0], "a thawed rival does not work");
}

async function guardsRival(world: Trial): Promise<void> {
  const { rival, version } = await rivalOf(world);
  answers(await tell(world, rival.frozen, "first", { fence: 7 }), ["applied"]);
  answers(await tell(world, rival.frozen, "late", { fence: 7, before: { version } }), ["conflict"]);
  answers(await tell(world, "null", "old-holder", { fence: 6 }), ["stale"]);
  assert.equal((await rivalOf(world)).state, rival.frozen);
  const nowhere = { ...rival, at: `${rival.at}-that-is-not-there` };
  assert.equal((await world.adapter.readRival!(nowhere, world.signal)).kind, "unreachable");
  const request = { ...nowhere, state: rival.frozen, before: { version }, key: "nowhere", fence: 7 };
  answers(await world.adapter.writeRival!(request, world.signal), ["refused", "unknown", "conflict"]);
}

async function rivalOf({ adapter, at, signal }: Trial) {
  const [rival] = await adapter.rivals!(at, signal);
  assert.ok(rival, "the adapter names no rival");
  const found = await adapter.readRival!(rival, signal);
  assert.ok(found.kind === "live", "reason" in found ? found.reason : "");
  return { rival, ...found };
}

async function tell(
  world: Trial,
  state: string,
  key: string,
  more: { readonly fence?: number; readonly before?: { readonly version: string } } = {},
): Promise<Applied> {
  const { rival, version } = await rivalOf(world);
  const { at, through } = rival;
  return world.adapter.writeRival!({ at, through, state, before: { version }, key, fence: 1, ...more }, world.signal);
}

async function survivesAbort(world: Trial): Promise<void> {
  const { adapter, at, revisions } = world;
  const before = await live(world);
  const request = { at, desired: revisions[1], before, key: "aborted", fence: 1 };
  const answer = await adapter.apply(request, AbortSignal.abort());
  answers(answer, ["unknown", "applied"]);
  if (answer.kind === "applied") assert.equal((await live(world)).digest, revisions[1]);
  const read = await adapter.read(at, AbortSignal.abort());
  if (adapter.stage) assert.ok((await adapter.stage(at, revisions[1], AbortSignal.abort())).kind);
  assert.ok(read.kind === "unreachable" || isDigest(read.digest));
  assert.equal(typeof (await adapter.holds(at, revisions[1], AbortSignal.abort())), "boolean");
}

async function survivesNowhere({ adapter, at, revisions, signal }: Trial): Promise<void> {
  const nowhere = `${at}-that-is-not-there`;
  assert.equal((await adapter.read(nowhere, signal)).kind, "unreachable");
  assert.equal(await adapter.holds(nowhere, revisions[0], signal), false);
  const before = { digest: revisions[0], version: "1" };
  const request = { at: nowhere, desired: revisions[1], before, key: "nowhere", fence: 1 };
  answers(await adapter.apply(request, signal), ["refused", "unknown", "conflict"]);
}
