import type { Rollout, RolloutRecord } from "../core/rollout.ts";
import type { Witness } from "./witness.ts";
import type { World } from "./world.ts";

/** Checks what must hold once a rollout has ended and the last late request has landed; violations go to the witness. */
export async function checkEnd(world: World, witness: Witness, id: string): Promise<void> {
  const record = await world.store.record(id);
  if (!record) return witness.violate("the rollout is lost");
  await nothingAcknowledgedIsLost(world, witness, record);
  effectsOnceAndNeverStale(world, witness);
  nobodyIsLeftFrozen(world, witness);
  const { rollout } = record;
  const { skews = [], jump = 0 } = world.scenario.crowd ?? {};
  if ([...skews, jump].every((wrong) => wrong === 0)) clocksInOrder(witness, rollout);
  if (rollout.endedAt === undefined) witness.violate("the rollout never ended");
  if (witness.acknowledged.cord && rollout.phase !== "aborted" && !rollout.rollback)
    witness.violate("an order to go back that was acknowledged is forgotten");
  if (rollout.rollback) await wentBack(world, witness, rollout);
  else if (rollout.phase === "aborted") componentsAreBack(world, witness, "a rollout that ended without a trace");
}

async function nothingAcknowledgedIsLost(world: World, witness: Witness, record: RolloutRecord): Promise<void> {
  const { acknowledged, violate } = witness;
  const kept = (await world.store.entries(0, Number.MAX_SAFE_INTEGER)).map(({ leaf }) => leaf);
  if (kept.length !== acknowledged.leaves.length || acknowledged.leaves.some((leaf, index) => leaf !== kept[index])) {
    violate("the ledger's entries are not those that were acknowledged");
  }
  const samples = await world.store.samples(record.rollout.id);
  if (samples.length !== acknowledged.samples) violate("samples that were acknowledged are lost");
  const states = new Map<string, unknown>([
    [`rollout ${record.rollout.id}`, record.rollout],
    ...record.steps.map((step) => [`step ${step.saga} ${step.step} ${step.direction ?? "forward"}`, step] as const),
  ]);
  for (const release of [world.system.stable.id, world.system.candidate.id]) {
    states.set(`quarantine ${release}`, await world.store.quarantine(release));
  }
  for (const [name, state] of acknowledged.states) {
    if (!same(states.get(name), state)) violate(`${name} is not as it was acknowledged`);
  }
}

/** Equal but for fields that are undefined: a store keeps none. */
function same(kept: unknown, acknowledged: unknown): boolean {
  if (typeof kept !== "object" || typeof acknowledged !== "object" || !kept || !acknowledged)
    return Object.is(kept ?? null, acknowledged ?? null);
  const [one, other] = [kept, acknowledged] as [Readonly<Record<string, unknown>>, Readonly<Record<string, unknown>>];
  for (const name of Object.keys(one)) if (!same(one[name], other[name])) return false;
  for (const name of Object.keys(other)) if (other[name] !== undefined && !(name in one)) return false;
  return true;
}

function effectsOnceAndNeverStale({ target }: World, { violate }: Witness): void {
  const byKey = new Map<string, number>();
  const fences = new Map<string, number>();
  for (const { by, at, key, fence } of target.effects) {
    if (by === "rival") continue;
    byKey.set(key, (byKey.get(key) ?? 0) + 1);
    if (byKey.get(key) === 2) violate(`a step had its effect at ${at} twice`);
    if (fence < (fences.get(at) ?? 0)) violate(`${at} accepted a write of a stale fence`);
    fences.set(at, Math.max(fence, fences.get(at) ?? 0));
  }
}

/** A rival works again in the end, also after a rollback that is stuck, or people were told to thaw it by hand. */
function nobodyIsLeftFrozen({ system, target }: World, { violate, thaws }: Witness): void {
  for (const { at } of system.playbook.components) {
    const told = thaws.some((text) => text.includes(`the rival of ${at} is not as it was`));
    if (target.rivalState(at) === "frozen" && !told) violate(`the rival at ${at} is left frozen, and nobody was told`);
  }
}

function clocksInOrder({ violate }: Witness, { startedAt, exposedAt, rollback, endedAt }: Rollout): void {
  const { decidedAt, containedAt, restoredAt, fixedAt } = rollback ?? {};
  const moments = [startedAt, exposedAt, decidedAt, containedAt, restoredAt, fixedAt, endedAt];
  const known = moments.filter((moment) => moment !== undefined);
  if (known.some((moment, index) => moment < (known[index - 1] ?? 0)))
    violate("the clocks of a rollout are out of order");
}

async function wentBack(world: World, witness: Witness, rollout: Rollout): Promise<void> {
  const { violate, servedAtContainment } = witness;
  const { candidate } = world.system;
  const { outcome, cause } = rollout.rollback!;
  if (world.traffic.served(candidate.id).requests !== servedAtContainment) {
    violate("the candidate was served requests after its containment");
  }
  if (outcome === undefined) violate("a decided rollback has no outcome");
  if (outcome === "verified" || outcome === "unverified") componentsAreBack(world, witness, outcome);
  if ((world.traffic.current(rollout.system)?.candidatePpm ?? 0) > 0) violate("a rollout that went back has a share");
  const quarantine = await world.store.quarantine(candidate.id);
  if ((cause[0] === "undecided") !== (quarantine === undefined)) violate(`the quarantine after ${cause[0]} is wrong`);
}

/** What a rival wrote last is a rival's. */
function componentsAreBack({ system, target }: World, { violate }: Witness, outcome: string): void {
  for (const { name, at } of system.playbook.components) {
    const back = target.live(at) === system.stable.revisions[name]?.digest;
    const rivals = target.effects.findLast((effect) => effect.at === at)?.by === "rival";
    if (!back && !rivals) violate(`${name} is not at its restore point after ${outcome}`);
  }
}
