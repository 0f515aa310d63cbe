import assert from "node:assert/strict";
import { test } from "node:test";
import { HELP, parseDemoOptions } from "./options.ts";

const refused = (args: readonly string[], what: RegExp) =>
  assert.throws(() => parseDemoOptions(args), { code: "USAGE", message: what }, args.join(" "));

test("without words it is the bad release of seed 1 on the usual ports", () => {
  assert.deepEqual(parseDemoOptions([]), {
    once: false,
    json: false,
    healthy: false,
    dryRun: false,
    help: false,
    seed: 1,
    data: ".rollbook",
    port: 7464,
    gatewayPort: 7465,
    slowApply: 0,
  });
});

test("every option is read, and named in the help", () => {
  const args = "--once --json --dry-run --seed 7 --data d --port 1 --gateway-port 0 --slow-apply 9".split(" ");
  const options = parseDemoOptions([...args, "--recording", "f", "--stable", "a", "--candidate", "b"]);
  assert.deepEqual([options.seed, options.port, options.gatewayPort, options.slowApply], [7, 1, 0, 9]);
  assert.deepEqual([options.recording, options.stable, options.candidate], ["f", "a", "b"]);
  assert.equal(parseDemoOptions(["--healthy"]).healthy, true);
  assert.equal(parseDemoOptions(["--help"]).help, true);
  for (const name of ["--healthy", "--help", ...args.filter((arg) => arg.startsWith("--"))]) {
    assert.ok(HELP.includes(name), name);
  }
});

test("what makes no sense is refused in words", () => {
  for (const text of ["x", "-1", "1.5", "", "1e99"]) refused([`--seed=${text}`], /--seed must be a whole number/);
  refused(["--port", "65536"], /--port must be a whole number from 0 to 65535, not "65536"/);
  refused(["--unknown"], /--unknown/);
  refused(["word"], /word/);
  refused(["--stable", "a"], /models of a --recording/);
  refused(["--recording", "f", "--healthy"], /--healthy belongs to the lender/);
});
