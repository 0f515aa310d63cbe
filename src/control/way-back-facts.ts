import { isRoute, type Playbook } from "../core/playbook.ts";
import type { Release } from "../core/release.ts";
import type { Place, Rollout } from "../core/rollout.ts";
import { unfinishedRollout } from "../core/unfinished-rollout.ts";
import type { Capacity, WayBackFault } from "../core/way-back.ts";
import { blindTargets } from "../decide/blind-targets.ts";
import { undeclaredUndo } from "../decide/declared-undo.ts";
import { freePlace, servingPlace } from "../decide/place.ts";
import { fallbacksOf } from "./containment.ts";
import { unreadiness } from "./gate.ts";
import type { ControlPorts } from "./ports.ts";

/** What going back would undo, and where it would lead. */
export interface WayBackSubject {
  readonly rollout?: Rollout;
  readonly from: Release;
  readonly to: Release;
  /** Where the components are that would be restored. */
  readonly place: Place;
}

/** A running rollout's way back; without one what a person's cord would do now. Undefined before the first restore point. */
export async function subjectOf(
  { store, traffic }: Pick<ControlPorts, "store" | "traffic">,
  { system }: Playbook,
): Promise<WayBackSubject | undefined> {
  const known = await store.lastKnownGood(system);
  const serving = known && (await store.release(known.release));
  if (!serving) return undefined;
  const open = await unfinishedRollout(store, system);
  // What was promoted and settled can be taken back; an adopted release can only be brought back into place.
  const undone = open ?? (await store.promoted(system, 1))[0];
  const place = open?.place ?? servingPlace(traffic.current(system));
  if (!undone || (!open && undone.candidate !== serving.id)) return { from: serving, to: serving, place };
  const from = await store.release(undone.candidate);
  const to = await store.release(undone.stable);
  if (!from || !to) return undefined;
  return { ...(open ? { rollout: open } : {}), from, to, place };
}

/** What targets, environment and audiences say of a way back. Changes nothing; a target has its time to answer. */
export async function askAround(
  ports: ControlPorts,
  playbook: Playbook,
  { rollout, from, to, place }: WayBackSubject,
): Promise<{
  readonly faults: readonly WayBackFault[];
  readonly warnings: readonly string[];
  readonly warm?: boolean;
}> {
  const twofold = { ...playbook, components: playbook.components.filter(({ beside }) => beside !== undefined) };
  const besides = twofold.components.length > 0 && from.id !== to.id && !rollout?.unannounced;
  const route = ports.traffic.current(playbook.system);
  const other = rollout ? servingPlace(route) : freePlace(route);
  const [held, warm, elsewhere] = await Promise.all([
    unreadiness(ports, playbook, to, place, "readable"),
    besides && other !== place ? unreadiness(ports, twofold, to, other, "seen") : undefined,
    ports.elsewhere?.() ?? [],
  ]);
  // Between releases a place that somebody took only costs the head start: everything is restored where it serves.
  const cold = warm?.found.filter(({ level }) => level === "blocking") ?? [];
  const faults = [...held.found.filter(({ level }) => level === "blocking"), ...(rollout ? cold : [])];
  const blind = blindTargets(playbook, ports.adapterFor);
  const acts = playbook.authority === "act";
  const unreached = audiencesOf(playbook).filter((audience) => ports.reaches?.(audience) === false);
  return {
    faults: [
      ...[...faults, ...(acts ? blind : []), ...undeclaredUndo(playbook, ports.adapterFor)].map(
        ({ component, text }) => ({ about: component, text }),
      ),
      ...elsewhere.map((text) => ({ about: "environment", text })),
      ...unreached.map((audience) => ({ about: "audience", text: `nothing reaches ${audience}` })),
    ],
    warnings: [
      ...(acts ? [] : blind.map(({ text }) => text)),
      ...held.warnings,
      ...unserved(ports, playbook),
      ...(warm?.warnings ?? []),
      ...(rollout ? [] : cold.map(({ text }) => text)),
    ],
    ...(warm ? { warm: cold.length === 0 } : {}),
  };
}

/** A way that is declared and that the edge cannot take is none. */
function unserved(ports: ControlPorts, playbook: Playbook): readonly string[] {
  const able = fallbacksOf(ports, playbook);
  return (["else", "safe"] as const)
    .filter((key) => playbook.how[key] !== undefined && !able[key])
    .map(
      (key) =>
        `\`how.${key}\` has nowhere to go: add \`gateway: { ${key} }\` of ${playbook.system} to connections.yaml`,
    );
}

function audiencesOf({ who }: Playbook): readonly string[] {
  return [...new Set([...who.now, ...(who.later ?? []).flatMap(({ audience }) => audience)])];
}

/** What the release before it would have to take over at once. */
export function capacityOf(
  ports: Pick<ControlPorts, "traffic">,
  { system, trafficPerSecond, components }: Playbook,
  { rollout, from, to }: WayBackSubject,
  warm: boolean | undefined,
): Capacity {
  const twofold = components.some((component) => !isRoute(component) && component.beside !== undefined);
  const route = ports.traffic.current(system);
  const all = !rollout || rollout.unannounced;
  const share = from.id === to.id ? 0 : all ? 1 : (route?.candidatePpm ?? 0) / 1_000_000;
  return {
    percent: share * 100,
    ...(trafficPerSecond === undefined ? {} : { perSecond: trafficPerSecond * share }),
    ...(twofold && warm !== undefined ? { warm } : {}),
  };
}
