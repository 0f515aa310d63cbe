import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { dataFolder, effectsIn, reportOf, runDemo, startDemo, survivorsOf, worldIn } from "./demo-process.ts";

const TINY = fileURLToPath(new URL("../recordings/tiny.csv", import.meta.url));

describe("wrong words", () => {
  const wrong: readonly (readonly [readonly string[], number, RegExp])[] = [
    [["--seed", "x"], 2, /--seed must be a whole number from 0 to \d+, not "x"/],
    [["--seed=-1"], 2, /--seed must be a whole number/],
    [["--seed", "1.5"], 2, /--seed must be a whole number/],
    [["--seed="], 2, /--seed must be a whole number/],
    [["--port", "70000"], 2, /--port must be a whole number from 0 to 65535/],
    [["--onec"], 2, /Unknown option '--onec'/],
    [["now"], 2, /Unexpected argument 'now'/],
    [["--stable", "a"], 2, /choose models of a --recording/],
    [["--recording", TINY, "--healthy"], 2, /--healthy belongs to the lender/],
    [["--recording", "/nowhere/at/all.csv"], 2, /all\.csv cannot be read/],
    [["--recording", TINY, "--stable", "gpt"], 3, /"gpt" names no model: it has tiny-model-0301, tiny-model-0601/],
  ];
  for (const [args, exit, sentence] of wrong) {
    test(`${args.join(" ").replace(TINY, "tiny.csv")} exits with ${exit} and one sentence`, async (t) => {
      const ended = await runDemo([...args, "--once", "--json", "--data", join(dataFolder(t), "new")]);
      assert.deepEqual([ended.exit, ended.out], [exit, ""]);
      const [first, state, hint] = ended.err.split("\n");
      assert.match(first!, sentence);
      assert.match(state!, /^ {2}state: /);
      assert.match(hint!, /^ {2}to do: /);
      assert.doesNotMatch(ended.err, /^\s+at /m, "no stack");
    });
  }

  test("a data folder that is a file is one sentence too", async (t) => {
    const file = join(dataFolder(t), "file");
    writeFileSync(file, "");
    const ended = await runDemo(["--once", "--data", file]);
    assert.deepEqual([ended.exit, ended.out], [2, ""]);
    assert.match(ended.err, /^--data \S+ cannot hold a world: .+\n {2}state: /);
    assert.doesNotMatch(ended.err, /^\s+at /m);
  });
});

describe("a busy machine", () => {
  test("a dry run prints both plans and their digests, and releases nothing", async (t) => {
    const data = dataFolder(t);
    const words = await runDemo(["--dry-run", "--data", data, "--seed", "31"]);
    assert.equal(words.exit, 0, words.err);
    assert.match(
      words.out,
      /^release of loan-approval: plan sha256:[0-9a-f]{64}\n[\s\S]*\nrollback of loan-approval: plan /,
    );
    const json = await runDemo(["--dry-run", "--json", "--data", data, "--seed", "31"]);
    const plans = JSON.parse(json.out) as { out: { digest: string }; back: { digest: string } };
    for (const { digest } of [plans.out, plans.back]) assert.match(words.out, new RegExp(digest));
    assert.deepEqual(effectsIn(worldIn(data).system, { model: "", config: "" }), { model: 0, config: 0 });
  });

  test("a taken port is said and replaced; a second one on the same world is refused; Ctrl-C ends everything", async (t) => {
    const taken = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => taken.once("listening", resolve));
    t.after(() => taken.close());
    const { port } = taken.address() as AddressInfo;
    const data = dataFolder(t);
    const first = startDemo(["--data", data, "--port", String(port), "--gateway-port", String(port)]);
    await first.said(new RegExp(`Rollbook: \\S+ \\(port ${port} is taken\\)`));
    await first.said(new RegExp(`gateway: +\\S+ \\(port ${port} is taken\\)`));
    const [, url] = await first.said(/Rollbook: (\S+)/);
    assert.equal((await fetch(`${url}/healthz`)).status, 200);

    const second = await runDemo(["--once", "--json", "--data", data]);
    assert.deepEqual([second.exit, second.out], [4, ""]);
    assert.match(second.err, /in use by another Rollbook[\s\S]*DATA_FOLDER_IN_USE/);

    await first.said(/watching stable alone/);
    const children = first.children();
    assert.ok(process.platform !== "linux" || children.length === 2);
    first.process.kill("SIGINT");
    assert.equal((await first.ended).exit, 130);
    assert.deepEqual(await survivorsOf(children), []);
    await assert.rejects(fetch(`${url}/healthz`));
  });

  test("without --once it stays up, says so, and Ctrl-C ends it with 130", async (t) => {
    const demo = startDemo(["--data", dataFolder(t), "--recording", TINY]);
    const [, url] = await demo.said(/The page stays open at (\S+), and traffic goes on\. Ctrl-C ends everything\./);
    await sleep(500);
    const report = /as data: (\S+)/.exec((await demo.said(/as data: \S+/)).input)?.[1];
    assert.equal(((await (await fetch(report!)).json()) as { outcome: string }).outcome, "rolled-back-verified");
    assert.equal((await fetch(url!)).status, 200);
    const children = demo.children();
    demo.process.kill("SIGINT");
    const { exit, out } = await demo.ended;
    assert.equal(exit, 130);
    assert.match(out, /ROLLED BACK and proved fixed/);
    assert.deepEqual(await survivorsOf(children), []);
  });
});

