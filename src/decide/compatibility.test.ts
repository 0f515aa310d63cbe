import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { defineRelease } from "../core/release.ts";
import { incompatibilities } from "./compatibility.ts";
import { aRevision } from "./playbook.fixture.ts";

const oldModel = aRevision("model 1", { accepts: { schema: ["schema 1"] } });

describe("what can serve with what", () => {
  it("finds nothing wrong with a release beside itself", () => {
    const release = defineRelease("loans", "old", { model: oldModel, schema: aRevision("schema 1") });
    assert.deepEqual(incompatibilities(release, release), []);
  });

  it("names the reader, what it reads, and why they were never proved together", () => {
    const old = defineRelease("loans", "old", { model: oldModel, schema: aRevision("schema 1") });
    const live = defineRelease("loans", "new", { model: aRevision("model 2"), schema: aRevision("schema 2") });
    assert.deepEqual(incompatibilities(old, live), [
      { component: "model", against: "schema", reason: "model 1 was never proved to work with schema 2" },
    ]);
  });

  it("believes a live revision that says it keeps this very reader working", () => {
    const old = defineRelease("loans", "old", { model: oldModel, schema: aRevision("schema 1") });
    const expanded = aRevision("schema 2", { keeps: { model: ["model 1"] } });
    assert.deepEqual(incompatibilities(old, defineRelease("loans", "new", { schema: expanded })), []);
    const forOthers = aRevision("schema 2", { keeps: { model: ["model 0"], data: ["model 1"] } });
    assert.equal(incompatibilities(old, defineRelease("loans", "new", { schema: forOthers })).length, 1);
  });

  it("says nothing of components that are not live, or that are read without a demand", () => {
    const old = defineRelease("loans", "old", { model: oldModel, data: aRevision("data 1") });
    const live = defineRelease("loans", "new", { data: aRevision("data 2") });
    assert.deepEqual(incompatibilities(old, live), []);
  });

  it("finds a reader that accepts nothing at all incompatible with everything", () => {
    const picky = defineRelease("loans", "old", { model: aRevision("model 1", { accepts: { schema: [] } }) });
    const live = defineRelease("loans", "new", { schema: aRevision("schema 1") });
    assert.equal(incompatibilities(picky, live).length, 1);
  });
});
