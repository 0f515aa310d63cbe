import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { runs } from "../testing/runs.fixture.ts";
import { naiveDesigns } from "./naive-designs.ts";
import { runSeed } from "./run-seed.ts";
import type { Sabotage } from "./world.ts";

/** The first of so many saga worlds in which a design breaks a law like this one. */
async function caught(sabotage: Sabotage, seeds: number, law = /./): Promise<number | undefined> {
  for (let seed = 1; seed <= seeds; seed++) {
    const { violations } = await runSeed(seed, sabotage, "saga");
    if (violations.some((broken) => law.test(broken))) return seed;
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
      assert.notEqual(await caught(naiveDesigns[design]!, 40, law), undefined);
    });

  it("with no fence at the targets is caught where what was sent arrives after it was taken back", async () => {
    const congested: Sabotage = {
      crowd: { congested: true, begins: "pending", seats: false },
      scenario: { faults: { slow: 0.8 }, slowness: 60_000 },
    };
    const naive = { ...congested, ...naiveDesigns["no fence at the targets"] };
    const law = /accepted a write of a stale fence|is not at its restore point/;
    assert.notEqual(await caught(naive, 60, law), undefined);
    assert.equal(await caught(congested, 60), undefined);
  });
});

describe("saga worlds", () => {
  it("have seats that another takes over, and rivals that are frozen and work again", async () => {
    const actors = new Map<number, Set<string>>();
    const said: string[] = [];
    for (let seed = 1; seed <= 30; seed++) {
      const crowd = { begins: "exposed", rivals: true, seats: true } as const;
      const { world, violations } = await runSeed(seed, { crowd }, "saga");
      assert.deepEqual(violations, [], `seed ${seed}`);
      said.push(...world.lines);
      const acting = world.lines.filter((line) => line.includes(" step: ")).map((line) => line.split(" ")[1]!);
      actors.set(seed, new Set(acting));
    }
    assert.ok([...actors.values()].some(({ size }) => size > 1));
    for (const end of [/freeze sim:\w+#rival: done/, /thaw sim:\w+#rival: done/, /the rival of sim:\w+ works again/])
      assert.ok(
        said.some((line) => end.test(line)),
        String(end),
      );
  });
});
