import type { Control } from "../control/control.ts";
import { RollbookError } from "../core/errors.ts";
import type { Store } from "../core/ports.ts";
import type { Alerts, ReasonToLook } from "./connections/connection.ts";
import type { Connections } from "./connections/connections.ts";
import { systemClock } from "./system-clock.ts";

/** What became of alerts. */
export interface AlertsTaken {
  /** Reasons for which sources were asked. */
  readonly looked: number;
  /** Resolved alerts: they are kept and ask for nothing. */
  readonly recorded: number;
  /** Alerts of systems that are not protected here. */
  readonly ignored: number;
}

/** Where alerts come in: posted to a connection, or asked for by it. */
export interface AlertIntake {
  /** @throws NOT_FOUND, REQUEST_INVALID */
  take(name: string, body: unknown): Promise<AlertsTaken>;
  stop(): void;
}

export interface AlertIntakeParts {
  readonly connections: Pick<Connections, "names" | "get">;
  readonly systems: ReadonlyMap<
    string,
    { control(): Pick<Control, "look">; readonly holder?: () => { readonly here: boolean } | undefined }
  >;
  /** Looks wherever the system's holder is; the control of this process without it. */
  readonly look?: (system: string, reason: string, key: string) => Promise<unknown>;
  readonly store: Pick<Store, "commit">;
  readonly log: (text: string) => void;
}

/** How long one question may take. */
const PATIENCE_MS = 10_000;

export function openAlertIntake({ connections, systems, store, look, log }: AlertIntakeParts): AlertIntake {
  const stopped = new AbortController();

  /** `asked`: every replica asks, so the holder alone does something. */
  async function handle(alerts: Alerts, reasons: readonly ReasonToLook[], asked = false): Promise<AlertsTaken> {
    const taken = { looked: 0, recorded: 0, ignored: 0 };
    for (const [index, reason] of reasons.entries()) {
      const system = reason.system ?? (systems.size === 1 ? [...systems.keys()][0]! : "");
      const protectedHere = systems.get(system);
      const control = protectedHere?.control();
      if (!control || (asked && protectedHere?.holder?.()?.here === false)) {
        // It may be protected by the time of the next repeat.
        alerts.forget(reason);
        taken.ignored += 1;
        continue;
      }
      try {
        const told = textOf(reason);
        if (reason.status === "firing") await (look ? look(system, told, reason.key) : control.look(told, reason.key));
        else await store.commit([{ kind: "entry", entry: resolved(system, reason) }]);
      } catch (error) {
        for (const undone of reasons.slice(index)) alerts.forget(undone);
        throw error;
      }
      taken[reason.status === "firing" ? "looked" : "recorded"] += 1;
    }
    return taken;
  }

  async function pollFor(name: string, alerts: Alerts): Promise<void> {
    let silent = "";
    while (!stopped.signal.aborted) {
      try {
        const patience = AbortSignal.any([stopped.signal, AbortSignal.timeout(PATIENCE_MS)]);
        await handle(alerts, (await alerts.poll?.(patience)) ?? [], true);
        silent = "";
      } catch (error) {
        const { message } = error as Error;
        if (message !== silent && !stopped.signal.aborted) log(`${name}: alerts are not known: ${message}`);
        silent = message;
      }
      await systemClock.sleep(alerts.everyMs ?? PATIENCE_MS, stopped.signal);
    }
  }

  for (const name of connections.names) {
    const alerts = connections.get(name)?.alerts;
    if (alerts?.poll) void pollFor(name, alerts);
  }
  return {
    async take(name, body) {
      const alerts = connections.get(name)?.alerts;
      if (!alerts) throw new RollbookError("NOT_FOUND", { what: `connection ${name} that takes alerts` });
      return handle(alerts, alerts.take(body));
    },
    stop: () => stopped.abort(),
  };
}

/** Goes into the ledger, so it names the alert and no words of its annotations: those may speak of a person. */
function textOf({ name, status, startsAt }: ReasonToLook): string {
  return `alert ${name} is ${status} since ${new Date(startsAt).toISOString()}`;
}

function resolved(system: string, reason: ReasonToLook) {
  const { name, startsAt, key } = reason;
  const since = new Date(startsAt).toISOString();
  const data = { reason: `alert ${name}, of ${since}, is resolved`, key, resolved: true };
  return { type: "looked", at: systemClock.now(), system, actor: "rollbook", data } as const;
}
