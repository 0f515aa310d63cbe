// Reports on node:test for people, failures first of all: nothing for a test that passes, the skipped ones with their
// reasons, every failure in full. Leaves the count in the file that ROLLBOOK_TALLY names.
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
  return `✖ ${path}${place(data)}\n${text.join("\n")}\n`;
}

/** A suite that failed only because its tests did is not a failure of its own; neither is a cancelled parent. */
const isEcho = ({ details }) => details.error?.failureType === "subtestsFailed";

/** With every test complete and nothing new for this long, something was left open that keeps the process alive. */
const LINGER_MS = 10_000;

/** Only for tests that share this process: ends it, as a failure, when the tests have ended and it does not. */
function watchForLeaks(tally) {
  const state = { open: 0, last: Date.now() };
  if (process.env.ROLLBOOK_SHARED_PROCESS !== "1") return state;
  setInterval(() => {
    if (state.open > 0 || Date.now() - state.last < LINGER_MS) return;
    const left = process.getActiveResourcesInfo().filter((name) => !/^(TTY|Pipe)Wrap$/.test(name));
    process.stdout.write(`✖ the tests ended and left something open: ${[...new Set(left)].join(", ")}\n`);
    tally.failed++;
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
  const tally = { passed: 0, failed: 0, skips: [] };
  const names = [];
  const life = watchForLeaks(tally);
  const began = process.hrtime.bigint();
  for await (const { type, data } of source) {
    life.last = Date.now();
    if (type === "test:enqueue") life.open++;
    if (type === "test:complete") life.open--;
    if (type === "test:start") {
      names.length = data.nesting;
      names[data.nesting] = data.name;
    } else if (type === "test:pass" || type === "test:fail") {
      const path = [...names.slice(0, data.nesting), data.name].join(" › ");
      const skip = data.skip ?? data.todo;
      if (skip !== undefined && skip !== false) {
        const reason = typeof skip === "string" && skip !== "" ? skip : "no reason given";
        tally.skips.push({ name: path, reason });
        if (!quiet) yield `﹣ skipped: ${path}: ${reason}\n`;
      } else if (type === "test:fail" && !isEcho(data)) {
        tally.failed++;
        yield failureText(path, data);
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
  if (!quiet) yield `${tally.passed + tally.failed} tests ran in ${seconds.toFixed(1)} s${skipped}\n`;
  leave(tally);
}
