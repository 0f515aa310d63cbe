import { compareVersions, type MigrationFile, normalVersion } from "./migration-files.ts";

/** One row of `flyway_schema_history`. */
export interface HistoryRow {
  readonly rank: number;
  readonly version: string | null;
  readonly description: string;
  /** SQL, JDBC, SCRIPT, BASELINE, SQL_BASELINE, SCHEMA, UNDO_SQL, DELETE and more. */
  readonly type: string;
  readonly script: string;
  readonly checksum: number | null;
  readonly success: boolean;
}

/** What does not fit between history and files. */
export interface Finding {
  readonly kind: "failed" | "changed" | "missing" | "out-of-order" | "pending" | "outdated" | "not-sql" | "undone";
  readonly text: string;
}

/** Applied and still in effect, in the order they ran: what was undone or marked as deleted is out. */
export function inEffect(history: readonly HistoryRow[]): readonly HistoryRow[] {
  const standing: HistoryRow[] = [];
  for (const row of [...history].sort((a, b) => a.rank - b.rank)) {
    if (!row.success || row.type === "SCHEMA") continue;
    if (/^UNDO_|^DELETE$/.test(row.type)) {
      const undone = standing.findLastIndex((one) => sameMigration(one, row));
      if (undone >= 0) standing.splice(undone, 1);
    } else standing.push(row);
  }
  return standing;
}

/** The highest version in effect, as Flyway would say; undefined before the first. */
export function versionOf(history: readonly HistoryRow[]): string | undefined {
  const versions = inEffect(history).flatMap(({ version }) => version ?? []);
  return versions.sort(compareVersions).at(-1);
}

/** Compares history and files as `flyway validate` does, and says what else matters for going back. */
export function verifyHistory(history: readonly HistoryRow[], files: readonly MigrationFile[]): readonly Finding[] {
  const standing = inEffect(history);
  return [
    ...history.filter(({ success }) => !success).map(failedRow),
    ...latest(standing).flatMap((row) => againstFiles(row, files)),
    ...notApplied(history, standing, files),
  ];
}

function failedRow({ script }: HistoryRow): Finding {
  const text = `The history has a failed row for ${script}: look at what it left half done, then run "flyway repair".`;
  return { kind: "failed", text };
}

/** Of a repeatable only the newest row counts. */
function latest(standing: readonly HistoryRow[]): readonly HistoryRow[] {
  return standing.filter(
    (row, index) => row.version !== null || !standing.slice(index + 1).some((later) => sameMigration(later, row)),
  );
}

function againstFiles(row: HistoryRow, files: readonly MigrationFile[]): readonly Finding[] {
  if (row.type === "BASELINE") return [];
  if (row.type !== "SQL" && row.type !== "SQL_BASELINE") {
    return [{ kind: "not-sql", text: `${row.script} is of type ${row.type}, which cannot be verified here.` }];
  }
  const kind = row.version === null ? "R" : row.type === "SQL_BASELINE" ? "B" : "V";
  const file = files.find((one) => one.kind === kind && isOf(one, row));
  if (file === undefined) return [{ kind: "missing", text: `${row.script} was applied, and its file is missing.` }];
  if (row.checksum === null || row.checksum === file.checksum || (kind === "R" && file.placeholders)) return [];
  if (kind === "R")
    return [{ kind: "outdated", text: `${file.script} was changed and would run again with any migrate.` }];
  const text = `${file.script} was changed after it was applied: its checksum is ${file.checksum}, and ${row.checksum} was applied.`;
  return [{ kind: "changed", text }];
}

function notApplied(
  history: readonly HistoryRow[],
  standing: readonly HistoryRow[],
  files: readonly MigrationFile[],
): readonly Finding[] {
  const highest = versionOf(history);
  const floor = standing.findLast(({ type }) => /BASELINE$/.test(type))?.version ?? undefined;
  return files
    .filter((file) => (file.kind === "V" || file.kind === "R") && !standing.some((row) => isOf(file, row)))
    .filter(({ version }) => floor === undefined || version === undefined || compareVersions(version, floor) > 0)
    .map((file): Finding => {
      if (history.some((row) => /^UNDO_|^DELETE$/.test(row.type) && isOf(file, row))) {
        return { kind: "undone", text: `${file.script} was undone and would run again with the next migrate.` };
      }
      if (file.version !== undefined && highest !== undefined && compareVersions(file.version, highest) < 0) {
        return { kind: "out-of-order", text: `${file.script} is below version ${highest} and was not applied.` };
      }
      return { kind: "pending", text: `${file.script} is pending.` };
    });
}

/** Is this the file of this row? */
export function isOf(file: MigrationFile, row: HistoryRow): boolean {
  if (file.version === undefined || row.version === null) {
    return file.version === undefined && row.version === null && file.description === row.description;
  }
  return normalVersion(file.version) === normalVersion(row.version);
}

function sameMigration(a: HistoryRow, b: HistoryRow): boolean {
  if (a.version === null || b.version === null) return a.version === b.version && a.description === b.description;
  return normalVersion(a.version) === normalVersion(b.version);
}
