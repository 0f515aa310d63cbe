import type { OpenOrder } from "../../core/exchange.ts";
import type { Store } from "../../core/ports.ts";
import { defineRelease, type Release, type Revision } from "../../core/release.ts";
import type { Rollout } from "../../core/rollout.ts";

/** What `release` and `take-back` were asked for, as far as it says what they open. */
interface Asked {
  readonly label?: string;
  readonly revisions?: Readonly<Record<string, Revision>>;
  readonly references?: Readonly<Record<string, string>>;
  readonly reason?: string;
}

/** So many are begun while an order waits, at most. */
const LOOKED_AT = 50;

/**
 * The rollout that a holder had opened for an order before it died; undefined where there is none, or none that is surely
 * this order's: then it is carried out, and the gate refuses what runs already.
 */
export async function openedFor(store: Store, order: OpenOrder): Promise<Rollout | undefined> {
  if (order.operation !== "release" && order.operation !== "take-back") return undefined;
  const given = Number.parseInt(order.id.split("-")[1] ?? "", 36);
  const asked = order.input as Asked;
  const later = (await store.rollouts(order.system, LOOKED_AT)).filter(({ startedAt }) => startedAt >= given);
  for (const rollout of later.toReversed()) {
    if (
      order.operation === "take-back" ? isTakenBack(rollout, order.by, asked) : await isReleased(store, rollout, asked)
    )
      return rollout;
  }
  return undefined;
}

function isTakenBack({ order, rollback }: Rollout, by: string, { reason }: Asked): boolean {
  if (order?.kind === "rollback") return order.by === by && order.reason === reason;
  return rollback?.cause[0] === "person" && rollback.cause[1] === `${by}: ${reason}`;
}

async function isReleased(
  store: Store,
  { system, candidate, stable, unannounced }: Rollout,
  asked: Asked,
): Promise<boolean> {
  if (unannounced) return false;
  const { label, revisions = {}, references = {} } = asked;
  if (Object.keys(references).length === 0) return defineRelease(system, "", revisions).id === candidate;
  const [wanted, before] = [await store.release(candidate), await store.release(stable)];
  return wanted !== undefined && before !== undefined && isComposed(wanted, before, label, references);
}

/** What people call a revision is known to its target alone: here a reference is its label, a word of it, or its digest. */
function isComposed(
  wanted: Release,
  before: Release,
  label: string | undefined,
  references: NonNullable<Asked["references"]>,
): boolean {
  const names = Object.keys(references);
  const stays = Object.keys(wanted.revisions).every(
    (name) => names.includes(name) || wanted.revisions[name]?.digest === before.revisions[name]?.digest,
  );
  const isNamed = (name: string) => {
    const { label: called = "", digest = "" } = wanted.revisions[name] ?? {};
    return [called, digest, ...called.split(/\s+/)].includes(references[name]!);
  };
  return stays && names.every(isNamed) && (label === undefined || label === wanted.label);
}
