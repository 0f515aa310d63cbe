import assert from "node:assert/strict";
import { tmpdir } from "node:os";
import { test } from "node:test";
import { type FlywayRun, runFlyway } from "./run-flyway.ts";

const node = (script: string, more: Partial<FlywayRun> = {}): FlywayRun => ({
  command: [process.execPath, "-e", script],
  args: ["migrate; echo $PATH"],
  folder: tmpdir(),
  environment: { ONLY: "this" },
  timeoutMs: 10_000,
  ...more,
});
const never = new AbortController().signal;

test("no shell reads the arguments, and nothing of this process's environment is handed on", async () => {
  // A run that measures coverage hands its own variable down.
  const own = "({ NODE_V8_COVERAGE, ...own }) => own";
  const script = `console.log(process.argv[1], JSON.stringify((${own})(process.env))); process.exit(3)`;
  assert.deepEqual(await runFlyway(node(script), never), {
    kind: "ended",
    code: 3,
    output: 'migrate; echo $PATH {"ONLY":"this"}\n',
  });
});

test("what takes too long or is given up is killed, and is not called an end", async () => {
  const forever = "setInterval(() => {}, 1000)";
  const late = await runFlyway(node(forever, { timeoutMs: 50 }), never);
  assert.deepEqual(late, { kind: "killed", reason: "Flyway took longer than 50 ms" });
  const gone = await runFlyway(node(forever), AbortSignal.timeout(50));
  assert.deepEqual(gone, { kind: "killed", reason: "the call was aborted" });
  assert.equal((await runFlyway(node(forever), AbortSignal.abort())).kind, "killed");
});

test("a program that is not there is said to be missing", async () => {
  const answer = await runFlyway(node("", { command: ["/no/such/flyway"] }), never);
  assert.ok(answer.kind === "not-started" && /\/no\/such\/flyway cannot be run/.test(answer.reason));
});
