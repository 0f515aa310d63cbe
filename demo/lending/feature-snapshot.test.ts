import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { it } from "node:test";
import { digestOf } from "../../src/core/digest.ts";
import { schema1, schema2 } from "./feature-schema.ts";
import { serveSnapshot, snapshotCsv, snapshotTable, tableDigest } from "./feature-snapshot.ts";
import { applicantPool } from "./population.ts";

it("a snapshot that goes live again holds exactly the bytes of its digest, whatever happened to its table", () => {
  const db = new DatabaseSync(":memory:");
  const people = applicantPool(5, 300);
  const bytesOf = (schema: typeof schema1) => new TextEncoder().encode(snapshotCsv(schema, people));
  const [old, newer] = [bytesOf(schema1), bytesOf(schema2)];
  const [first, second] = [digestOf(old), digestOf(newer)];
  serveSnapshot(db, old, first);
  serveSnapshot(db, newer, second);
  assert.equal(tableDigest(db, second), second);
  db.exec(`UPDATE ${snapshotTable(first)} SET annual_income = 12 WHERE applicant = 7`);
  assert.notEqual(tableDigest(db, first), first);
  serveSnapshot(db, old, first);
  assert.equal(tableDigest(db, first), first);
  const live = db.prepare("SELECT annual_income FROM applicants_live WHERE applicant = 7").get();
  assert.equal(live?.["annual_income"], people[7]?.annualIncome);
  db.close();
});
