import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { runs } from "../testing/runs.fixture.ts";
import { naiveDesigns } from "./naive-designs.ts";
import { runSeed } from "./run-seed.ts";

/** The laws that are broken in the first so many saga worlds with a design; stops at the first world that breaks one. */
async function caught(
  design: string,
  seeds: number,
): Promise<{ readonly seed: number; readonly laws: string } | undefined> {
  for (let seed = 1; seed <= seeds; seed++) {
    const { violations } = await runSeed(seed, naiveDesigns[design], "saga");
    if (violations.length > 0) return { seed, laws: violations.join("; ") };
  }
  return undefined;
}

describe("several controllers over one store", () => {
  it("break no law, whatever befalls them", async () => {
    const broken: string[] = [];
    const injected = new Set<string>();
    for (let seed = 1; seed <= runs(400); seed++) {
      const result = await runSeed(seed, {}, "saga");
      for (const law of result.violations) broken.push(`seed ${seed}: ${law}`);
      for (const [kind, times] of Object.entries(result.injected)) if (times > 0) injected.add(kind);
    }
    assert.deepEqual(broken, []);
    for (const fault of [
      "clock jump",
      "cord",
      "crash",
      "cut off from the store",
      "cut off from the targets",
      "duplicate",
      "half-applied",
      "late-view",
      "lost-reply",
      "lost-request",
      "pause beyond the lease",
      "rival",
      "slow",
      "store: lost answer",
      "store: lost request",
      "store: slow",
    ])
      assert.ok(injected.has(fault), `no ${fault} was injected`);
  });

  it("replay byte for byte, in another process too", async () => {
    const main = fileURLToPath(new URL("./sim/main.ts", import.meta.url));
    const seed = 1 + Math.floor(Math.random() * 1e6);
    const { trace } = await runSeed(seed, {}, "saga");
    assert.equal((await runSeed(seed, {}, "saga")).trace, trace, `seed ${seed}`);
    const options = ["--kind", "saga", "--from", String(seed), "--seeds", "1", "--trace"];
    const other = spawnSync(process.execPath, [main, ...options], { encoding: "utf8", timeout: 60_000 });
    assert.ok(other.stdout.startsWith(trace), `seed ${seed}: ${other.stderr}`);
  });
});

describe("a naive design", () => {
  const laws: Readonly<Record<string, RegExp>> = {
    "no fence at the store": /the store accepted a write of a stale fence/,
    "no keys and no fence at the targets": /had its effect at sim:\w+ twice/,
    "keys only": /the store accepted a write of a stale fence/,
    "no lease": /two controllers hold one fence/,
    "no read-back": /is not at its restore point/,
    "effect before intent": /sent before its intent was durable/,
  };
  for (const [design, law] of Object.entries(laws))
    it(`with ${design} is caught within forty worlds`, async () => {
      assert.match((await caught(design, 40))?.laws ?? "", law);
    });
});
