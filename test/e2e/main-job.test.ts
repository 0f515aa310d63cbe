import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { type DemoReport, dataFolder, effectsIn, ledgerIn, reportOf, runDemo, worldIn } from "./demo-process.ts";

const TINY = fileURLToPath(new URL("../recordings/tiny.csv", import.meta.url));
const SHARED = process.env["ROLLBOOK_SHARED_DATA"] ?? fileURLToPath(new URL("../../../shared/data", import.meta.url));
const LLMDRIFT = join(SHARED, "llmdrift", "PRIME_FULL_EVAL.csv");

function assertRolledBack(report: DemoReport, components: readonly string[]): void {
  assert.equal(report.outcome, "rolled-back-verified");
  assert.equal(report.candidate.quarantined, true);
  assert.equal(report.route.candidatePercent, 0);
  assert.equal(report.ledger.verified, true);
  assert.deepEqual(report.components.map(({ component }) => component).sort(), [...components].sort());
  for (const { component, wanted, found, status } of report.components) {
    assert.deepEqual([component, status, found], [component, "done", wanted]);
  }
  assert.ok(report.fixed.length > 0 && report.fixed.every(({ kind }) => kind === "healthy"));
  assert.ok(report.evidence.some(({ kind }) => kind === "harmful"));
  const { detect, contain, restore, fix, total } = report.clocks;
  assert.ok(detect! > 0 && contain! >= 0 && restore! >= contain! && fix! >= restore! && total === detect! + fix!);
  assert.ok(report.badAnswers.served > 0 && report.badAnswers.served <= report.badAnswers.of);
  assert.ok(report.article.onErrors !== "" && report.article.onBusiness !== "");
}

function assertPromoted(report: DemoReport): void {
  assert.equal(report.outcome, "promoted");
  assert.deepEqual([report.candidate.quarantined, report.route.candidatePercent], [false, 95]);
  assert.equal(report.ledger.verified, true);
  assert.ok(report.evidence.every(({ kind }) => kind !== "harmful"));
}

describe("the main job, as a stranger runs it", () => {
  test("a bad release is rolled back, all of it, once, and proved fixed", async (t) => {
    const data = dataFolder(t);
    const ended = await runDemo(["--once", "--json", "--data", data, "--seed", "4711"]);
    assert.equal(ended.exit, 0, ended.err);
    assert.ok(ended.ms < 60_000, `it took ${ended.ms} ms`);
    const report = reportOf(ended);
    assert.deepEqual([report.synthetic, report.seed, report.version], [true, 4711, 1]);
    assertRolledBack(report, ["model", "config", "data", "schema", "flag"]);
    assert.ok(report.because.includes("rising-losses"));

    const world = worldIn(data);
    const ledger = await ledgerIn(world.rollbook);
    assert.equal(ledger.length, report.ledger.size);
    const count = (type: string) => ledger.filter((entry) => entry.type === type).length;
    assert.deepEqual(
      [count("verdict"), count("contained"), count("quarantined"), count("rollback-ended")],
      [1, 1, 1, 1],
    );
    const wanted = Object.fromEntries(report.components.map(({ component, wanted: digest }) => [component, digest]));
    delete wanted["flag"];
    assert.deepEqual(effectsIn(world.system, wanted), { model: 1, config: 1, data: 1, schema: 1 });
    const lines = ended.err.split("\n").filter((line) => line.includes("the step is not over"));
    assert.ok(lines.length <= 12, "progress is not a flood");
  });

  test("a good release is promoted", async (t) => {
    const ended = await runDemo(["--once", "--json", "--healthy", "--data", dataFolder(t), "--seed", "4712"]);
    assert.equal(ended.exit, 0, ended.err);
    assertPromoted(reportOf(ended));
  });

  test("without --json stdout is the report for people", async (t) => {
    const ended = await runDemo(["--once", "--data", dataFolder(t), "--recording", TINY]);
    assert.equal(ended.exit, 0, ended.err);
    assert.match(ended.out, /ROLLED BACK and proved fixed/);
    assert.match(ended.err, /tiny-model-0301 \(85\.0 % right\) is stable/);
  });

  test("the recorded improvement is promoted", async (t) => {
    const models = ["--stable", "0601", "--candidate", "0301"];
    const ended = await runDemo(["--once", "--json", "--data", dataFolder(t), "--recording", TINY, ...models]);
    assert.equal(ended.exit, 0, ended.err);
    assertPromoted(reportOf(ended));
  });
});

describe("LLMDrift: two versions of GPT answering the same questions", () => {
  const absent = existsSync(LLMDRIFT) ? false : "shared data: llmdrift is not beside the repository";

  test("GPT-4, March to June 2023: a regression, rolled back", { skip: absent }, async (t) => {
    const ended = await runDemo(["--once", "--json", "--data", dataFolder(t), "--recording", LLMDRIFT]);
    assert.equal(ended.exit, 0, ended.err);
    const report = reportOf(ended);
    assertRolledBack(report, ["model", "prompt"]);
    assert.equal(report.synthetic, false);
    assert.match(ended.err, /gpt-4-0314.* is stable, .*gpt-4-0613.* is the candidate/);
    assert.match(
      ended.err,
      /also in this recording: --stable \S*gpt-3\.5-turbo-0301 --candidate \S*gpt-3\.5-turbo-0613/,
    );
  });

  test("GPT-3.5, March to June 2023: an improvement, not rolled back", { skip: absent }, async (t) => {
    const models = ["--stable", "gpt-3.5-turbo-0301", "--candidate", "gpt-3.5-turbo-0613"];
    const ended = await runDemo(["--once", "--json", "--data", dataFolder(t), "--recording", LLMDRIFT, ...models]);
    assert.equal(ended.exit, 0, ended.err);
    assertPromoted(reportOf(ended));
  });
});
