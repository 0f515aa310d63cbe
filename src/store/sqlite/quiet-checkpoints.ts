import type { Clock } from "../../core/ports.ts";
import type { Milliseconds } from "../../core/time.ts";
import type { Connection } from "./connection.ts";

/** Writes after which the log is brought into the database, as soon as nothing was written for so long. */
const WRITES = 100;
const QUIET: Milliseconds = 50;
/** Pages of log (64 MB) after which SQLite does it within a commit all the same: one commit in thousands waits for it. */
const MOST_PAGES = 16_000;

/**
 * Brings the log into the database while nobody writes, so that hardly any commit has to wait for it. One that fails is
 * tried again after further writes: until then everything is in the log.
 */
export function checkpointWhenQuiet(connection: Connection, sleep: Clock["sleep"]) {
  connection.exec(`PRAGMA wal_autocheckpoint = ${MOST_PAGES}`);
  const closed = new AbortController();
  let writes = 0;
  let waiting = false;
  const wait = async (): Promise<void> => {
    for (let seen = 0; seen !== writes; ) {
      seen = writes;
      await sleep(QUIET, closed.signal);
    }
    waiting = false;
    writes = 0;
    if (closed.signal.aborted) return;
    try {
      connection.exec("PRAGMA wal_checkpoint(PASSIVE)");
    } catch {
      // The next write meets what is wrong, and says it.
    }
  };
  return {
    wrote(): void {
      writes += 1;
      if (waiting || writes < WRITES) return;
      waiting = true;
      void wait();
    },
    close: () => closed.abort(),
  };
}
