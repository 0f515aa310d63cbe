import { createFlagRestore } from "../adapters/flags/flag-restore.ts";
import type { RestoreAdapter } from "../core/ports.ts";
import { resourceOf } from "../restore/resource-leases.ts";
import type { FlagBook } from "../traffic/flags/flag-book.ts";

/** The built-in flags as a restore target; `guarded`: changed only under the newest fence of the flag's lease. */
export function flagAdapter(flags: FlagBook, guarded = false): RestoreAdapter {
  return createFlagRestore({
    get: flags.get,
    revisions: flags.revisions,
    set: (flag, version, { at, fence }) =>
      flags.set(flag, version, guarded ? { resource: resourceOf(at), fence } : undefined),
  });
}
