import type { Digest } from "../../core/digest.ts";
import { type HistoryRow, inEffect, versionOf } from "./flyway-history.ts";
import type { FlywayLook } from "./flyway-record.ts";
import { compareVersions, type MigrationFile, normalVersion } from "./migration-files.ts";

/** What the user declared about ways back. */
export interface WaysBack {
  /** By the version that it takes back: the file of a forward migration. */
  readonly compensations: ReadonlyMap<string, MigrationFile>;
  /** Versions that nothing takes back. */
  readonly irreversible: readonly string[];
}

export type GoingBack =
  | { readonly kind: "here" }
  | { readonly kind: "way"; readonly steps: readonly MigrationFile[]; readonly undone: readonly HistoryRow[] }
  | { readonly kind: "none"; readonly reason: string };

/** What Postgres refuses in a transaction, and Flyway therefore runs outside one. */
const STANDS_ALONE =
  /\b(concurrently|vacuum)\b|\balter\s+system\b|\b(create|drop)\s+(database|tablespace|subscription)\b/i;

/**
 * The compensating migrations that lead from what is live to a schema that was live before: one for each migration
 * since, newest first. Each has a higher version than all before it, as Flyway runs them.
 */
export function goingBack(look: FlywayLook, ways: WaysBack, desired: Digest): GoingBack {
  if (look.digest === desired) return { kind: "here" };
  const none = (reason: string): GoingBack => ({ kind: "none", reason });
  const standing = inEffect(look.history);
  const rankOf = (version: string | null) =>
    version === null ? 0 : standing.findLast((row) => row.version !== null && same(row.version, version))?.rank;
  const ranks = look.rows.filter((row) => row.digest === desired).map(({ version }) => rankOf(version));
  if (ranks.length === 0) return none("this schema was never taken into keeping here");
  const known = ranks.filter((rank) => rank !== undefined);
  if (known.length === 0) return none("the migration that made this schema is no longer in the history");
  const undone = standing.filter(({ rank, version }) => rank > Math.max(...known) && version !== null).reverse();
  if (undone.length === 0) return none("it was changed by hand since, which no migration takes back");
  const steps: MigrationFile[] = [];
  let highest = versionOf(look.history);
  for (const { version } of undone) {
    if (ways.irreversible.some((one) => same(one, version!))) {
      return none(`version ${version} is declared as a point of no return`);
    }
    const step = ways.compensations.get(normalVersion(version!));
    if (step === undefined) return none(`no compensation is declared for version ${version}`);
    if (compareVersions(step.version, highest) <= 0) {
      return none(`${step.script} takes back ${version} and must be above version ${highest}, which is applied before`);
    }
    if (STANDS_ALONE.test(step.text)) {
      return none(`${step.script} has a statement that runs outside a transaction, where nothing could be undone`);
    }
    highest = step.version;
    steps.push(step);
  }
  return { kind: "way", steps, undone };
}

function same(a: string, b: string): boolean {
  return normalVersion(a) === normalVersion(b);
}
