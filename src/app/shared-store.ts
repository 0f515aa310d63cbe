import type { KeyObject } from "node:crypto";
import { RollbookError } from "../core/errors.ts";
import type { Exchange } from "../core/exchange.ts";
import type { Store, TokenRecord } from "../core/ports.ts";
import { openExchange } from "../store/postgres/exchange.ts";
import { openPostgresStore } from "../store/postgres/postgres-store.ts";
import { openSqliteStore } from "../store/sqlite/sqlite-store.ts";
import { givenLedgerKey, ledgerKey, requestKey, sharedRequestKey } from "./secrets.ts";
import { systemClock } from "./system-clock.ts";

/** The Postgres that several replicas share. */
export interface SharedStore {
  /** `postgres://USER:PASSWORD@HOST:PORT/DATABASE` */
  readonly url: string;
  /** The private key of the ledger in PEM; without it `ledger.key` of the data folder. */
  readonly ledgerKey?: string;
}

export interface OpenedStore {
  readonly store: Store;
  /** Where other processes use the store too. */
  readonly exchange?: Exchange;
  readonly keys: { readonly ledger: KeyObject; readonly request: Uint8Array };
}

/** Opens the store that is meant, and the keys that belong to it. @throws STORE_UNSAFE, DATA_FOLDER_IN_USE, STORE_UNREACHABLE */
export async function openStore(given: {
  readonly folder: string;
  readonly shared?: SharedStore;
}): Promise<OpenedStore> {
  const { folder, shared } = given;
  if (!shared) {
    const store = await openSqliteStore({ folder, ...systemClock });
    return { store, keys: { ledger: ledgerKey(folder), request: requestKey(folder) } };
  }
  const options = { url: shared.url, elapsed: () => performance.now(), sleep: systemClock.sleep };
  const ledger = shared.ledgerKey === undefined ? ledgerKey(folder) : givenLedgerKey(shared.ledgerKey);
  const store = await openPostgresStore(options).catch((error: Error) => {
    // What the catalogue knows says what to do; whatever else Postgres says, it says of this address.
    throw error instanceof RollbookError ? error : new RollbookError("STORE_UNREACHABLE", { reason: error.message });
  });
  const exchange = openExchange(options);
  const keys = { ledger, request: sharedRequestKey(ledger) };
  return { store: hinting(store, exchange), exchange, keys };
}

/** Every replica signs with the same key, or readers could not tell whose heads to believe. @throws LEDGER_KEY_FOREIGN */
export async function agreeOnKey(exchange: Exchange, verifierKey: string): Promise<void> {
  const agreed = await exchange.agree("ledger key", verifierKey);
  if (agreed !== verifierKey) throw new RollbookError("LEDGER_KEY_FOREIGN", { theirs: agreed, ours: verifierKey });
}

/** How long a call waits for the store before the tokens that are known have to do. */
const TOKENS_MS = 300;

/**
 * Other replicas are told that a route is new, after it is: a NOTIFY within the commit would make commits wait in line.
 * Tokens are remembered, so that somebody can pull the cord while the store is away.
 */
function hinting(store: Store, exchange: Exchange): Store {
  let tokens: readonly TokenRecord[] = [];
  return {
    ...store,
    async tokens() {
      const asked = store.tokens();
      const fresh = await (tokens.length === 0
        ? asked
        : Promise.race([asked, systemClock.sleep(TOKENS_MS)]).catch(() => undefined));
      tokens = fresh ?? tokens;
      return tokens;
    },
    async commit(changes, guard, claim) {
      const written = await store.commit(changes, guard, claim);
      if (written.kind === "committed" && changes.some(({ kind }) => kind === "route")) exchange.hint();
      return written;
    },
  };
}
