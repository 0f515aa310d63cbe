import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { digestOf } from "../../core/digest.ts";
import { flywayConcerns } from "./flyway-concerns.ts";
import { type HistoryRow, inEffect, verifyHistory, versionOf } from "./flyway-history.ts";
import { drifted, type FlywayLook, objection, observed, type RecordRow } from "./flyway-record.ts";
import { goingBack, type WaysBack } from "./going-back.ts";
import { checksumOf, compareVersions, type MigrationFile, normalVersion } from "./migration-files.ts";

const file = (script: string, text = "SELECT 1;"): MigrationFile => {
  const [, kind = "R", version] = /^([VBU])([\d._]+)__/.exec(script) ?? [];
  return {
    kind: kind as MigrationFile["kind"],
    version: version?.replaceAll("_", "."),
    description: script.replace(/^.*?__|\.sql$/g, ""),
    script,
    path: `/migrations/${script}`,
    checksum: checksumOf(text),
    placeholders: text.includes("${"),
    text,
  };
};
const row = (rank: number, of: MigrationFile, more: Partial<HistoryRow> = {}): HistoryRow => ({
  rank,
  version: of.version ?? null,
  description: of.description,
  type: "SQL",
  script: of.script,
  checksum: of.checksum,
  success: true,
  ...more,
});

const [v1, v2, v3] = [file("V1__start.sql"), file("V2__surname.sql", "ALTER TABLE a ADD b int;"), file("V3__city.sql")];
const undo2 = file("V3.2__undo.sql", "ALTER TABLE a DROP COLUMN b;");
const undo3 = file("V3.1__undo.sql");
const [one, two, three] = [digestOf("one"), digestOf("two"), digestOf("three")];
const known = (version: string, rank: number, digest: typeof one, more: Partial<RecordRow> = {}): RecordRow => {
  return { state: "known", version, rank, digest, fence: 0, key: null, steps: 0, done: 0, ...more };
};
const look: FlywayLook = {
  identity: "postgres:1/1/loans",
  digest: three,
  history: [row(1, v1), row(2, v2), row(3, v3)],
  rows: [known("1", 1, one), known("2", 2, two), known("3", 3, three)],
};
const ways: WaysBack = {
  compensations: new Map([
    ["2", undo2],
    ["3", undo3],
  ]),
  irreversible: [],
};
const steps = (back: ReturnType<typeof goingBack>) => ("steps" in back ? back.steps.map(({ script }) => script) : back);

test("line ends and a byte order mark change no checksum, and anything else does", () => {
  fc.assert(
    fc.property(fc.array(fc.stringMatching(/^[^\r\n\uFEFF]*$/)), fc.constantFrom("\n", "\r", "\r\n"), (lines, end) => {
      assert.equal(checksumOf(lines.join(end)), checksumOf(lines.join("\n")));
      assert.equal(checksumOf(`\uFEFF${lines.join(end)}${end}`), checksumOf(lines.join("\n")));
      assert.notEqual(checksumOf(`${lines.join(end)}x`), checksumOf(lines.join("\n")));
    }),
  );
});

test("versions are compared by their numbers, part by part", () => {
  const parts = fc.array(fc.nat({ max: 30 }), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(parts, parts, (a, b) => {
      const [left, right] = [a.join("."), b.join("_")];
      assert.equal(compareVersions(left, right), -compareVersions(right, left) || 0);
      assert.equal(compareVersions(left, right) === 0, normalVersion(left) === normalVersion(right));
      assert.equal(compareVersions(`${left}.0`, left), 0);
    }),
  );
  assert.ok(compareVersions("2", "10") < 0);
});

test("what was undone or deleted from the history is not in effect", () => {
  const history = [
    row(1, v1),
    row(2, v2),
    row(3, v2, { type: "UNDO_SQL" }),
    row(4, v3),
    row(5, v3, { type: "DELETE" }),
  ];
  assert.deepEqual(
    inEffect(history).map(({ rank }) => rank),
    [1],
  );
  assert.equal(versionOf(history), "1");
  assert.deepEqual(
    verifyHistory(history, [v1, v2, v3]).map(({ kind }) => kind),
    ["undone", "undone"],
  );
});

test("history and files are compared as Flyway validates them", () => {
  const [r, old] = [file("R__views.sql"), file("R__views.sql", "SELECT 0;")];
  const kinds = (history: readonly HistoryRow[], files: readonly MigrationFile[]) =>
    verifyHistory(history, files).map(({ kind }) => kind);
  assert.deepEqual(kinds(look.history, [v1, v2, v3]), []);
  assert.deepEqual(kinds([row(1, v1), row(2, v2, { success: false })], [v1, v2]), ["failed", "pending"]);
  assert.deepEqual(kinds([row(1, v1, { checksum: 7 })], [v1]), ["changed"]);
  assert.deepEqual(kinds([row(1, v1)], []), ["missing"]);
  assert.deepEqual(kinds([row(1, v1), row(2, v3)], [v1, v2, v3]), ["out-of-order"]);
  assert.deepEqual(kinds([row(1, v1)], [v1, v2, r]), ["pending", "pending"]);
  assert.deepEqual(kinds([row(1, old), row(2, r)], [r]), []);
  assert.deepEqual(kinds([row(1, r), row(2, old)], [r]), ["outdated"]);
  assert.deepEqual(kinds([row(1, old)], [file("R__views.sql", "SELECT $" + "{x};")]), []);
  assert.deepEqual(kinds([row(1, v2, { type: "BASELINE", checksum: null })], [v1, v2, v3]), ["pending"]);
  assert.deepEqual(kinds([row(1, v1, { type: "JDBC", checksum: null })], []), ["not-sql"]);
});

