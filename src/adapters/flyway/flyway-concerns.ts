import type { Digest } from "../../core/digest.ts";
import type { Concern } from "../../core/ports.ts";
import { type Finding, inEffect, isOf, verifyHistory } from "./flyway-history.ts";
import { drifted, type FlywayLook, observed } from "./flyway-record.ts";
import { goingBack, type WaysBack } from "./going-back.ts";
import { type MigrationFile, normalVersion } from "./migration-files.ts";

/** The files of a connection, read anew for each question. */
export interface FlywayFiles {
  /** What is in the folder of migrations. */
  readonly migrations: readonly MigrationFile[];
  readonly ways: WaysBack;
}

/** Migrations and compensations, each once. */
export function allFiles({ migrations, ways }: FlywayFiles): readonly MigrationFile[] {
  const versions = new Set(migrations.flatMap(({ version }) => (version === undefined ? [] : normalVersion(version))));
  const more = [...ways.compensations.values()].filter(({ version }) => !versions.has(normalVersion(version!)));
  return [...migrations, ...more];
}

const BLOCKING: ReadonlySet<Finding["kind"]> = new Set(["failed", "changed", "missing", "not-sql"]);

/** Findings of the history that leave no way back; Flyway's own validation would refuse most of them too. */
export function obstacles(look: FlywayLook, files: FlywayFiles): readonly Finding[] {
  return verifyHistory(look.history, allFiles(files)).filter(({ kind }) => BLOCKING.has(kind));
}

/** What to know before relying on a way back to a schema. Changes nothing. */
export function flywayConcerns(look: FlywayLook, files: FlywayFiles, digest: Digest): readonly Concern[] {
  const blocks = obstacles(look, files).map(({ text }) => blocking(text));
  const warns = verifyHistory(look.history, files.migrations)
    .filter(({ kind }) => ["out-of-order", "outdated", "undone"].includes(kind))
    .map(({ text }) => warning(text));
  const hand = `The schema was changed by hand since ${observed(look).label} was taken into keeping: no migration shows it.`;
  return [
    ...blocks,
    ...(drifted(look) ? [blocking(hand)] : []),
    ...ahead(look, files),
    ...back(look, files, digest),
    ...warns,
    ...misplaced(look, files),
  ];
}

/** What would run with the next release, and whether it could be taken back. */
function ahead(look: FlywayLook, { migrations, ways }: FlywayFiles): readonly Concern[] {
  const standing = inEffect(look.history);
  const compensating = new Set([...ways.compensations.values()].map(({ version }) => normalVersion(version!)));
  return pendingOf(look, migrations)
    .filter(({ version }) => !compensating.has(normalVersion(version!)) && standing.length > 0)
    .flatMap((file): readonly Concern[] => {
      const version = normalVersion(file.version!);
      if (ways.irreversible.some((one) => normalVersion(one) === version)) {
        return [blocking(`${file.script} is pending and is declared as a point of no return.`)];
      }
      if (ways.compensations.has(version)) return [];
      return [blocking(`${file.script} is pending, and no compensation is declared for version ${file.version}.`)];
    });
}

function back(look: FlywayLook, { migrations, ways }: FlywayFiles, digest: Digest): readonly Concern[] {
  const way = goingBack(look, ways, digest);
  if (way.kind === "here") return [];
  if (way.kind === "none") return [blocking(`There is no way back to this schema: ${way.reason}.`)];
  const lost = way.undone.flatMap((row) => migrations.find((file) => file.kind === "V" && isOf(file, row)) ?? []);
  return [
    ...lost
      .filter(destroys)
      .map(({ script }) =>
        warning(`${script} drops or deletes: its compensation brings back structure, and not data.`),
      ),
    ...way.steps
      .filter(destroys)
      .map(({ script }) =>
        warning(`${script} drops or deletes: data that was written only in the newer shape is lost.`),
      ),
  ];
}

/** A compensation belongs into the folder once it ran, and not before. */
function misplaced(look: FlywayLook, { migrations, ways }: FlywayFiles): readonly Concern[] {
  const standing = inEffect(look.history);
  return [...ways.compensations.values()].flatMap((file) => {
    const ran = standing.some((row) => isOf(file, row));
    const there = migrations.some(({ version }) => version && normalVersion(version) === normalVersion(file.version!));
    if (ran && !there) {
      return [warning(`${file.script} has run: add it to the folder of migrations before the next release.`)];
    }
    if (!ran && there) {
      return [blocking(`${file.script} is in the folder of migrations: the next migrate runs it, wanted or not.`)];
    }
    return [];
  });
}

function pendingOf(look: FlywayLook, migrations: readonly MigrationFile[]): readonly MigrationFile[] {
  const pending = new Set(
    verifyHistory(look.history, migrations).flatMap(({ kind, text }) => (kind === "pending" ? text : [])),
  );
  return migrations.filter((file) => file.kind === "V" && pending.has(`${file.script} is pending.`));
}

/** Words alone, outside comments: a hint for people and no proof. */
function destroys({ text }: MigrationFile): boolean {
  const plain = text.replaceAll(/--[^\n]*|\/\*[\s\S]*?\*\//g, " ");
  return /\bdrop\s+(table|column|schema|type|materialized)\b|\btruncate\b|\bdelete\s+from\b/i.test(plain);
}

const blocking = (text: string): Concern => ({ level: "blocking", text });
const warning = (text: string): Concern => ({ level: "warning", text });
