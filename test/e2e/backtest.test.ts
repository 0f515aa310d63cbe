import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { fileURLToPath } from "node:url";

const here = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const PLAYBOOK = here("demo/recorded/playbook.yaml");
const TINY = here("test/recordings/tiny.csv");
const SHARED = process.env["ROLLBOOK_SHARED_DATA"] ?? here("../shared/data");
const LLMDRIFT = join(SHARED, "llmdrift", "PRIME_FULL_EVAL.csv");

const folder = mkdtempSync(join(tmpdir(), "rollbook-backtest-"));
after(() => rmSync(folder, { recursive: true }));

function fileOf(name: string, content: string): string {
  const file = join(folder, name);
  writeFileSync(file, content);
  return file;
}

/** The recording's playbook with another false-alarm budget. */
function lenient(): string {
  return fileOf("lenient.yaml", readFileSync(PLAYBOOK, "utf8").replace("1 in 1000 releases", "1 in 10 releases"));
}

function backtest(...args: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [here("src/cli/main.ts"), "backtest", ...args], {
    encoding: "utf8",
  });
  return { status, out: stdout, err: stderr };
}

interface Answer {
  readonly releases: number;
  readonly wouldHaveRolledBack: number;
  readonly replays: readonly { readonly candidate: string; readonly outcome: string }[];
}

function answerOf(...args: readonly string[]): Answer {
  const ended = backtest(...args, "--json");
  assert.equal(ended.status, 0, ended.err);
  return JSON.parse(ended.out) as Answer;
}

describe("a backtest on recorded answers of models", () => {
  test("sixty answers each are enough for odds of ten to one, and not of a thousand", () => {
    for (const recording of [TINY, TINY.replace(".csv", ".jsonl")]) {
      assert.equal(answerOf(PLAYBOOK, "--data", recording).replays[0]?.outcome, "undecided");
      const { replays } = answerOf(lenient(), "--data", recording);
      assert.deepEqual(
        replays.map(({ candidate, outcome }) => [candidate, outcome]),
        [["tiny-model-0601", "rolled back"]],
      );
    }
  });

  test("the improvement, the other way round, is promoted", () => {
    const models = ["--stable", "0601", "--candidate", "0301"];
    assert.equal(answerOf(PLAYBOOK, "--data", TINY, ...models).replays[0]?.outcome, "promoted");
  });

  const absent = existsSync(LLMDRIFT) ? false : "shared data: llmdrift is not beside the repository";
  test("GPT-4 of June 2023 is rolled back, and GPT-3.5 promoted", {
    skip: absent,
  }, () => {
    const { releases, wouldHaveRolledBack, replays } = answerOf(PLAYBOOK, "--data", LLMDRIFT);
    assert.deepEqual([releases, wouldHaveRolledBack], [2, 1]);
    assert.deepEqual(
      replays.map(({ candidate, outcome }) => [candidate, outcome]),
      [
        ["openaichat/gpt-3.5-turbo-0613", "promoted"],
        ["openaichat/gpt-4-0613", "rolled back"],
      ],
    );
  });
});

describe("the exit code of a backtest", () => {
  test("is 0 whatever it found, and 13 for harm with --fail-on-harm", () => {
    assert.equal(backtest(lenient(), "--data", TINY).status, 0);
    const ended = backtest(lenient(), "--data", TINY, "--fail-on-harm");
    assert.equal(ended.status, 13);
    assert.match(ended.out, /prime-answers: would have rolled back 1 of 1 release\./);
    assert.equal(backtest(PLAYBOOK, "--data", TINY, "--fail-on-harm").status, 0);
  });

  test("is 3 for data or a playbook that is wrong, with the place, and nothing on stdout", () => {
    const data = fileOf(
      "wrong.csv",
      "time,release,answers,right\n2026-11-30T06:25:00Z,v1,10,2\n2026-11-30T06:26:00Z,v1,10\n",
    );
    const ended = backtest(PLAYBOOK, "--data", TINY, "--data", data);
    assert.deepEqual([ended.status, ended.out], [3, ""]);
    assert.match(ended.err, /wrong\.csv:3: 3 cells, and the header has 4/);
    assert.match(ended.err, /Nothing was judged/);
    const playbook = backtest(fileOf("wrong.yaml", "rollbook: v1\n"), "--data", TINY);
    assert.deepEqual([playbook.status, playbook.out], [3, ""]);
    assert.equal(backtest(PLAYBOOK, "--data", TINY, "--candidate", "gpt").status, 3);
  });

  test("is 2 for a wrong command line and a file that is not there", () => {
    assert.match(backtest(PLAYBOOK).err, /backtest needs --data FILE/);
    for (const args of [[PLAYBOOK], [PLAYBOOK, "--data", "/nowhere.csv"], [PLAYBOOK, "--data", TINY, "--from", "noon"]])
      assert.equal(backtest(...args).status, 2, args.join(" "));
  });
});
