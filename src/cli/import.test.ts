import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { runLine } from "./run-line.fixture.ts";

const folder = mkdtempSync(join(tmpdir(), "rollbook-import-"));
after(() => rmSync(folder, { recursive: true, force: true }));

const example = (file: string) => fileURLToPath(new URL(`../../test/outside/${file}`, import.meta.url));
const ROLLOUT = example("argo/background-analysis.yaml");

test("import prints the playbook, and says on stderr what got lost and what is left", async () => {
  const { exit, out, say } = await runLine(["import", ROLLOUT]);
  assert.equal(exit, 0);
  assert.match(out, /^rollbook: v1$/m);
  assert.match(say, /NOT TRANSLATED \(4\):\n {2}.*background-analysis\.yaml:20:7 /);
  assert.match(say, /TO FILL IN \(\d+\), each marked FILL IN:\n {2}owner/);
  assert.match(say, /rollbook: connections\/v1/);
});

test("import writes a playbook and connections that lint, and replaces nothing without --force", async () => {
  const out = join(folder, "quotes.yaml");
  const line = ["import", ROLLOUT, "--owner", "pricing", "--risk", "high", "--traffic", "600/s", "--out", out];
  const written = await runLine(line);
  assert.equal(written.exit, 0);
  const next = /rollbook (check .*)$/m.exec(written.say)?.[1] ?? "";
  const checked = await runLine(next.split(" "));
  assert.match(checked.out, /as imported: Argo Rollouts/, checked.say);
  const connections = join(folder, "connections.yaml");
  const linted = await runLine(["lint", out, connections]);
  assert.equal(linted.exit, 0, linted.say);
  writeFileSync(out, "mine");
  const refused = await runLine(line);
  assert.equal(refused.exit, 2);
  assert.match(refused.say, /is there already; --force replaces/);
  assert.equal(readFileSync(out, "utf8"), "mine");
  writeFileSync(connections, "theirs");
  const forced = await runLine([...line, "--force"]);
  assert.equal(forced.exit, 0);
  assert.match(forced.say, /merge .*quote-service-connections\.txt into it/);
  assert.equal(readFileSync(connections, "utf8"), "theirs");
  assert.ok(existsSync(join(folder, "quote-service-connections.txt")));
});

test("the connections of every example lint", async () => {
  const files = ["argo/inline-step.yaml", "argo/latency.yaml", "argo/web-json.yaml", "argo/no-data-tricks.yaml"];
  const more = ["flagger/podinfo-istio.yaml", "flagger/metric-template.yaml", "flagger/ab-test.yaml"];
  const last = [
    "flagger/linkerd-fine-steps.yaml",
    "kayenta/config-golden-signals.json",
    "kayenta/config-muted-and-missing.json",
  ];
  for (const file of [...files, ...more, ...last]) {
    const { out } = await runLine(["import", example(file), "--json"]);
    const path = join(folder, "one.yaml");
    writeFileSync(path, JSON.parse(out).connections);
    const linted = await runLine(["lint", path]);
    assert.equal(linted.exit, 0, `${file}\n${linted.say}`);
  }
});

test("import as data has the rules of the incumbent", async () => {
  const { out } = await runLine(["import", example("flagger/podinfo-istio.yaml"), "--json"]);
  const { rules, from, lost } = JSON.parse(out);
  assert.equal(from, "flagger");
  assert.equal(rules[0].failureLimit, 4);
  assert.equal(lost.length, 4);
});

test("a file that is wrong, or holds nothing to count, exits with 3 and its place", async () => {
  const wrong = join(folder, "wrong.yaml");
  writeFileSync(wrong, "kind: Canary\nspec:\n  analysis:\n    threshold: many\n");
  const refused = await runLine(["import", wrong]);
  assert.equal(refused.exit, 3);
  assert.match(refused.say, /wrong\.yaml:4:5 {2}BAD_VALUE/);
  assert.equal((await runLine(["import", wrong, "--json"])).exit, 3);
  assert.equal((await runLine(["import", example("kayenta/config-machine-levels.json")])).exit, 3);
  assert.equal((await runLine(["import", join(folder, "gone.yaml")])).exit, 2);
});

test("options that no playbook can hold are refused", async () => {
  const given = [
    ["--kind", "spinnaker"],
    ["--owner", "Credit Risk"],
    ["--system", "x: y"],
    ["--risk", "huge"],
    ["--traffic", "much"],
  ];
  for (const [option = "", value = ""] of given) {
    const { exit, say } = await runLine(["import", ROLLOUT, option, value]);
    assert.equal(exit, 2);
    assert.match(say, new RegExp(`${option} .* must be `));
  }
  const { exit, say } = await runLine(["import", ROLLOUT, "--kind", "flagger"]);
  assert.equal(exit, 3);
  assert.match(say, /no config of flagger/);
});
