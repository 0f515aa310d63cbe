import { createFlagRestore } from "../adapters/flags/flag-restore.ts";
import type { Guard, RestoreAdapter } from "../core/ports.ts";
import { resourceOf } from "../restore/resource-leases.ts";
import type { FlagBook } from "../traffic/flags/flag-book.ts";

/** The built-in flags as a restore target; with `guardedBy` changed only under what it makes of the guard by the flag's own lease. */
export function flagAdapter(flags: FlagBook, guardedBy?: (own: Guard) => Guard): RestoreAdapter {
  return createFlagRestore({
    get: flags.get,
    revisions: flags.revisions,
    set: (flag, version, { at, fence }) => flags.set(flag, version, guardedBy?.({ resource: resourceOf(at), fence })),
  });
}
