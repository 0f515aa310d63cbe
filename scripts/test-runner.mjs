// Runs test files under `node --test` and counts what happened. Four kinds of files: plain ones share a few processes;
// `*.long.test.ts` join them where time is taken; `*.process.test.ts` (which kill things) get a process each, and so do
// the whole-program tests in test/e2e. Where time is taken, ROLLBOOK_TESTS=long also makes plain ones play all of
// their runs and not a sample (src/testing/runs.fixture.ts).
import { spawn } from "node:child_process";
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Skips that are no failures with CI=true: of data that is not here, and of what an adapter's guarantee excludes. */
const EXCUSED = /^(shared data|by contract):/;
/** What Node compiled, for the processes that tests start and for the next run. Not with coverage, which it blurs. */
const COMPILED = join(root, "node_modules", ".cache", "compiled");
const REPORTER = pathToFileURL(join(root, "scripts", "test-reporter.mjs")).href;
/** The test files, by kind, whose paths contain one of the words (all of them without words). */
function findTests(words = []) {
  const wanted = (path) => words.length === 0 || words.some((word) => path.includes(word.replace(/^\.\//, "")));
  const all = globSync("{src,demo,test}/**/*.test.ts", { cwd: root })
    .map((path) => path.replaceAll("\\", "/"))
    .filter((path) => !path.includes("node_modules/") && wanted(path))
    .sort();
  const whole = all.filter((path) => path.startsWith("test/e2e/"));
  const alone = all.filter((path) => path.endsWith(".process.test.ts") && !whole.includes(path));
  const long = all.filter((path) => path.endsWith(".long.test.ts") && !whole.includes(path));
  const shared = all.filter((path) => ![...alone, ...whole, ...long].includes(path));
  return { shared, long, alone, whole };
}

/**
 * Runs the files and answers `{ passed, failed, skips, failures }`, failures as texts. A run that ends badly without a failing test, or that goes
 * on for too long, counts as one failure more.
 *
 * @param {readonly string[]} files
 * @param {{ isolation: "none" | "process", minutes: number, testTimeoutMs: number, abreast?: number, args?: string[], env?: object }} how
 */
async function runTests(files, { isolation, minutes, testTimeoutMs, abreast = 1, args = [], env = {} }) {
  if (files.length === 0) return sum();
  const folder = mkdtempSync(join(tmpdir(), "rollbook-test-"));
  const tallyFile = join(folder, "tally.json");
  try {
    const flags = ["--test", `--test-isolation=${isolation}`, `--test-timeout=${testTimeoutMs}`];
    if (isolation === "process") flags.push(`--test-concurrency=${abreast}`);
    const reporters = [`--test-reporter=${REPORTER}`, "--test-reporter-destination=stdout"];
    const ended = await runNode([...flags, ...reporters, ...args, ...files], minutes, {
      NODE_COMPILE_CACHE: args.includes("--experimental-test-coverage") ? undefined : COMPILED,
      ...env,
      ROLLBOOK_TALLY: tallyFile,
      ROLLBOOK_SHARED_PROCESS: isolation === "none" ? "1" : undefined,
    });
    const counted = existsSync(tallyFile);
    const tally = counted ? JSON.parse(readFileSync(tallyFile, "utf8")) : sum();
    if (counted && !ended.killed && (ended.code === 0 || tally.failed > 0)) return tally;
    console.log(`✖ ${ended.problem}`);
    return { ...tally, failed: tally.failed + 1, failures: [...tally.failures, `✖ ${ended.problem}`] };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function runNode(args, minutes, env) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, args, {
      cwd: root,
      stdio: ["ignore", "inherit", "inherit"],
      env: { ...process.env, NODE_TEST_CONTEXT: undefined, ...env },
    });
    let killed;
    const limit = setTimeout(() => {
      killed = `the tests did not end within ${minutes} minutes`;
      child.kill("SIGKILL");
    }, minutes * 60_000);
    child.once("close", (code, signal) => {
      clearTimeout(limit);
      const problem = killed ?? `the process of the tests ended with ${signal ?? `exit code ${code}`}`;
      resolve({ problem, code, killed: killed !== undefined });
    });
  });
}

/** `npm test`'s set, a sample: everything but the long and the whole-program tests. */
export async function runFastTests(words = []) {
  return sum(await runSharedTests(words), await runKillTests(words));
}

/** Everything but the whole-program tests, with all of their runs. */
export async function runLongTests(words = []) {
  return sum(await runSharedTests(words, { long: true }), await runKillTests(words));
}

/**
 * In one process more than there are cores, three at most, because many tests wait for what they started. `argsOf`
 * answers the arguments of each.
 */
export async function runSharedTests(words = [], { argsOf = () => [], long = false, env = {}, ...how } = {}) {
  const tests = findTests(words);
  const files = long ? [...tests.long, ...tests.shared] : tests.shared;
  const processes = Math.min(3, availableParallelism() + 1);
  const parts = Array.from({ length: processes }, (_, part) => files.filter((_, at) => at % processes === part));
  const common = { isolation: "none", minutes: long ? 20 : 10, testTimeoutMs: 60_000, ...how };
  const tallies = parts.map((own, part) =>
    runTests(own, { ...common, args: argsOf(part), env: { ...env, ROLLBOOK_TESTS: long ? "long" : undefined } }),
  );
  return sum(...(await Promise.all(tallies)));
}

export function runKillTests(words = [], how = {}) {
  return runTests(findTests(words).alone, { isolation: "process", minutes: 10, testTimeoutMs: 120_000, ...how });
}

/** Two files at a time, because most of them wait for what they started. */
export function runWholeProgramTests(words = [], how = {}) {
  const common = { isolation: "process", minutes: 45, testTimeoutMs: 300_000, abreast: 2 };
  return runTests(findTests(words).whole, { ...common, ...how });
}

/** Does any whole-program test mention this? */
export function wholeProgramTestsMention(text, words = []) {
  return findTests(words).whole.some((path) => readFileSync(join(root, path), "utf8").includes(text));
}

export function sum(...tallies) {
  return {
    passed: tallies.reduce((total, { passed }) => total + passed, 0),
    failed: tallies.reduce((total, { failed }) => total + failed, 0),
    skips: tallies.flatMap(({ skips }) => skips),
    failures: tallies.flatMap(({ failures }) => failures),
  };
}

/** Tells of the skips, the excused ones by reason only. With CI=true one without an excuse is a failure. */
export function judgeSkips(tally) {
  const [excused, unexcused] = [true, false].map((is) =>
    tally.skips.filter(({ reason }) => EXCUSED.test(reason) === is),
  );
  if (tally.skips.length > 0) console.log(`${tally.skips.length} skipped, ${excused.length} of them excused`);
  for (const [reason, skips] of Map.groupBy(excused, ({ reason }) => reason))
    console.log(`  ${String(skips.length).padStart(3)} × ${reason}`);
  for (const { name, reason } of unexcused) console.log(`  SKIPPED ${name}: ${reason}`);
  if (process.env.CI !== "true" || unexcused.length === 0) return tally;
  console.log("With CI=true a skipped test is a failed one.");
  return { ...tally, failed: tally.failed + unexcused.length };
}

/** How much of a failure is told again at the end, where a log that was cut off still shows it. */
const TOLD_AGAIN = { failures: 20, lines: 15 };

/** Ends the process: the failures once more, the plain last line, and an exit code that says the same. */
export function conclude({ passed, failed, failures = [] }) {
  if (failures.length > 0) console.log("What failed:");
  for (const text of failures.slice(0, TOLD_AGAIN.failures))
    console.log(text.split("\n").slice(0, TOLD_AGAIN.lines).join("\n"));
  console.log(`${passed} passed, ${failed} failed`);
  process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
}
