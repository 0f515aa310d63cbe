import { createFlagRestore } from "../adapters/flags/flag-restore.ts";
import type { RestoreAdapter } from "../core/ports.ts";
import type { FlagBook } from "../traffic/flags/flag-book.ts";

/** The built-in flags as a restore target; for a system, changed only under its newest fence. */
export function flagAdapter(flags: FlagBook, system?: string): RestoreAdapter {
  return createFlagRestore({
    get: flags.get,
    revisions: flags.revisions,
    set: (flag, version, fence) =>
      flags.set(flag, version, system === undefined ? undefined : { resource: `system:${system}`, fence }),
  });
}
