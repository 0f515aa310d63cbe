import { readdirSync, readFileSync } from "node:fs";
import { digestOf } from "../core/digest.ts";
import { RollbookError } from "../core/errors.ts";

/** One numbered step of the schema. A released one never changes. */
export interface Migration {
  readonly number: number;
  readonly name: string;
  readonly sql: string;
}

/** What a database says of a migration that it has. */
export interface AppliedMigration {
  readonly number: number;
  readonly name: string;
  /** Digest of the text that was applied. */
  readonly digest: string;
}

/** The migrations in a folder, in order: files named `0001-what-it-does.sql`. */
export function readMigrations(folder: URL): readonly Migration[] {
  return readdirSync(folder)
    .filter((name) => /^\d{4}-[a-z0-9-]+\.sql$/.test(name))
    .sort()
    .map((name) => ({ number: Number(name.slice(0, 4)), name, sql: readFileSync(new URL(name, folder), "utf8") }));
}

/**
 * The migrations that a database lacks, in order.
 * Throws STORE_UNSAFE when it has one that is unknown here or that was another text.
 */
export function missingMigrations(
  known: readonly Migration[],
  applied: readonly AppliedMigration[],
): readonly Migration[] {
  for (const { number, name, digest } of applied) {
    const same = known.find((migration) => migration.number === number);
    if (same === undefined) throw unsafe(`its schema has ${name}, which only a newer Rollbook knows`);
    if (digestOf(same.sql) !== digest) throw unsafe(`its schema was made by another ${name}`);
  }
  const numbers = new Set(applied.map(({ number }) => number));
  return known.filter(({ number }) => !numbers.has(number));
}

function unsafe(reason: string): RollbookError {
  return new RollbookError("STORE_UNSAFE", { reason });
}
