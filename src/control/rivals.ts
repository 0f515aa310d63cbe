import { withDeadline } from "../core/deadline.ts";
import { isRoute, type Playbook } from "../core/playbook.ts";
import type { Rival } from "../core/ports.ts";
import type { Place } from "../core/rollout.ts";
import { addressIn } from "../decide/place.ts";
import type { FenceAt } from "../restore/resource-leases.ts";
import { type Kept, thawRivals } from "../restore/thaw.ts";
import { FencedError } from "./fenced-error.ts";
import type { ControlPorts } from "./ports.ts";
import { aloneWith, effectPorts } from "./restoration.ts";
import { emit, type Run } from "./run.ts";
import { tellPeople } from "./tell-people.ts";

/** Rivals by the name of the component that they would undo. */
export type Rivals = ReadonlyMap<string, readonly Rival[]>;

/** How long a target may take to say who would undo a restore of it. */
const ASK_MS = 15_000;
/** How long a decision waits for an answer that was asked for when the run began. Traffic is contained by then. */
const WAIT_MS = 2000;

/** Who would undo a restore, by component. Asked ahead, so that deciding needs no answer; who does not answer has none. */
export async function rivalsOf(
  { adapterFor, clock }: Pick<ControlPorts, "adapterFor" | "clock">,
  playbook: Playbook,
  place: Place,
): Promise<Rivals> {
  const asked = playbook.components
    .filter((component) => !isRoute(component))
    .map(async (component) => {
      const at = addressIn(component, place);
      const none = (): readonly Rival[] => [];
      const { rivals } = speaking(adapterFor, at);
      const found = rivals ? await withDeadline(clock, ASK_MS, none, (signal) => rivals(at, signal)) : [];
      return [component.name, found] as const;
    });
  return new Map((await Promise.all(asked)).filter(([, found]) => found.length > 0));
}

function speaking(adapterFor: ControlPorts["adapterFor"], at: string): Partial<ReturnType<ControlPorts["adapterFor"]>> {
  try {
    return adapterFor(at);
  } catch {
    return {};
  }
}

/** The rivals that are known by now. */
export function knownRivals({ rivals, ports }: Run): Promise<Rivals> {
  return withDeadline<Rivals>(
    ports.clock,
    WAIT_MS,
    () => new Map(),
    () => rivals,
  );
}

/**
 * Lets go of every rival that a saga of this rollout froze, newest first, whatever became of it; then people are told.
 * @param undone asked before the first is let go, where another system's restore held it for longer than a look
 * @returns what was undone; then they stay frozen
 */
export async function thaw(
  run: Run,
  undone: () => Promise<readonly string[]> = async () => [],
): Promise<readonly string[]> {
  const { ports, rollout, settings } = run;
  const began = ports.clock.now();
  let found: readonly string[] | undefined;
  const look = async () => {
    found ??= ports.clock.now() - began > settings.pollMs ? await undone() : [];
    return found.length > 0;
  };
  const sagas = await ports.store.sagas(rollout.id);
  const onStep = (step: Parameters<typeof ports.emit>[0]["step"] & object) =>
    ports.emit({ kind: "step", at: ports.clock.now(), rollout, text: `${step.step}: ${step.status}`, step });
  const [thawed, left, kept]: [string[], string[], Kept[]] = [[], [], []];
  for (const saga of sagas.toReversed()) {
    const rivals = saga.plan.steps.filter(({ kind }) => kind === "thaw").map(({ at }) => at);
    const work = async (fenceAt: FenceAt) =>
      (await look())
        ? ({ kind: "undone" } as const)
        : thawRivals({ ...ports, ...effectPorts(run, fenceAt), onStep }, saga, run.lease);
    const end = await aloneWith(run, rivals, work);
    if (end.kind === "undone") return found!;
    if (end.kind === "fenced") throw new FencedError(run.lease.resource);
    thawed.push(...end.thawed);
    left.push(...end.left);
    kept.push(...end.kept);
  }
  if (thawed.length + left.length + kept.length === 0) return [];
  const lines = [
    ...kept.map(
      ({ label, system }) =>
        `${label} stays frozen: the rollback of ${system} needs that, and thaws it; if that is never over, do so by hand`,
    ),
    ...thawed.map((label) => `${label} works again: it brings back what its source says, so change that first`),
    ...left.map((label) => `${label} is not as it was before the restore: look at it, and thaw it by hand`),
  ];
  emit(run, "thawed", lines.join("; "));
  const frozen = left.length + kept.length > 0;
  tellPeople(run, frozen ? "has rivals that are still frozen" : "has rivals that work again", lines);
  return [];
}
