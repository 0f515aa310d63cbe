import { readdirSync, readFileSync } from "node:fs";
import { digestOf } from "../../core/digest.ts";
import { RollbookError } from "../../core/errors.ts";
import type { Instant } from "../../core/time.ts";
import type { Connection } from "./connection.ts";

/** One numbered step of the schema. A released one never changes. */
export interface Migration {
  readonly number: number;
  readonly name: string;
  readonly sql: string;
}

/** The migrations that this version of Rollbook knows, in order. */
export function knownMigrations(): readonly Migration[] {
  const folder = new URL("migrations/", import.meta.url);
  return readdirSync(folder)
    .filter((name) => /^\d{4}-[a-z0-9-]+\.sql$/.test(name))
    .sort()
    .map((name) => ({ number: Number(name.slice(0, 4)), name, sql: readFileSync(new URL(name, folder), "utf8") }));
}

/**
 * Applies what is missing, each migration in one transaction together with its record.
 * Throws STORE_UNSAFE when the database has a migration that is unknown here or that was another text.
 */
export function migrate(connection: Connection, known: readonly Migration[], now: () => Instant): void {
  connection.exec(
    "CREATE TABLE IF NOT EXISTS migrations (number INTEGER PRIMARY KEY, name TEXT NOT NULL, digest TEXT NOT NULL, applied_at REAL NOT NULL) STRICT",
  );
  const rows = connection.prepare("SELECT number, name, digest FROM migrations ORDER BY number").all();
  const applied = new Map(rows.map((row) => [row["number"] as number, row]));
  for (const [number, row] of applied) {
    const same = known.find((migration) => migration.number === number);
    if (same === undefined) throw unsafe(`its schema has ${row["name"]}, which only a newer Rollbook knows`);
    if (digestOf(same.sql) !== row["digest"]) throw unsafe(`its schema was made by another ${row["name"]}`);
  }
  const record = connection.prepare("INSERT INTO migrations (number, name, digest, applied_at) VALUES (?, ?, ?, ?)");
  for (const { number, name, sql } of known) {
    if (applied.has(number)) continue;
    connection.transaction(() => {
      connection.exec(sql);
      record.run(number, name, digestOf(sql), now());
    });
  }
}

function unsafe(reason: string): RollbookError {
  return new RollbookError("STORE_UNSAFE", { reason });
}
