import { RollbookError } from "../core/errors.ts";
import type { Playbook } from "../core/playbook.ts";
import type { Release } from "../core/release.ts";
import type { FrozenWindow, Rollout } from "../core/rollout.ts";
import type { Sample } from "../core/sample.ts";
import type { Instant, Milliseconds } from "../core/time.ts";
import { createDriftWatch, type DriftAlarm, type DriftWatch, TICK } from "../watch/drift-watch.ts";
import { driftLines } from "./drift-words.ts";
import { maturedWindows } from "./frozen-windows.ts";
import type { ControlPorts } from "./ports.ts";
import { driftRules } from "./rules.ts";

/**
 * A false one a year, of all triggers together, is rare enough to be read each time. A year of minutes costs a real drift
 * little: its time to be told grows with the logarithm.
 */
const BETWEEN: Milliseconds = 365.25 * 24 * 3_600_000;
/** How often a reference may not be what it was taken for. */
const ERROR = 0.001;
/** What was told and not answered is told again, if it still is so, after a watch that began anew. */
const AGAIN: Milliseconds = 24 * 3_600_000;

/** What is known of drift now, for people. */
export interface DriftStatus {
  readonly release: Release["id"];
  readonly since: Instant;
  /** The triggers that are watched; not those that compare groups. */
  readonly watched: readonly string[];
  /** Set from when people were told until somebody acknowledges it, or a day later. */
  readonly told?: DriftAlarm;
}

/** Tells people when the release that serves alone has drifted. It never acts: no stable serves beside it. */
export interface DriftTeller {
  /** Takes what is known to be of the release that serves alone. */
  look(samples: readonly Sample[], release: Release): Promise<void>;
  status(): DriftStatus | undefined;
  /** @throws NOT_FOUND when nothing was told. */
  acknowledge(by: string, reason: string, given?: string): Promise<void>;
}

type DriftPorts = Pick<ControlPorts, "store" | "clock" | "notifier" | "emit">;

export function createDriftTeller(ports: DriftPorts, playbook: Playbook): DriftTeller {
  const { store, clock } = ports;
  const rules = driftRules(playbook);
  let watch: DriftWatch | undefined;
  let since: Instant = 0;
  let told: DriftAlarm | undefined;

  function begin(release: Release["id"], frozen: readonly FrozenWindow[]): DriftWatch {
    told = undefined;
    since = clock.now();
    watch = createDriftWatch({ rules, release, from: since, frozen, between: BETWEEN / TICK, error: ERROR });
    return watch;
  }

  async function tell(alarm: DriftAlarm, release: Release): Promise<void> {
    const { system, who } = playbook;
    const because = alarm.because.map(({ name }) => name);
    const data = JSON.parse(JSON.stringify({ release: release.id, betweenMs: BETWEEN, ...alarm }));
    await store.commit([{ kind: "entry", entry: { type: "drifted", at: alarm.at, system, actor: "rollbook", data } }]);
    told = alarm;
    const subject = `${system}: ${release.label} has drifted: ${because.join(", ")}`;
    const about = `drift of ${system} since ${alarm.because[0]!.since}`;
    ports.notifier.notify(who.now, subject, driftLines(alarm, playbook).join("\n"), about).catch(() => undefined);
    const rollout = await promotionOf(ports, playbook, release.id);
    if (rollout) ports.emit({ kind: "drifted", at: alarm.at, rollout, text: `has drifted: ${because.join(", ")}` });
  }

  return {
    async look(samples, release) {
      if (rules.length === 0) return;
      const current =
        watch?.release === release.id ? watch : begin(release.id, await promotionWindows(ports, playbook, release.id));
      if (told && clock.now() - told.at >= AGAIN) begin(release.id, current.references());
      const now = watch ?? current;
      now.observe(samples);
      const alarm = now.judge(clock.now());
      if (alarm && !told) await tell(alarm, release);
    },
    status: () =>
      watch && {
        release: watch.release,
        since,
        watched: rules.map(({ name }) => name),
        ...(told ? { told } : {}),
      },
    async acknowledge(by, reason, given) {
      if (!watch || !told) throw new RollbookError("NOT_FOUND", { what: `drift of ${playbook.system} that was told` });
      const { system } = playbook;
      const data = { release: watch.release, reason, told: told.at, given };
      await store.commit([
        { kind: "entry", entry: { type: "acknowledged", at: clock.now(), system, actor: by, data } },
      ]);
      begin(watch.release, watch.references());
    },
  };
}

/** So many promotions are looked through. */
const REMEMBERED = 50;

/** The rollout that made it the release that serves alone, the newest; an adopted one has none. */
async function promotionOf(
  { store }: Pick<ControlPorts, "store">,
  { system }: Playbook,
  release: Release["id"],
): Promise<Rollout | undefined> {
  return (await store.promoted(system, REMEMBERED)).find(
    ({ candidate, phase, endedAt, rollback }) =>
      candidate === release && phase === "healthy" && endedAt !== undefined && !rollback,
  );
}

/** What was counted of the release from when it was warm until it was promoted, as far as it was old enough to be known. */
async function promotionWindows(
  ports: Pick<ControlPorts, "store">,
  playbook: Playbook,
  release: Release["id"],
): Promise<readonly FrozenWindow[]> {
  const rollout = await promotionOf(ports, playbook, release);
  if (!rollout) return [];
  const from = (rollout.exposedAt ?? 0) + (playbook.how.warmUp ?? 0);
  const until = rollout.promotedAt ?? rollout.endedAt!;
  const served = (await ports.store.samples(rollout.id)).filter(({ bucket }) => bucket >= from);
  return maturedWindows(playbook, served, release, until);
}
