import { OVER } from "../core/deadline.ts";
import type { Release } from "../core/release.ts";
import type { Lease, Owed, Rollout } from "../core/rollout.ts";
import { formatDuration } from "../core/time.ts";
import type { ControlPorts, Settings } from "./ports.ts";
import type { Run } from "./run.ts";
import type { Running } from "./running.ts";

export const PEOPLE_NEEDED = "is contained, but people are needed";

/** Whoever may be told of: a run, or what is known of a rollout that does not run. */
interface Followed {
  readonly rollout: Rollout;
  readonly candidate: Pick<Release, "label">;
}

/** Tells more people, stage by stage, as long as the newest rollback of a system is not over. */
export interface Escalation {
  /** From now on it is about this rollout. */
  follow(followed: Followed): void;
  /**
   * Until the signal ends it, and first of all about the newest one, also where that got stuck before we looked on: then
   * people are told at once, as whoever recorded it may have died before they were.
   */
  run(running: (rollout: string) => Pick<Running, "acting"> | undefined, signal: AbortSignal): Promise<void>;
  close(): void;
}

/**
 * A stage is due from the decision on. After a restart one that has passed is told at once: better twice than never. Stuck is
 * not over: people are needed more than ever.
 */
export function createEscalation(
  ports: Pick<ControlPorts, "clock" | "store" | "notifier">,
  { pollMs }: Pick<Settings, "pollMs">,
  playbook: Run["playbook"],
): Escalation {
  const { clock, store, notifier } = ports;
  const {
    system,
    who: { later = [] },
  } = playbook;
  const told = new Set<string>();
  let following = new AbortController();
  const watch = async (followed: Followed, signal: AbortSignal) => {
    const { id } = followed.rollout;
    const keyOf = (after: number) => `${id} ${after}`;
    const left = () => later.filter(({ after }) => !told.has(keyOf(after)));
    while (!signal.aborted && left().length > 0 && !isOver(followed.rollout)) {
      const { decidedAt, cause = [] } = followed.rollout.rollback ?? {};
      const wait = (after: number) => (decidedAt ?? Number.POSITIVE_INFINITY) + after - clock.now();
      const due = left().filter(({ after }) => wait(after) <= 0);
      // Somebody else may have brought it to its end.
      if (due.length > 0 && isOver((await store.rollout(id).catch(() => undefined)) ?? followed.rollout)) return;
      if (signal.aborted) return;
      for (const { after, audience } of due) {
        told.add(keyOf(after));
        const subject = `${system}: ${followed.candidate.label} is not back and proved fixed after ${formatDuration(after)}`;
        notifier.notify(audience, subject, cause.join("\n"), id).catch(() => undefined);
      }
      await clock.sleep(Math.min(pollMs, ...left().map(({ after }) => Math.max(1, wait(after)))), signal);
    }
  };
  const follow = (followed: Followed) => {
    following.abort(OVER);
    following = new AbortController();
    watch(followed, following.signal).catch(() => undefined);
  };
  return {
    follow,
    async run(running, signal) {
      signal.addEventListener("abort", () => following.abort(OVER), { once: true });
      const [newest] = await store.rollouts(system, 1).catch(() => []);
      if (!newest || signal.aborted) return;
      const candidate = await store.release(newest.candidate).catch(() => undefined);
      if (signal.aborted) return;
      tellOwedAtEnd({ rollout: newest, candidate: candidate ?? { label: newest.candidate }, ports, playbook });
      if (!newest.rollback) return;
      const run = running(newest.id);
      const followed = run?.acting ?? { rollout: newest, candidate: candidate ?? { label: newest.candidate } };
      if (!run && newest.rollback.outcome === "stuck")
        tellPeople({ ...followed, ports, playbook }, PEOPLE_NEEDED, [newest.note ?? "it is stuck"]);
      follow(followed);
    },
    close: () => following.abort(OVER),
  };
}

function isOver({ endedAt, rollback }: Rollout): boolean {
  return endedAt !== undefined && rollback?.outcome !== "stuck";
}

/** Tells what was recorded as owed; the next write of the rollout forgets it. Told twice after a crash is better than never. */
export function tellOwed(run: Run): void {
  const { owed } = run.rollout.rollback ?? {};
  if (!owed) return;
  const told = () => {
    run.told = owed;
  };
  tell(run, owed.what, owed.lines).then(told, () => undefined);
}

/**
 * Of a rollout that has ended: no other write follows that could forget what was told, so this makes one. Where several
 * processes could act, who has the seat tells.
 * @param about with the lease that its run ended under, if it ran here
 */
export function tellOwedAtEnd(
  about: About & { readonly ports: Pick<ControlPorts, "notifier" | "store" | "seat">; readonly lease?: Lease },
): void {
  const { seat, store } = about.ports;
  const { owed, ...rest } = about.rollout;
  const mayTell = () => !seat || seat.lease() !== undefined;
  if (!owed || !mayTell()) return;
  const forget = async () => {
    if (mayTell()) await store.commit([{ kind: "rollout", rollout: rest }], seat?.lease() ?? about.lease);
  };
  tell(about, owed.what, owed.lines)
    .then(forget)
    .catch(() => undefined);
}

/** People are told beside the work; a dead channel delays nothing. */
export function tellPeople(about: About, what: string, lines: readonly string[]): void {
  tell(about, what, lines).catch(() => undefined);
}

interface About extends Followed {
  readonly ports: Pick<ControlPorts, "notifier">;
  readonly playbook: Pick<Run["playbook"], "system" | "who">;
}

async function tell({ ports, playbook, candidate, rollout }: About, what: string, lines: Owed["lines"]): Promise<void> {
  const subject = `${playbook.system}: ${candidate.label} ${what}`;
  await ports.notifier.notify(playbook.who.now, subject, lines.join("\n"), rollout.id);
}
