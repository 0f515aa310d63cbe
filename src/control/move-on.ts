import type { ReleaseId } from "../core/release.ts";
import type { Place, Rollback, Rollout, Tried } from "../core/rollout.ts";
import type { Verdict } from "../core/verdict.ts";
import { incompatibilities } from "../decide/compatibility.ts";
import { nextTarget, type OlderRelease } from "../decide/next-target.ts";
import { freePlace, servingPlace } from "../decide/place.ts";
import { withRivals } from "../decide/plan-rivals.ts";
import { planWayBack } from "../decide/way-back.ts";
import { containmentFor, fallbacksOf } from "./containment.ts";
import { unreadiness } from "./gate.ts";
import { isRecorded, recordAfterwards } from "./record-afterwards.ts";
import { haltOf, sagaOf, startOf } from "./restoration.ts";
import { knownRivals } from "./rivals.ts";
import { emit, entryOf, type Run, routeTo, save } from "./run.ts";
import { tellPeople } from "./tell-people.ts";

/** How many older releases are looked at. */
const LOOKED_AT = 10;
/** Among so many rollouts. */
const REMEMBERED = 500;

/**
 * What was restored is proved harmful itself: traffic leaves it at once where it can, and that is recorded before anything
 * is looked for, so that nothing that fails later brings it back.
 */
export async function leaveHarmful(run: Run, verdict: Verdict): Promise<void> {
  const { ports, stable } = run;
  const { route } = containmentFor(run, true);
  ports.traffic.set(route);
  const { because, logEvidence } = verdict;
  const { restoredAt: _, tried = [], ...rollback } = run.rollout.rollback!;
  const harmful: Tried = {
    release: stable.id,
    label: stable.label,
    harmfulAt: ports.clock.now(),
    because,
    logEvidence,
  };
  const next: Rollback = { ...rollback, tried: [...tried, harmful] };
  await recordAfterwards(run, () => save(run, { ...run.rollout, rollback: next }, [{ kind: "route", route }]));
  emit(run, "harm", harmfulText(harmful), { verdict });
}

function harmfulText({ label, because }: Tried): string {
  return `${label} was restored and is proved harmful: ${because.join(", ")}`;
}

/** What the way back leads to now, if that was restored and left because it is harmful. */
export function harmfulTarget({ rollback, stable }: Rollout): Tried | undefined {
  return rollback?.tried?.find(({ release }) => release === (rollback.target ?? stable));
}

/**
 * Records the saga of the next target after one that was left. Answers why it ended where no release is left: traffic stays
 * where it was contained, and people decide.
 */
export async function moveOn(run: Run, harmful: Tried): Promise<"moved" | { readonly stuck: string }> {
  const { ports, playbook, stable } = run;
  const { tried: triedBefore = [harmful] } = run.rollout.rollback!;
  const tried = triedBefore.map(({ release }) => release);
  const { target, passedOver } = nextTarget({
    tried,
    older: await olderReleases(run, tried),
    fallbacks: fallbacksOf(ports, playbook),
  });
  const lines = [
    harmfulText(harmful),
    target.kind === "release"
      ? `the next target is ${target.release.label}`
      : `the next target is ${wordOf(target.kind)}`,
    ...passedOver.map((text) => `passed over: ${text}`),
  ];
  const entry = entryOf(run, "moved-on", {
    from: stable.id,
    to: target.kind === "release" ? target.release.id : target.kind,
    contained: ports.traffic.current(playbook.system)?.contained ?? "nowhere",
    because: [...harmful.because],
    logEvidence: harmful.logEvidence,
    tried,
    passedOver: [...passedOver],
  });
  const what = "is taken back, and what it went back to is harmful too";
  if (target.kind !== "release") {
    tellPeople(run, what, lines);
    await recordAfterwards(run, () => save(run, run.rollout, [entry]));
    return { stuck: lines.join("; ") };
  }
  const back = planWayBack(playbook, stable, target.release, placeOfNext(run), run.plans.past());
  const planned = withRivals(back.planned, await knownRivals(run));
  if (planned.kind === "impossible")
    throw new Error(`no way to ${target.release.label}: ${planned.reasons.join("; ")}`);
  // A halt that is being recorded at this moment is heard.
  await run.saving.catch(() => undefined);
  const halt = haltOf(run);
  if (halt !== undefined) return { stuck: `${harmfulText(harmful)}; ${halt}` };
  tellPeople(run, what, lines);
  const saga = sagaOf(run, planned);
  const next: Rollback = {
    ...run.rollout.rollback!,
    tried: triedBefore,
    saga: saga.id,
    target: target.release.id,
    restoringSince: ports.clock.now(),
  };
  const start = startOf(run, saga, lines[0]);
  const moved: Rollout = { ...run.rollout, rollback: next };
  await recordAfterwards(
    run,
    () => save(run, moved, [entry, ...start]),
    () => isRecorded(run, moved),
  );
  run.stable = target.release;
  emit(run, "resumed", lines.slice(1).join("; "));
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
  const rollouts = await ports.store.rollouts(playbook.system, REMEMBERED);
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
