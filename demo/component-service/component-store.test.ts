import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import fc from "fast-check";
import type { Digest } from "../../src/core/digest.ts";
import { runs } from "../../src/testing/runs.fixture.ts";
import { ComponentStore } from "./component-store.ts";

const artifact = (label: string) => ({ component: "model", label, bytes: new TextEncoder().encode(label) });

describe("the component store", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "rollbook-store-"));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  function filled(): { store: ComponentStore; digests: Digest[] } {
    const store = new ComponentStore(folder);
    const digests = ["a", "b", "c"].map((label) => store.register(artifact(label)));
    store.install("model", digests[0]!);
    return { store, digests };
  }

  it("has one effect per key, counts versions by effects and never lets an older fence write, across restarts", () => {
    const writes = fc.record({
      revision: fc.nat(2),
      key: fc.constantFrom("k1", "k2", "k3", "k4"),
      fence: fc.nat(3),
      old: fc.boolean(),
      restart: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(writes, { maxLength: 12 }), (sequence) => {
        rmSync(folder, { recursive: true, force: true });
        let { store, digests } = filled();
        const effects = new Map<string, Digest>();
        let [live, highest] = [digests[0]!, 0];
        for (const { revision, key, fence, old, restart } of sequence) {
          if (restart) {
            store.close();
            store = new ComponentStore(folder);
          }
          const version = String(1 + effects.size);
          const digest = digests[revision]!;
          const result = store.put({ component: "model", digest, ifMatch: old ? "0" : version, key, fence });
          if (fence < highest) assert.equal(result.kind, "stale");
          else if (effects.has(key)) assert.equal(result.kind, effects.get(key) === digest ? "already" : "refused");
          else assert.equal(result.kind, old ? "mismatch" : "applied");
          highest = Math.max(highest, fence);
          if (result.kind === "applied") {
            effects.set(key, digest);
            live = digest;
          }
          assert.equal(store.live("model")?.digest, live);
          assert.equal(store.live("model")?.version, String(1 + effects.size));
        }
        store.close();
      }),
      { numRuns: runs(25) },
    );
  });

  it("refuses a revision whose bytes were changed on disk, and says so", () => {
    const { store, digests } = filled();
    const file = readdirSync(join(folder, "artifacts")).find((name) => name.endsWith(digests[1]!.slice(7)))!;
    writeFileSync(join(folder, "artifacts", file), "other bytes");
    assert.equal(store.intact(digests[1]!), false);
    const result = store.put({ component: "model", digest: digests[1]!, ifMatch: "1", key: "k", fence: 1 });
    assert.equal(result.kind, "refused");
    assert.equal(store.live("model")?.digest, digests[0]);
    store.close();
  });

  it("leaves nothing behind when the effect of a write fails", () => {
    const { store, digests } = filled();
    store.close();
    const failing = new ComponentStore(folder, {
      model: (db) => {
        db.exec("CREATE TABLE half_done (x)");
        throw new Error("the effect failed");
      },
    });
    const result = failing.put({ component: "model", digest: digests[1]!, ifMatch: "1", key: "k", fence: 7 });
    assert.deepEqual(result, { kind: "refused", reason: "the effect failed" });
    assert.equal(failing.db.prepare("SELECT 1 FROM sqlite_master WHERE name = 'half_done'").get(), undefined);
    assert.equal(failing.live("model")?.version, "1");
    failing.close();
  });
});
