import { OVER, withDeadline } from "../core/deadline.ts";
import type { Digest } from "../core/digest.ts";
import { isRoute, type Playbook } from "../core/playbook.ts";
import type { RestoreAdapter, Staged } from "../core/ports.ts";
import type { WayBackFault } from "../core/way-back.ts";
import { addressIn } from "../decide/place.ts";
import type { ControlPorts } from "./ports.ts";
import type { WayBackSubject } from "./way-back-facts.ts";

/** How long one target may take before the look goes on without it; one that was late before is not waited for again. */
const STAGE_MS = 15_000;
const LATE_MS = 1000;

/** What lies ready beside the places of a plan back, and what does not. */
export interface StagedWayBack {
  /** Components whose restore needs nothing farther away. */
  readonly staged: readonly string[];
  readonly faults: readonly WayBackFault[];
  readonly warnings: readonly string[];
}

/**
 * Stages what the rollback of the running rollout would bring back, and lets go of what nobody goes back to: of every place
 * when there is no rollout, also of what a process before this one left. Only who may act does either, and nobody while it
 * goes back: a copy would take disk and network from the restore and the proof.
 */
export interface Stager {
  stage(subject: WayBackSubject): Promise<StagedWayBack>;
  /** This rollout goes back: a look that began before stages nothing more, and what it asked for is told to end. */
  decided(rollout: string): void;
}

type StagingPorts = Pick<ControlPorts, "adapterFor" | "clock" | "seat">;

interface Wanted {
  readonly name: string;
  readonly digest: Digest;
}

export const NOTHING_STAGED: StagedWayBack = { staged: [], faults: [], warnings: [] };

export function createStager(ports: StagingPorts, playbook: Playbook): Stager {
  /** Places where nothing is staged, as far as this process knows; while it did not sit there another may have staged. */
  const bare = new Set<string>();
  let seated: number | undefined;
  const slow = new Set<string>();
  let goesBack: string | undefined;
  let before = new AbortController();

  const stageAt = async (at: string, adapter: RestoreAdapter, wanted: Wanted) => {
    bare.delete(at);
    const late = (reason: string): Staged => ({ kind: "pending", reason });
    const answer = await withDeadline(ports.clock, slow.has(at) ? LATE_MS : STAGE_MS, late, (signal) =>
      adapter.stage!(at, wanted.digest, AbortSignal.any([signal, before.signal])),
    );
    if (answer.kind === "pending") slow.add(at);
    else slow.delete(at);
    return { ...answer, name: wanted.name, at };
  };

  const unstageAt = async (at: string, adapter: RestoreAdapter): Promise<void> => {
    if (bare.has(at)) return;
    const gone = await withDeadline(
      ports.clock,
      STAGE_MS,
      () => false,
      async (signal) => {
        await adapter.unstage?.(at, signal);
        return true;
      },
    );
    if (gone) bare.add(at);
  };

  return {
    decided(rollout) {
      goesBack = rollout;
      before.abort(OVER);
      before = new AbortController();
    },
    async stage({ rollout, from, to, place }) {
      if (rollout && (rollout.rollback !== undefined || rollout.id === goesBack)) return NOTHING_STAGED;
      const fence = ports.seat?.lease()?.fence;
      if (fence !== seated) bare.clear();
      seated = fence;
      const places = playbook.components
        .filter((component) => !isRoute(component))
        .flatMap((component) => {
          const { name, at, beside } = component;
          const revision = to.revisions[name];
          const changes = revision !== undefined && from.revisions[name]?.digest !== revision.digest;
          const wanted = rollout !== undefined && changes ? { name, digest: revision.digest } : undefined;
          const here = addressIn(component, place);
          return [at, ...(beside === undefined ? [] : [beside])].map((one) => ({
            at: one,
            adapter: stagingAt(ports, one),
            wanted: one === here ? wanted : undefined,
          }));
        });
      const answers = await Promise.all(
        places.map(async ({ at, adapter, wanted }) => {
          if (!adapter) return undefined;
          return wanted ? stageAt(at, adapter, wanted) : void (await unstageAt(at, adapter));
        }),
      );
      const found = answers.filter((answer) => answer !== undefined);
      return {
        staged: found.filter(({ kind }) => kind === "staged").map(({ name }) => name),
        faults: found.flatMap((one) =>
          one.kind === "failed"
            ? [{ about: one.name, text: `${to.label} cannot be staged at ${one.at}: ${one.reason}` }]
            : [],
        ),
        warnings: found.flatMap((one) =>
          one.kind === "pending" ? [`${one.name} is not staged at ${one.at} yet: ${one.reason}`] : [],
        ),
      };
    },
  };
}

function stagingAt({ adapterFor, seat }: StagingPorts, at: string): RestoreAdapter | undefined {
  if (seat && !seat.lease()) return undefined;
  try {
    const adapter = adapterFor(at);
    return adapter.stage ? adapter : undefined;
  } catch {
    return undefined;
  }
}
