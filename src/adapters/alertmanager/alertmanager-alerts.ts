import { RollbookError } from "../../core/errors.ts";
import type { Milliseconds } from "../../core/time.ts";
import { createServer, type ServerAccess } from "../prometheus/server-call.ts";
import {
  type AlertSystem,
  type ParsedAlerts,
  type ReasonToLook,
  readActiveAlerts,
  readWebhook,
} from "./reason-to-look.ts";

export interface AlertsOptions {
  readonly system: AlertSystem;
  /** Where to ask for active alerts too; only what is posted counts without it. */
  readonly server?: ServerAccess & { readonly everyMs: Milliseconds };
}

/** What alerts say, each of them once. */
export interface Alerts {
  /** Reasons in a webhook's body that were not told before. @throws REQUEST_INVALID */
  take(body: unknown): readonly ReasonToLook[];
  /** Lets a reason be told again, because nothing came of it. */
  forget(reason: ReasonToLook): void;
  /** Asks for active alerts; rejects with the reason when there is no good answer. */
  poll?(signal: AbortSignal): Promise<readonly ReasonToLook[]>;
  readonly everyMs?: Milliseconds;
  close(): Promise<void>;
}

/** More alerts than this, and the longest unheard one may be told twice. */
const MOST_SEEN = 10_000;

/**
 * Alertmanager as a reason to look. It repeats an alert every `repeat_interval` and after each failed delivery, so what
 * was seen is remembered: by group key, fingerprint and start, and by fingerprint and start alone between the webhook
 * and the API, which names no groups.
 */
export function createAlertmanagerAlerts({ system, server: access }: AlertsOptions): Alerts {
  const seen = new Set<string>();
  const server = access && createServer(access);

  /** Is it new? A repeat renews the memory of it. */
  function remember({ status, alert, key }: ReasonToLook): boolean {
    const names = [`${status} ${alert}`, `${status} ${key}`];
    const isNew = names.every((name) => !seen.has(name));
    for (const name of names) {
      seen.delete(name);
      seen.add(name);
    }
    for (const oldest of seen) {
      if (seen.size <= 2 * MOST_SEEN) break;
      seen.delete(oldest);
    }
    return isNew;
  }

  const fresh = (parsed: ParsedAlerts & { kind: "reasons" }) => parsed.reasons.filter(remember);

  return {
    take(body) {
      const parsed = readWebhook(body, system);
      if (parsed.kind === "flawed") throw new RollbookError("REQUEST_INVALID", { reason: parsed.reason });
      return fresh(parsed);
    },
    forget({ status, alert, key }) {
      for (const name of [`${status} ${alert}`, `${status} ${key}`]) seen.delete(name);
    },
    ...(access && server
      ? {
          everyMs: access.everyMs,
          async poll(signal: AbortSignal) {
            const query = new URLSearchParams({ active: "true", silenced: "false", inhibited: "false" });
            const answer = await server.call("/api/v2/alerts", query, signal);
            if (answer.kind === "silence") throw new Error(answer.reason);
            if (answer.status !== 200) throw new Error(`the server answers ${answer.status}`);
            const parsed = readActiveAlerts(answer.body, system);
            if (parsed.kind === "flawed") throw new Error(`the answer cannot be read: ${parsed.reason}`);
            return fresh(parsed);
          },
        }
      : {}),
    close: async () => server?.close(),
  };
}
