// Which lines of src/ no test runs. Node counts them (V8 coverage, written as lcov); the floors are ours.
import { globSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { tmpdir } from "node:os";
import { join, relative, resolve } from "node:path";
import { root, runKillTests, runSharedTests, sum } from "./test-runner.mjs";

/** Share of lines that tests must run: of everything together, and of each file in the folders that decide and restore. */
const OVERALL = 0.9;
const COMPLETE = ["src/core/", "src/statistics/", "src/decide/", "src/restore/", "src/record/"];

/** Runs all tests but the whole-program ones with coverage, the long ones too: the tally and `lines`, as path → line → times it ran. */
async function measure() {
  const folder = mkdtempSync(join(tmpdir(), "rollbook-coverage-"));
  const covering = (name) => [
    "--experimental-test-coverage",
    "--test-coverage-include=src/**",
    "--test-coverage-exclude=**/*.{test,fixture}.ts",
    "--test-reporter=lcov",
    `--test-reporter-destination=${join(folder, name)}`,
  ];
  const env = { ROLLBOOK_REPORT: "failures" };
  try {
    const shared = await runSharedTests([], { long: true, env, argsOf: (part) => covering(`shared-${part}.lcov`) });
    const alone = await runKillTests([], { env, args: covering("alone.lcov") });
    const lines = new Map();
    for (const file of globSync(join(folder, "*.lcov"))) addLcov(lines, readFileSync(file, "utf8"));
    return { ...sum(shared, alone), lines };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** lcov: `SF:` begins a file, `DA:line,times` is a line of it. */
function addLcov(lines, text) {
  let file;
  for (const record of text.split("\n")) {
    if (record.startsWith("SF:")) {
      const path = relative(root, resolve(root, record.slice(3))).replaceAll("\\", "/");
      file = lines.get(path) ?? new Map();
      lines.set(path, file);
    } else if (record.startsWith("DA:")) {
      const [line, times] = record.slice(3).split(",").map(Number);
      file.set(line, (file.get(line) ?? 0) + times);
    }
  }
}

/** The lines of a file that no test loads: none when it holds types and re-exports only. */
function unloadedLines(source) {
  const code = withoutTypes(source)
    .replace(/\/\*[\s\S]*?\*\//g, (comment) => comment.replace(/[^\n]/g, " "))
    .replace(/^\s*(import|export)\b[^;(]*?\bfrom\s*["'][^"']*["'];?/gm, (statement) =>
      statement.replace(/[^\n]/g, " "),
    );
  const lines = code.split("\n").map((line) => line.replace(/\/\/.*/, "").trim());
  return new Map(lines.flatMap((line, index) => (/^(|;|export \{\s*\};?)$/.test(line) ? [] : [[index + 1, 0]])));
}

/** Keeps every line where it was. Node's warning that the function may change is no news for whoever runs the checks. */
function withoutTypes(source) {
  const { emitWarning } = process;
  process.emitWarning = () => {};
  try {
    return stripTypeScriptTypes(source);
  } finally {
    process.emitWarning = emitWarning;
  }
}

/** Line numbers as people write them: `4, 9-12`. */
function ranges(numbers) {
  const spans = [];
  for (const number of numbers) {
    const last = spans.at(-1);
    if (last !== undefined && number === last[1] + 1) last[1] = number;
    else spans.push([number, number]);
  }
  return spans.map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`)).join(", ");
}

/** The tally of the tests, and the floors, each as `{ name, ok, text }`. */
export async function checkCoverage() {
  const { lines, ...tally } = await measure();
  const sources = globSync("src/**/*.ts", { cwd: root })
    .map((path) => path.replaceAll("\\", "/"))
    .filter((path) => !/\.(test|fixture)\.ts$/.test(path))
    .sort();
  const files = sources.map((path) => {
    const counts = lines.get(path) ?? unloadedLines(readFileSync(join(root, path), "utf8"));
    const missed = [...counts].filter(([, times]) => times === 0).map(([line]) => line);
    return { path, all: counts.size, missed: missed.sort((a, b) => a - b) };
  });
  const all = files.reduce((total, file) => total + file.all, 0);
  const ran = all - files.reduce((total, file) => total + file.missed.length, 0);
  const share = all === 0 ? 1 : ran / all;
  const row = ({ path, all: count, missed }) =>
    `  ${percent(1 - missed.length / count).padStart(7)}  ${path}: ${ranges(missed)}`;
  const short = (wanted) => files.filter(wanted).filter(({ missed }) => missed.length > 0);
  const results = [
    {
      name: `${percent(OVERALL)} of all lines are tested (${percent(share)} of ${all})`,
      ok: share >= OVERALL,
      text: short((file) => file.missed.length > 0.1 * file.all)
        .map(row)
        .join("\n"),
    },
  ];
  for (const folder of COMPLETE.filter((name) => sources.some((path) => path.startsWith(name)))) {
    const rows = short(({ path }) => path.startsWith(folder)).map(row);
    results.push({ name: `every line of ${folder} is tested`, ok: rows.length === 0, text: rows.join("\n") });
  }
  return { ...tally, floors: results };
}

function percent(share) {
  return `${(Math.floor(share * 1000) / 10).toFixed(1)} %`;
}
