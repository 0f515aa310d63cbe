import type { DatabaseSync } from "node:sqlite";
import { type Digest, digestOf, shortDigest } from "../../src/core/digest.ts";
import type { FeatureSchema } from "./feature-schema.ts";
import type { Applicant } from "./population.ts";

/** A snapshot of the features of every applicant as CSV. These bytes are the revision of `data`. */
export function snapshotCsv(schema: FeatureSchema, people: readonly Applicant[]): string {
  const lines = people.map((person, applicant) => {
    const row = schema.encode(person);
    return [applicant, ...schema.columns.map((column) => row[column])].join(",");
  });
  return `${[["applicant", ...schema.columns].join(","), ...lines].join("\n")}\n`;
}

/** The table that holds a snapshot: one per digest, never changed. */
export function snapshotTable(digest: Digest): string {
  return `snapshot_${shortDigest(digest)}`;
}

/** Loads a snapshot into its own table unless it is there; call inside a transaction. */
export function loadSnapshot(db: DatabaseSync, csv: Uint8Array, digest: Digest): void {
  const table = snapshotTable(digest);
  if (db.prepare("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?").get(table)) return;
  const [head = "", ...lines] = new TextDecoder().decode(csv).trimEnd().split("\n");
  const columns = head.split(",");
  const types = columns.map((column) =>
    column === "applicant" ? "applicant INTEGER PRIMARY KEY" : `${column} REAL NOT NULL`,
  );
  db.exec(`CREATE TABLE ${table} (${types.join(", ")}) STRICT`);
  const insert = db.prepare(`INSERT INTO ${table} VALUES (${columns.map(() => "?").join(", ")})`);
  for (const line of lines) insert.run(...line.split(",").map(Number));
}

/** The digest of what a snapshot's table really holds: its rows, written as the CSV that they came from. */
export function tableDigest(db: DatabaseSync, digest: Digest): Digest {
  const select = db.prepare(`SELECT * FROM ${snapshotTable(digest)} ORDER BY applicant`);
  select.setReturnArrays(true);
  const rows = select.all() as unknown as readonly (readonly number[])[];
  const head = select.columns().map(({ name }) => name);
  return digestOf(`${[head, ...rows].map((cells) => cells.join(",")).join("\n")}\n`);
}

/** Points the live view at a snapshot, and loads its table anew if that holds anything else; call inside a transaction. */
export function serveSnapshot(db: DatabaseSync, csv: Uint8Array, digest: Digest): void {
  const table = snapshotTable(digest);
  loadSnapshot(db, csv, digest);
  if (tableDigest(db, digest) !== digest) {
    db.exec(`DROP TABLE ${table}`);
    loadSnapshot(db, csv, digest);
  }
  db.exec(`DROP VIEW IF EXISTS applicants_live; CREATE VIEW applicants_live AS SELECT * FROM ${table}`);
}
