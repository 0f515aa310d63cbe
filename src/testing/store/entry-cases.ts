import assert from "node:assert/strict";
import { describe } from "node:test";
import type { EntryDraft, EntryType } from "../../core/entry.ts";
import { leafOf } from "../../core/leaf.ts";
import { anEntry, notesOf, recording } from "./fixtures.ts";
import type { Cases } from "./suite.ts";

export function entryCases(cases: Cases): void {
  describe("entries", () => leafCases(cases));
  describe("the checkpoint", () => checkpointCases(cases));
}

function leafCases({ test }: Cases): void {
  test("are none at first", async (store) => {
    assert.equal(await store.entryCount(), 0);
    assert.deepEqual(await store.entries(0, 10), []);
    assert.equal(await store.checkpoint(), undefined);
  });

  test("hold exactly the bytes of their leaf", async (store) => {
    const entry = anEntry("naïve 🛟", { rollout: "r1", data: { z: [1, null, { b: 2, a: 1 }], a: -0.5 } });
    await store.commit([{ kind: "entry", entry }]);
    assert.deepEqual(await store.entries(0, 1), [{ index: 0, leaf: leafOf(entry) }]);
  });

  test("of one commit follow each other in its order", async (store) => {
    await store.commit([recording("a"), recording("b"), recording("c")]);
    assert.deepEqual(notesOf(await store.entries(0, 10)), ["a", "b", "c"]);
  });

  test("have contiguous indices and stay together under commits that come at once", async (store) => {
    const pairs = Array.from({ length: 50 }, (_, place) => [`${place}-first`, `${place}-second`]);
    await Promise.all(pairs.map((notes) => store.commit(notes.map(recording))));
    const entries = await store.entries(0, 1000);
    assert.deepEqual(
      entries.map((entry) => entry.index),
      entries.map((_, place) => place),
    );
    const notes = notesOf(entries);
    for (const [first, second] of pairs) assert.equal(notes.indexOf(second ?? ""), notes.indexOf(first ?? "") + 1);
  });

  test("are read in pages", async (store) => {
    await store.commit(["a", "b", "c", "d"].map(recording));
    assert.deepEqual(notesOf(await store.entries(1, 2)), ["b", "c"]);
    assert.deepEqual(notesOf(await store.entries(3, 9)), ["d"]);
    assert.deepEqual(await store.entries(4, 9), []);
    assert.deepEqual(await store.entries(0, 0), []);
    assert.equal(await store.entryCount(), 4);
  });

  test("about a rollout are found newest first, of one type or of any", async (store) => {
    const entry = (note: string, fields: Partial<EntryDraft>) =>
      ({ kind: "entry", entry: anEntry(note, fields) }) as const;
    await store.commit([
      entry("a", { rollout: "r1", type: "ordered" }),
      entry("b", { rollout: "r2", type: "ordered" }),
      entry("c", { rollout: "r1", type: "counts", data: { note: "c", rollout: "r2", system: "r2" } }),
      entry("d", { rollout: "r1", type: "ordered" }),
    ]);
    const found = async (about: string, limit: number, type?: EntryType) =>
      notesOf(await store.entriesAbout(about, limit, type));
    assert.deepEqual(await found("r1", 10), ["d", "c", "a"]);
    assert.deepEqual(await found("r1", 10, "ordered"), ["d", "a"]);
    assert.deepEqual(await found("r1", 1, "ordered"), ["d"]);
    assert.deepEqual(await found("r2", 10), ["b"]);
    assert.deepEqual(await found("r1", 10, "sealed"), []);
    assert.deepEqual(await found("r", 10), []);
    const [newest] = await store.entriesAbout("r1", 1);
    assert.deepEqual([newest?.index, newest?.leaf], [3, (await store.entries(3, 1))[0]?.leaf]);
  });

  test("about a system and no rollout are found by its name", async (store) => {
    const entry = (note: string, fields: Partial<EntryDraft>) =>
      ({ kind: "entry", entry: anEntry(note, fields) }) as const;
    const data = { note: "c", rollout: "loans", text: '","rollout":"loans' };
    await store.commit([
      entry("a", { type: "drifted" }),
      entry("b", { type: "drifted", rollout: "r1" }),
      entry("c", { type: "drifted", system: "fraud", data }),
    ]);
    assert.deepEqual(notesOf(await store.entriesAbout("loans", 10, "drifted")), ["a"]);
    assert.deepEqual(notesOf(await store.entriesAbout("fraud", 10)), ["c"]);
  });

  test("of any script, with U+0000 and halves of characters in them, are taken and found", async (store) => {
    const names = ["é", "🛟", 'a"b', "a\\b", "a b", "漢字", "}"];
    for (const name of names)
      await store.commit([
        {
          kind: "entry",
          entry: anEntry(`\u0000 \ud83d ${name}`, { rollout: name, system: `of ${name}`, actor: "\u0000" }),
        },
      ]);
    for (const name of names) assert.equal((await store.entriesAbout(name, 10, "verdict")).length, 1, name);
  });

  test("carry a payload of 1 MB", async (store) => {
    const note = "x".repeat(1_000_000);
    await store.commit([recording(note)]);
    assert.deepEqual(notesOf(await store.entries(0, 1)), [note]);
    assert.deepEqual(notesOf(await store.entriesAbout("loans", 1)), [note]);
  });

  test("are recorded even when a number is infinite", async (store) => {
    await store.commit([{ kind: "entry", entry: anEntry("", { data: { logEvidence: -Infinity } }) }]);
    assert.match((await store.entries(0, 1))[0]?.leaf ?? "", /"logEvidence":"-Infinity"/);
  });
}

function checkpointCases({ test }: Cases): void {
  test("is the newest one", async (store) => {
    for (const size of [0, 3, 7])
      await store.commit([{ kind: "checkpoint", checkpoint: { size, root: `root ${size}`, note: "n" } }]);
    assert.deepEqual(await store.checkpoint(), { size: 7, root: "root 7", note: "n" });
  });

  test("is never replaced by a shorter one that comes late", async (store) => {
    for (const size of [7, 3])
      await store.commit([{ kind: "checkpoint", checkpoint: { size, root: `root ${size}`, note: "n" } }]);
    assert.equal((await store.checkpoint())?.size, 7);
  });
}
