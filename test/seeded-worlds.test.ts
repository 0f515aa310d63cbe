import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { runSeed } from "../src/drills/run-seed.ts";
import { createLedger } from "../src/record/ledger/ledger.ts";
import { runs } from "../src/testing/runs.fixture.ts";

const main = fileURLToPath(new URL("../src/drills/sim/main.ts", import.meta.url));

function sim(...options: readonly string[]) {
  return spawnSync(process.execPath, [main, ...options], { encoding: "utf8", timeout: 60_000 });
}

describe("seeded worlds", () => {
  it("leave a ledger that verifies, whatever went wrong in them", async () => {
    const { privateKey } = generateKeyPairSync("ed25519");
    for (let seed = 500; seed < 500 + runs(30); seed++) {
      const { world, violations } = await runSeed(seed);
      const { store } = world;
      assert.deepEqual(violations, []);
      const ledger = createLedger({ store, origin: "example.org/seeded", key: privateKey });
      const head = await ledger.checkpoint();
      assert.equal(head.size, await store.entryCount());
      assert.equal((await ledger.verify([head])).kind, "verified");
    }
  });

  it("are run by `npm run sim`, which says what was injected and how it ended", () => {
    const first = sim("--seeds", "3", "--from", "40", "--kind", "whole", "--trace");
    assert.equal(first.status, 0, first.stderr);
    assert.match(first.stdout, /3 seeds, \d+ faults injected/);
    assert.match(first.stdout, /violations: 0\n$/);
    assert.equal(sim("--seeds", "3", "--from", "40", "--kind", "whole", "--trace").stdout, first.stdout);
  });

  it("are not run for a number that is none", () => {
    assert.equal(sim("--seeds", "none").status, 2);
    assert.match(sim("--help").stdout, /--from S/);
  });
});
