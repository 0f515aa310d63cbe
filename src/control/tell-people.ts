import { OVER } from "../core/deadline.ts";
import type { Release } from "../core/release.ts";
import type { Rollout } from "../core/rollout.ts";
import { formatDuration } from "../core/time.ts";
import type { ControlPorts, Settings } from "./ports.ts";
import type { Run } from "./run.ts";

/** Whoever may be told of: a run, or what is known of a rollout that does not run. */
interface Followed {
  readonly rollout: Rollout;
  readonly candidate: Pick<Release, "label">;
}

/** Tells more people, stage by stage, as long as the newest rollback of a system is not over. */
export interface Escalation {
  /** From now on it is about this rollout. */
  follow(followed: Followed): void;
  /** Until the signal ends it, and first of all about the newest one, also where that got stuck before we looked on. */
  run(acting: (rollout: string) => Followed | undefined, signal: AbortSignal): Promise<void>;
  close(): void;
}

/**
 * A stage is due from the decision on. After a restart one that has passed is told at once: better twice than never. Stuck is
 * not over: people are needed more than ever.
 */
export function createEscalation(
  ports: Pick<ControlPorts, "clock" | "store" | "notifier">,
  { pollMs }: Pick<Settings, "pollMs">,
  { system, who: { later = [] } }: Run["playbook"],
): Escalation {
  const { clock, store, notifier } = ports;
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
    async run(acting, signal) {
      signal.addEventListener("abort", () => following.abort(OVER), { once: true });
      const [newest] = await store.rollouts(system, 1).catch(() => []);
      if (!newest || signal.aborted) return;
      const candidate = await store.release(newest.candidate).catch(() => undefined);
      const followed = acting(newest.id) ?? { rollout: newest, candidate: candidate ?? { label: newest.candidate } };
      if (!signal.aborted && followed.rollout.rollback) follow(followed);
    },
    close: () => following.abort(OVER),
  };
}

function isOver({ endedAt, rollback }: Rollout): boolean {
  return endedAt !== undefined && rollback?.outcome !== "stuck";
}

/** People are told beside the work; a dead channel delays nothing. */
export function tellPeople(
  run: Pick<Run, "ports" | "playbook" | "candidate" | "rollout">,
  what: string,
  lines: readonly string[],
): void {
  const subject = `${run.playbook.system}: ${run.candidate.label} ${what}`;
  run.ports.notifier.notify(run.playbook.who.now, subject, lines.join("\n"), run.rollout.id).catch(() => undefined);
}
