import { chmodSync, existsSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout } from "node:timers/promises";
import type { Digest } from "../../core/digest.ts";

/** What is remembered of one path. */
export interface SwitchState {
  /** Counts our switches. */
  readonly version: number;
  /** The highest fence that switched. */
  readonly fence: number;
  /** A switch that was begun and not recorded as done. */
  readonly pending?: { readonly key: string; readonly desired: Digest; readonly fence: number };
  /** The revision that was switched to and that what serves was not yet told of. */
  readonly untold?: Digest;
}

/** The record of one path, durable, in a small SQLite file beside it. */
export interface SwitchRecord {
  state(): SwitchState;
  /** The revision that this key switched to. */
  done(key: string): Digest | undefined;
  begin(key: string, desired: Digest, fence: number): void;
  /** Takes back a beginning that had no effect. */
  drop(): void;
  finish(): void;
  told(): void;
  close(): void;
}

const SQLITE_BUSY = 5;
const MOST_KEYS = 10_000;
const FRESH: SwitchState = { version: 0, fence: 0 };

/** What is remembered, without making anything: a path that was never switched has nothing beside it. */
export function peekState(beside: string): SwitchState {
  if (!existsSync(join(beside, "state.sqlite"))) return FRESH;
  const record = openRecord(beside);
  try {
    return record.state();
  } finally {
    record.close();
  }
}

/** The folder must exist. Rollback journal and full flushes: what is recorded survives a power cut. */
export function openRecord(beside: string): SwitchRecord {
  const file = join(beside, "state.sqlite");
  const database = new DatabaseSync(file, { timeout: 2000 });
  database.exec(`PRAGMA synchronous = FULL;
    CREATE TABLE IF NOT EXISTS state (one INTEGER PRIMARY KEY CHECK (one = 1), body TEXT NOT NULL) STRICT;
    CREATE TABLE IF NOT EXISTS done (turn INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, digest TEXT NOT NULL) STRICT;`);
  chmodSync(file, 0o600);
  const state = (): SwitchState => {
    const row = database.prepare("SELECT body FROM state").get() as { body: string } | undefined;
    return row === undefined ? FRESH : (JSON.parse(row.body) as SwitchState);
  };
  const write = (next: SwitchState) =>
    void database.prepare("INSERT OR REPLACE INTO state (one, body) VALUES (1, ?)").run(JSON.stringify(next));
  return {
    state,
    done(key) {
      const row = database.prepare("SELECT digest FROM done WHERE key = ?").get(key) as { digest: Digest } | undefined;
      return row?.digest;
    },
    begin: (key, desired, fence) => write({ ...state(), pending: { key, desired, fence } }),
    drop() {
      const { pending: _, ...rest } = state();
      write(rest);
    },
    finish() {
      const { pending, version, fence } = state();
      if (pending === undefined) return;
      database.exec("BEGIN IMMEDIATE");
      write({ version: version + 1, fence: Math.max(fence, pending.fence), untold: pending.desired });
      database.prepare("INSERT OR IGNORE INTO done (key, digest) VALUES (?, ?)").run(pending.key, pending.desired);
      database.prepare("DELETE FROM done WHERE turn <= (SELECT max(turn) FROM done) - ?").run(MOST_KEYS);
      database.exec("COMMIT");
    },
    told() {
      const { untold: _, ...rest } = state();
      write(rest);
    },
    close: () => database.close(),
  };
}

/**
 * Runs work while no other Rollbook switches this path, in whatever process; answers undefined when that cannot be had
 * before the signal ends. It is an operating-system lock and vanishes with the process.
 */
export async function withSwitchLock<T>(
  beside: string,
  signal: AbortSignal,
  work: () => Promise<T>,
): Promise<T | undefined> {
  const database = new DatabaseSync(join(beside, "lock.sqlite"), { timeout: 0 });
  try {
    for (;;) {
      try {
        database.exec("BEGIN EXCLUSIVE");
        break;
      } catch (error) {
        if ((error as { errcode?: number }).errcode !== SQLITE_BUSY) throw error;
        if (signal.aborted) return undefined;
        await setTimeout(10);
      }
    }
    return await work();
  } finally {
    database.close();
  }
}
