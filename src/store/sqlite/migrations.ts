import { digestOf } from "../../core/digest.ts";
import type { Instant } from "../../core/time.ts";
import { type AppliedMigration, type Migration, missingMigrations, readMigrations } from "../migration-files.ts";
import type { Connection } from "./connection.ts";

/** The migrations that this version of Rollbook knows, in order. */
export function knownMigrations(): readonly Migration[] {
  return readMigrations(new URL("migrations/", import.meta.url));
}

/**
 * Applies what is missing, each migration in one transaction together with its record.
 * Throws STORE_UNSAFE when the database has a migration that is unknown here or that was another text.
 */
export function migrate(connection: Connection, known: readonly Migration[], now: () => Instant): void {
  connection.exec(
    "CREATE TABLE IF NOT EXISTS migrations (number INTEGER PRIMARY KEY, name TEXT NOT NULL, digest TEXT NOT NULL, applied_at REAL NOT NULL) STRICT",
  );
  const applied = connection.prepare("SELECT number, name, digest FROM migrations ORDER BY number").all();
  const record = connection.prepare("INSERT INTO migrations (number, name, digest, applied_at) VALUES (?, ?, ?, ?)");
  for (const { number, name, sql } of missingMigrations(known, applied as unknown as AppliedMigration[]))
    connection.transaction(() => {
      connection.exec(sql);
      record.run(number, name, digestOf(sql), now());
    });
}
