import type { ReleaseId } from "../core/release.ts";
import type { Place, Rollback, Tried } from "../core/rollout.ts";
import type { Verdict } from "../core/verdict.ts";
import { incompatibilities } from "../decide/compatibility.ts";
import { nextTarget, type OlderRelease } from "../decide/next-target.ts";
import { freePlace, servingPlace } from "../decide/place.ts";
import { withRivals } from "../decide/plan-rivals.ts";
import { planWayBack } from "../decide/way-back.ts";
import { containmentFor, fallbacksOf } from "./containment.ts";
import { unreadiness } from "./gate.ts";
import { recordAfterwards } from "./record-afterwards.ts";
import { sagaOf, startOf } from "./restoration.ts";
import { knownRivals } from "./rivals.ts";
import { emit, entryOf, type Run, routeTo, save } from "./run.ts";
import { tellPeople } from "./tell-people.ts";

/** How many older releases are looked at. */
const LOOKED_AT = 10;

/**
 * What was restored is proved harmful itself: traffic leaves it at once where it can, and the next target's saga is
 * recorded. Answers why it ended where no release is left: traffic stays where it was contained, and people decide.
 */
export async function moveOn(run: Run, verdict: Verdict): Promise<"moved" | { readonly stuck: string }> {
  const { ports, playbook, stable } = run;
  const { to, route } = containmentFor(run, true);
  ports.traffic.set(route);
  const tried: readonly Tried[] = [
    ...(run.rollout.rollback?.tried ?? []),
    { release: stable.id, label: stable.label, harmfulAt: ports.clock.now(), because: verdict.because },
  ];
  const { target, passedOver } = nextTarget({
    tried: tried.map(({ release }) => release),
    older: await olderReleases(
      run,
      tried.map(({ release }) => release),
    ),
    fallbacks: fallbacksOf(ports, playbook),
  });
  const lines = [
    `${stable.label} was restored and is proved harmful: ${verdict.because.join(", ")}`,
    target.kind === "release"
      ? `the next target is ${target.release.label}`
      : `the next target is ${wordOf(target.kind)}`,
    ...passedOver.map((text) => `passed over: ${text}`),
  ];
  const entry = {
    from: stable.id,
    to: target.kind === "release" ? target.release.id : target.kind,
    contained: to,
    because: [...verdict.because],
    logEvidence: verdict.logEvidence,
    tried: tried.map(({ release }) => release),
    passedOver: [...passedOver],
  };
  const { restoredAt: _, ...rollback } = run.rollout.rollback!;
  const contained = { kind: "route", route } as const;
  tellPeople(run, "is taken back, and what it went back to is harmful too", lines);
  if (target.kind !== "release") {
    const next: Rollback = { ...rollback, tried };
    const record = () => save(run, { ...run.rollout, rollback: next }, [contained, entryOf(run, "moved-on", entry)]);
    await recordAfterwards(run, record);
    return { stuck: lines.join("; ") };
  }
  const back = planWayBack(playbook, stable, target.release, placeOfNext(run), run.plans.past());
  const planned = withRivals(back.planned, await knownRivals(run));
  if (planned.kind === "impossible")
    throw new Error(`no way to ${target.release.label}: ${planned.reasons.join("; ")}`);
  const saga = sagaOf(run, planned);
  const next: Rollback = {
    ...rollback,
    saga: saga.id,
    tried,
    target: target.release.id,
    restoringSince: ports.clock.now(),
  };
  const start = startOf(run, saga, lines[0]);
  const record = () =>
    save(run, { ...run.rollout, rollback: next }, [contained, entryOf(run, "moved-on", entry), ...start]);
  await recordAfterwards(run, record);
  run.stable = target.release;
  emit(run, "harm", lines.join("; "), { verdict });
  return "moved";
}

function wordOf(kind: "else" | "safe" | "people"): string {
  return kind === "people" ? "people" : `\`${kind}\`, and people`;
}

/**
 * What was restored serves from here on: a fallback that stood in ends, and an older release that was brought into the
 * other place gets the traffic.
 */
export async function serveRestored(run: Run): Promise<void> {
  const { ports, playbook, stable } = run;
  const current = ports.traffic.current(playbook.system);
  if (!current || (current.contained === undefined && current.stable === stable.id)) return;
  const { swapped: _, contained, ...plain } = routeTo(run, 0);
  const moved = current.stable !== stable.id && playbook.components.some(({ beside }) => beside !== undefined);
  const at = moved ? freePlace(current) : servingPlace(current);
  const route = { ...plain, ...(at === "beside" ? { swapped: true } : {}) };
  await save(run, run.rollout, [
    { kind: "route", route },
    entryOf(run, "contained", { to: stable.id, epoch: route.epoch, ended: contained }),
  ]);
  ports.traffic.set(route);
}

/** Releases that were the last known good once, newest first, with what speaks against each now. */
async function olderReleases(run: Run, tried: readonly ReleaseId[]): Promise<readonly OlderRelease[]> {
  const { ports, playbook, rollout } = run;
  const rollouts = await ports.store.rollouts(playbook.system);
  const ids = [...new Set(rollouts.map(({ stable }) => stable))]
    .filter((id) => id !== rollout.candidate && !tried.includes(id))
    .slice(0, LOOKED_AT);
  return Promise.all(ids.map((id) => qualify(run, id)));
}

/** Where the harmful one does not serve, for what has two places. */
function placeOfNext({ ports, playbook, place }: Run): Place {
  const twofold = playbook.components.some(({ beside }) => beside !== undefined);
  return twofold ? freePlace(ports.traffic.current(playbook.system)) : place;
}

async function qualify(run: Run, id: ReleaseId): Promise<OlderRelease> {
  const { ports, playbook, stable } = run;
  const place = placeOfNext(run);
  const release = (await ports.store.release(id))!;
  const quarantine = await ports.store.quarantine(id);
  const { planned, lost } = planWayBack(playbook, stable, release, place, run.plans.past());
  const { reasons } = await unreadiness(ports, playbook, release, place, "readable");
  return {
    release,
    reasons: [
      ...(quarantine && !quarantine.liftedBy ? [`in quarantine: ${quarantine.reason}`] : []),
      ...(planned.kind === "impossible" ? planned.reasons : []),
      ...lost.map((name) => `${name} cannot be brought back`),
      ...incompatibilities(release, release).map(({ reason }) => reason),
      ...reasons,
    ],
  };
}
