import type { ControlPorts } from "../control/ports.ts";
import type { Seat } from "../control/seat.ts";
import { digestOf } from "../core/digest.ts";
import type { Playbook } from "../core/playbook.ts";
import type { Notifier, RestoreAdapter, Store } from "../core/ports.ts";
import type { Ledger } from "../record/ledger/ledger.ts";
import type { Connections } from "./connections/connections.ts";
import type { Edge } from "./edge.ts";
import type { RollbookConfig } from "./rollbook.ts";
import type { Sources } from "./sources.ts";
import { systemClock } from "./system-clock.ts";
import { systemIds } from "./system-ids.ts";

/** What of this process the control loop of one system needs. */
export interface SystemParts {
  readonly store: Store;
  readonly ledger: Ledger;
  readonly connections: Connections;
  readonly adapters: readonly RestoreAdapter[];
  readonly edge: Edge;
  readonly sources: Sources;
  readonly drain: ControlPorts["signals"]["drain"];
  readonly emit: ControlPorts["emit"];
  /** Where other processes could act on the system too. */
  readonly seat?: Seat;
}

/** The world as the control loop sees it: this machine's clock and ids, this store, edge, sources and ledger. */
export function portsOf(config: RollbookConfig, playbook: Playbook, parts: SystemParts): ControlPorts {
  const { store, ledger, connections, adapters, edge, sources, drain, emit, seat } = parts;
  const adapterFor = (at: string) => adapters.find((adapter) => adapter.serves(at)) ?? connections.adapterFor(at);
  return {
    store,
    ...(seat ? { seat } : {}),
    clock: systemClock,
    ids: systemIds,
    traffic: edge.traffic,
    ...(edge.underWay ? { requests: edge.underWay } : {}),
    signals: { drain: () => [...drain(), ...sources.drain()] },
    adapterFor,
    policyFor: connections.policyFor,
    elsewhere: () => connections.elsewhere(playbook.environment),
    reaches: connections.reaches,
    askSources: sources.ask,
    checkpoint: async () => {
      await ledger.checkpoint();
    },
    notifier: config.notifier ?? notifierOf(connections, config.log ?? (() => undefined)),
    emit,
    ...(config.log ? { log: config.log } : {}),
    atCrashPoint: config.atCrashPoint ?? (() => undefined),
  };
}

const TRIES = 4;

/** Tells every audience by itself; one that does not take the notice is tried again, and then it is said aloud. */
export function notifierOf(connections: Connections, log: (text: string) => void): Notifier {
  return {
    async notify(audiences, subject, text, about) {
      const key = digestOf(`${JSON.stringify(about)}\n${subject}\n${text}\n${Math.floor(systemClock.now() / 60_000)}`);
      const notice = { key, about, subject, text };
      const tell = async (audience: string) => {
        if (!connections.reaches(audience)) return log(`notice: nothing serves ${audience}: "${subject}"`);
        for (let attempt = 1; ; attempt++) {
          try {
            return await connections.tell(audience, notice);
          } catch (error) {
            if (attempt < TRIES) await systemClock.sleep(500 * 4 ** attempt, connections.closing);
            else return log(`notice: ${audience} was not told "${subject}": ${(error as Error).message}`);
          }
        }
      };
      await Promise.all(audiences.map(tell));
    },
  };
}
