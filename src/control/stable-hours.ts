import type { Playbook } from "../core/playbook.ts";
import type { ReleaseId } from "../core/release.ts";
import type { FrozenWindow } from "../core/rollout.ts";
import type { Sample } from "../core/sample.ts";
import type { Instant, Milliseconds } from "../core/time.ts";
import { createSeasons, ENOUGH, hourOf, oldestHour } from "../watch/seasons.ts";
import type { ControlPorts } from "./ports.ts";

/** What stable did hour by hour, kept over restarts. Sums only. */
export interface StableHours {
  count(samples: readonly Sample[], stable: ReleaseId): void;
  /** Windows that saw too little give way to the same hour of an earlier week, where that is known. */
  orSeason(windows: readonly FrozenWindow[]): readonly FrozenWindow[];
  /** Begins to watch, perhaps again: somebody else may have counted meanwhile, so what was kept is read anew. */
  begin(): void;
  /**
   * Reads what was kept, once since it began, and writes what has changed: once a minute at most, and when an hour is over. Nobody need
   * wait for it: it does one thing at a time.
   */
  keep(): Promise<void>;
}

const MINUTE: Milliseconds = 60_000;
const HOUR: Milliseconds = 60 * MINUTE;

/** Of several processes that watch one system at the same time, the newest writer's sums of an hour stand. */
export function createStableHours(
  { store, clock }: Pick<ControlPorts, "store" | "clock">,
  { system }: Playbook,
): StableHours {
  let seasons = createSeasons();
  const changed = new Set<Instant>();
  let isRead = false;
  let isBusy = false;
  let nextWrite: Instant = 0;

  async function read(): Promise<void> {
    if (isRead) return;
    seasons.merge(await store.seasons(system), clock.now());
    isRead = true;
  }

  async function write(now: Instant): Promise<void> {
    if (changed.size === 0 || now < nextWrite) return;
    nextWrite = Math.min(now + MINUTE, hourOf(now) + HOUR);
    const written = [...changed];
    const hours = seasons.hours().filter(({ hour }) => changed.has(hour));
    changed.clear();
    try {
      await store.commit([{ kind: "season", system, hours, oldest: oldestHour(now) }]);
    } catch (error) {
      for (const hour of written) changed.add(hour);
      throw error;
    }
  }

  return {
    count(samples, stable) {
      seasons.add(samples, stable, clock.now());
      for (const { release, bucket } of samples) if (release === stable) changed.add(hourOf(bucket));
    },
    begin() {
      // What was counted before the first look belongs to nobody else.
      if (!isRead) return;
      seasons = createSeasons();
      changed.clear();
      isRead = false;
    },
    orSeason: (windows) =>
      windows.map((window) => (window.n >= ENOUGH ? window : (seasons.seasonAt(window.signal, clock.now()) ?? window))),
    async keep() {
      if (isBusy) return;
      isBusy = true;
      try {
        await read();
        await write(clock.now());
      } finally {
        isBusy = false;
      }
    },
  };
}
