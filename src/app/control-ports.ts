import { createFlagRestore } from "../adapters/flags/flag-restore.ts";
import { createHttpAdapter } from "../adapters/http/http-adapter.ts";
import type { ControlPorts } from "../control/ports.ts";
import { RollbookError } from "../core/errors.ts";
import type { RestoreAdapter, Store } from "../core/ports.ts";
import type { Ledger } from "../record/ledger/ledger.ts";
import type { FlagBook } from "../traffic/flags/flag-book.ts";
import type { Gateway } from "../traffic/gateway/gateway.ts";
import type { ProtectedSystem, RollbookConfig } from "./rollbook.ts";
import { systemClock } from "./system-clock.ts";
import { systemIds } from "./system-ids.ts";

/** The world as the control loop sees it: this machine's clock and ids, this store, gateway and ledger. */
export function portsOf(
  config: RollbookConfig,
  store: Store,
  ledger: Ledger,
  gateway: Gateway,
  signals: ControlPorts["signals"],
  adapters: readonly RestoreAdapter[],
  emit: ControlPorts["emit"],
): ControlPorts {
  return {
    store,
    clock: systemClock,
    ids: systemIds,
    traffic: gateway.traffic,
    signals,
    adapterFor(at) {
      const adapter = adapters.find((candidate) => candidate.serves(at));
      if (!adapter) throw new RollbookError("RELEASE_REFUSED", { reason: `no adapter serves ${at}` });
      return adapter;
    },
    checkpoint: async () => {
      await ledger.checkpoint();
    },
    notifier: config.notifier ?? { notify: async () => undefined },
    emit,
    atCrashPoint: config.atCrashPoint ?? (() => undefined),
  };
}

/** What can restore a component; the scheme of its address chooses. */
export function adaptersOf(system: ProtectedSystem, flags: FlagBook): readonly RestoreAdapter[] {
  return [createHttpAdapter({ hosts: system.hosts }), createFlagRestore(flags)];
}
