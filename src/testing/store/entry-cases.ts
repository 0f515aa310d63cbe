import assert from "node:assert/strict";
import { describe } from "node:test";
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

  test("carry a payload of 1 MB", async (store) => {
    const note = "x".repeat(1_000_000);
    await store.commit([recording(note)]);
    assert.deepEqual(notesOf(await store.entries(0, 1)), [note]);
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
