// Reports on node:test for people, failures first of all: nothing for a test that passes, every failure in full. Leaves
// the count, the skips and the failures in the file that ROLLBOOK_TALLY names.
import { renameSync, writeFileSync } from "node:fs";
import { relative } from "node:path";
import { inspect } from "node:util";

/** Failures only, where another script tells the rest. */
const quiet = process.env.ROLLBOOK_REPORT === "failures";
/** The runner's own figures, which we count ourselves. */
const COUNTER = /^(tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) [\d.]+$/;

const place = ({ file, line }) => (file === undefined ? "" : ` (${relative(process.cwd(), file)}:${line ?? 1})`);

function causeOf(error) {
  const cause = error?.cause ?? error;
  return cause instanceof Error ? (cause.stack ?? cause.message) : inspect(cause);
}

function failureText(path, data) {
  const text = causeOf(data.details.error)
    .split("\n")
    .map((line) => `    ${line}`);
  return `✖ ${path}${place(data)}\n${text.join("\n")}`;
}

/** A suite that failed only because its tests did is not a failure of its own; neither is a cancelled parent. */
const isEcho = ({ details }) => details.error?.failureType === "subtestsFailed";

/** Adds to the milliseconds that the top-level tests of a file took. */
function addTime(files, { nesting, file, details }) {
  if (nesting === 0 && file !== undefined) files.set(file, (files.get(file) ?? 0) + details.duration_ms);
}

/** A line for each file that took more than half a minute, the slowest first. */
function slowestFiles(files) {
  const slow = [...files].filter(([, ms]) => ms > 30_000).sort(([, one], [, other]) => other - one);
  return slow
    .map(([file, ms]) => `  ${(ms / 1000).toFixed(0).padStart(4)} s ${relative(process.cwd(), file)}\n`)
    .join("");
}

/** With every test complete and nothing new for this long, something was left open that keeps the process alive. */
const LINGER_MS = 10_000;

/** Only for tests that share this process: ends it, as a failure, when the tests have ended and it does not. */
function watchForLeaks(tally) {
  const state = { open: 0, last: Date.now() };
  if (process.env.ROLLBOOK_SHARED_PROCESS !== "1") return state;
  setInterval(() => {
    if (state.open > 0 || Date.now() - state.last < LINGER_MS) return;
    const left = process.getActiveResourcesInfo().filter((name) => !/^(TTY|Pipe)Wrap$/.test(name));
    tally.failed++;
    tally.failures.push(`✖ the tests ended and left something open: ${[...new Set(left)].join(", ")}`);
    process.stdout.write(`${tally.failures.at(-1)}\n`);
    leave(tally);
    process.exit(1);
  }, 1000).unref();
  return state;
}

function leave(tally) {
  const file = process.env.ROLLBOOK_TALLY;
  if (file === undefined) return;
  writeFileSync(`${file}.part`, JSON.stringify(tally));
  renameSync(`${file}.part`, file);
}

// biome-ignore lint/style/noDefaultExport: node:test takes a reporter as the default export.
export default async function* report(source) {
  const tally = { passed: 0, failed: 0, skips: [], failures: [] };
  const names = [];
  const life = watchForLeaks(tally);
  const began = process.hrtime.bigint();
  const files = new Map();
  for await (const { type, data } of source) {
    life.last = Date.now();
    if (type === "test:enqueue") life.open++;
    if (type === "test:complete") life.open--;
    if (type === "test:pass" || type === "test:fail") addTime(files, data);
    if (type === "test:start") {
      names.length = data.nesting;
      names[data.nesting] = data.name;
    } else if (type === "test:pass" || type === "test:fail") {
      const path = [...names.slice(0, data.nesting), data.name].join(" › ");
      const skip = data.skip ?? data.todo;
      if (skip !== undefined && skip !== false) {
        const reason = typeof skip === "string" && skip !== "" ? skip : "no reason given";
        tally.skips.push({ name: path, reason });
      } else if (type === "test:fail" && !isEcho(data)) {
        tally.failed++;
        tally.failures.push(failureText(path, data));
        yield `${tally.failures.at(-1)}\n`;
      } else if (type === "test:pass" && data.details.type !== "suite") {
        tally.passed++;
      }
    } else if (type === "test:diagnostic" && !quiet && !COUNTER.test(data.message)) {
      yield `  ${data.message}\n`;
    } else if (type === "test:stdout") {
      yield data.message;
    } else if (type === "test:stderr") {
      process.stderr.write(data.message);
    }
  }
  const seconds = Number(process.hrtime.bigint() - began) / 1e9;
  const skipped = tally.skips.length === 0 ? "" : `, ${tally.skips.length} skipped`;
  if (!quiet) yield slowestFiles(files);
  if (!quiet) yield `${tally.passed + tally.failed} tests ran in ${seconds.toFixed(1)} s${skipped}\n`;
  leave(tally);
}
