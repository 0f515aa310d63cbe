// npm run check: format and lint, types, unused code, all tests but those of the whole program (the long ones too) with
// coverage, and its floors. Every check runs, whatever the others say; tests and checks are counted together.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { checkCoverage } from "./coverage.mjs";
import { conclude, root } from "./test-runner.mjs";

const tools = [
  { name: "format and lint (biome)", command: "biome", args: ["check", "--error-on-warnings", "."] },
  { name: "types (tsc)", command: "tsc", args: ["--noEmit"] },
  { name: "nothing unused, nothing undeclared (knip)", command: "knip", args: ["--no-progress", "--no-config-hints"] },
];

function runTool({ name, command, args }) {
  const windows = process.platform === "win32";
  const file = join(root, "node_modules", ".bin", windows ? `${command}.cmd` : command);
  const done = spawnSync(file, args, { cwd: root, encoding: "utf8", shell: windows, maxBuffer: 64 * 1024 * 1024 });
  const output = done.error?.message ?? `${done.stdout}${done.stderr}`.trimEnd();
  return { name, ok: done.status === 0, text: output };
}

function report({ name, ok, text }) {
  console.log(`${ok ? "✔" : "✖"} ${name}`);
  if (!ok && text !== "") console.log(text);
  return ok;
}

const checks = tools.map((tool) => report(runTool(tool)));
const { passed, failed, failures, floors } = await checkCoverage();
for (const floor of floors) checks.push(report(floor));
conclude({
  passed: passed + checks.filter((ok) => ok).length,
  failed: failed + checks.filter((ok) => !ok).length,
  failures,
});