test("the way back takes the newest first, and each step is above all before it", () => {
  assert.deepEqual(steps(goingBack(look, ways, one)), ["V3.1__undo.sql", "V3.2__undo.sql"]);
  assert.deepEqual(steps(goingBack(look, ways, two)), ["V3.1__undo.sql"]);
  assert.deepEqual(goingBack(look, ways, three), { kind: "here" });
  const low = { ...ways, compensations: new Map([["3", file("V2.5__undo.sql")]]) };
  assert.match(JSON.stringify(goingBack(look, low, two)), /must be above version 3/);
});

test("there is no way back without a compensation, past a point of no return, by hand, or to what was never kept", () => {
  const reason = (back: ReturnType<typeof goingBack>) => ("reason" in back ? back.reason : JSON.stringify(back));
  assert.match(
    reason(goingBack(look, { ...ways, compensations: new Map() }, two)),
    /no compensation is declared for version 3/,
  );
  assert.match(
    reason(goingBack(look, { ...ways, irreversible: ["2.0"] }, one)),
    /version 2 is declared as a point of no return/,
  );
  assert.match(reason(goingBack({ ...look, digest: digestOf("x") }, ways, three)), /changed by hand/);
  assert.match(reason(goingBack(look, ways, digestOf("x"))), /never taken into keeping/);
  const alone = new Map([["3", file("V3.1__undo.sql", "DROP INDEX CONCURRENTLY i;")]]);
  assert.match(reason(goingBack(look, { ...ways, compensations: alone }, two)), /outside a transaction/);
});

test("what was compensated is a way back itself: the newest place with the same schema counts", () => {
  const again = {
    ...look,
    digest: two,
    history: [...look.history, row(4, undo3)],
    rows: [...look.rows, known("3.1", 4, two)],
  };
  assert.deepEqual(goingBack(again, ways, two), { kind: "here" });
  const v4 = file("V4__more.sql");
  const later = { ...again, digest: digestOf("four"), history: [...again.history, row(5, v4)] };
  const more = { ...ways, compensations: new Map([["4", file("V4.1__undo.sql")]]) };
  assert.deepEqual(steps(goingBack(later, more, two)), ["V4.1__undo.sql"]);
});

test("a change that no row of the history shows is drift", () => {
  assert.equal(drifted(look), false);
  assert.equal(drifted({ ...look, digest: two }), true);
  assert.equal(drifted({ ...look, history: [...look.history, row(4, file("R__views.sql"))], digest: two }), false);
});

test("requests are answered by key, fence and before-state", () => {
  const before = observed(look);
  const request = { at: "flyway://loans", desired: two, before, key: "k", fence: 3 };
  const after = (more: Partial<RecordRow>) => ({
    ...look,
    rows: [...look.rows, known("3", 2, two, { state: "live", key: "k", fence: 3, ...more })],
  });
  assert.equal(objection(look, request), undefined);
  assert.equal(objection(after({}), request)?.kind, "already");
  assert.equal(objection(after({}), { ...request, desired: one })?.kind, "refused");
  assert.equal(objection(after({ steps: 2, done: 1 }), request)?.kind, "unknown");
  assert.equal(objection(after({ key: "other", fence: 4 }), request)?.kind, "stale");
  assert.equal(objection({ ...look, digest: one }, request)?.kind, "conflict");
});

test("before a release, a pending migration without a way back is blocking", () => {
  const now = { ...look, digest: two, history: look.history.slice(0, 2), rows: look.rows.slice(0, 2) };
  const texts = (more: Partial<WaysBack>, migrations = [v1, v2, v3]) =>
    flywayConcerns(now, { migrations, ways: { ...ways, ...more } }, two).map(({ level, text }) => `${level}: ${text}`);
  assert.deepEqual(texts({}), []);
  assert.deepEqual(texts({ compensations: new Map() }), [
    "blocking: V3__city.sql is pending, and no compensation is declared for version 3.",
  ]);
  assert.match(
    texts({ irreversible: ["3"] }).join(),
    /blocking: V3__city\.sql is pending and is declared as a point of no return/,
  );
  assert.match(texts({}, [v1, v2, v3, undo3]).join(), /blocking: V3\.1__undo\.sql is in the folder of migrations/);
});