describe("a process of the demonstration dies", () => {
  const kill = (pid: number | undefined) => process.kill(pid!, "SIGKILL");
  const linux = { skip: process.platform === "linux" ? false : "children are found through /proc" };

  test("the AI system before the release: put back before anybody saw it, said, exit 11", linux, async (t) => {
    const command = ["--once", "--json", "--data", dataFolder(t), "--seed", "41"];
    const demo = startDemo(command);
    await demo.said(/watching stable alone/);
    kill(demo.children()[0]);
    const ended = await demo.ended;
    assert.equal(ended.exit, 11, ended.err);
    assert.match(ended.err, /the AI system is gone: lending\/service\.ts ended with SIGKILL; its log is /);
    assert.match(ended.err, /could not be deployed: stuck: .*taken back/);
  });

  test(
    "the AI system under a candidate: the hard limit acts, exit 21; the same command restores and proves",
    linux,
    async (t) => {
      const command = ["--once", "--json", "--data", dataFolder(t), "--seed", "42"];
      const demo = startDemo(command);
      await demo.said(/10 % of traffic goes to release 2/);
      await sleep(1500);
      kill(demo.children()[0]);
      const ended = await demo.ended;
      assert.equal(ended.exit, 21, ended.err);
      const report = reportOf(ended);
      assert.deepEqual(report.because, ["meltdown"]);
      assert.equal(report.route.candidatePercent, 0);
      assert.ok(report.components.some(({ status, note }) => status === "stuck" && /cannot be read/.test(note ?? "")));
      const again = await runDemo(command);
      assert.equal(again.exit, 0, again.err);
      const mended = reportOf(again);
      assert.equal(mended.rollout, report.rollout);
      assert.equal(mended.outcome, "rolled-back-verified");
      for (const { wanted, found } of mended.components) assert.equal(found, wanted);
    },
  );

  test(
    "the AI system while it is proved to be fixed: sick as well, so people are needed, exit 21",
    linux,
    async (t) => {
      const demo = startDemo(["--once", "--json", "--data", dataFolder(t), "--seed", "43"]);
      await demo.said(/now proving that it is fixed/);
      kill(demo.children()[0]);
      const ended = await demo.ended;
      assert.equal(ended.exit, 21, ended.err);
      assert.match(ended.err, /was restored and is proved harmful: fixed: errors; the next target is people/);
      assert.equal(reportOf(ended).route.candidatePercent, 0);
    },
  );

  test("the traffic under a candidate: the cord is pulled, nothing is proved, exit 20", linux, async (t) => {
    const demo = startDemo(["--once", "--json", "--data", dataFolder(t), "--seed", "44"]);
    await demo.said(/10 % of traffic goes to release 2/);
    kill(demo.children()[1]);
    const ended = await demo.ended;
    assert.equal(ended.exit, 20, ended.err);
    assert.match(ended.err, /nobody asks any more: lending\/borrowers\.ts ended with SIGKILL/);
    const report = reportOf(ended);
    assert.equal(report.route.candidatePercent, 0);
    assert.deepEqual(report.because, ["demo: the traffic has ended"]);
    for (const { wanted, found } of report.components) assert.equal(found, wanted);
  });
});
