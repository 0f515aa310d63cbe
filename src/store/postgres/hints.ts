import pg from "pg";
import type { Clock } from "../../core/ports.ts";
import type { Milliseconds } from "../../core/time.ts";
import type { Database } from "./database.ts";
import { sql } from "./statement.ts";

const AGAIN: Milliseconds = 1000;

/**
 * LISTEN and NOTIFY as hints: nothing relies on them. Many hints at a time are one, and none is sent in the transaction
 * that it speaks of, because commits with a NOTIFY wait for one another.
 */
export function createHints(
  database: Database,
  { url, schema, sleep }: { readonly url: string; readonly schema: string; readonly sleep: Clock["sleep"] },
) {
  const channel = `rollbook ${schema}`;
  const closed = new AbortController();
  let sending = false;
  let again = false;

  const send = async () => {
    do {
      again = false;
      await database.rows(sql`SELECT pg_notify(${channel}, '')`).catch(() => undefined);
    } while (again);
    sending = false;
  };

  const listenOnce = async (told: () => void, signal: AbortSignal): Promise<void> => {
    const client = new pg.Client({
      connectionString: url,
      application_name: "rollbook hints",
      connectionTimeoutMillis: 2000,
      keepAlive: true,
      keepAliveInitialDelayMillis: 5000,
    });
    const { promise: ended, resolve: end } = Promise.withResolvers<void>();
    client.on("error", () => end());
    client.on("end", () => end());
    client.on("notification", told);
    signal.addEventListener("abort", () => end(), { once: true });
    try {
      await client.connect();
      await client.query(`LISTEN ${client.escapeIdentifier(channel)}`);
      told();
      await ended;
    } finally {
      await client.end().catch(() => undefined);
    }
  };

  return {
    tell(): void {
      again = true;
      if (sending) return;
      sending = true;
      void send();
    },
    listen(told: () => void, given: AbortSignal): void {
      const signal = AbortSignal.any([given, closed.signal]);
      const loop = async () => {
        while (!signal.aborted) {
          await listenOnce(told, signal).catch(() => undefined);
          await sleep(AGAIN, signal);
        }
      };
      void loop();
    },
    async close(): Promise<void> {
      closed.abort();
    },
  };
}
