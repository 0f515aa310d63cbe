import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { defaults } from "./defaults.ts";
import { issueCodes } from "./issue.ts";
import { undoWords } from "./language/what-keys.ts";
import { type BlockSpec, language } from "./language.ts";
import { lintRules } from "./lint-playbook.ts";
import { parsePlaybook } from "./parse-playbook.ts";

const page = readFileSync(join(import.meta.dirname, "../../docs/playbook.md"), "utf8");
const section = (title: string) => page.split(`\n## ${title}\n`)[1]?.split("\n## ")[0] ?? assert.fail(title);
const firstCells = (text: string) => [...text.matchAll(/^\| `([^`]+)` \|/gm)].map((match) => match[1]);

test("the page lists exactly the errors that there are, with their meaning", () => {
  const errors = section("Errors");
  assert.deepEqual(firstCells(errors), Object.keys(issueCodes));
  for (const meaning of Object.values(issueCodes)) assert.ok(errors.includes(meaning), meaning);
});

test("the page lists exactly the linter's rules, with their level", () => {
  const rules = section("What the linter says");
  assert.deepEqual(firstCells(rules), Object.keys(lintRules));
  for (const rule of Object.values(lintRules)) assert.ok(rules.includes(rule.replace(": ", " | ")), rule);
});

test("the page describes every key of the language, and keeps those without effect apart", () => {
  const idle = section("Keys that have no effect yet");
  for (const spec of Object.values(language) as BlockSpec[]) {
    for (const [key, { instead }] of Object.entries(spec.keys)) {
      assert.ok(page.includes(`\`${key}\``), `${key} of ${spec.where}`);
      if (instead !== undefined) assert.ok(idle.includes(instead), `${key} of ${spec.where}`);
    }
  }
  for (const word of Object.keys(undoWords)) assert.ok(page.includes(`\`${word}\``), word);
});

test("the page and the program have the same defaults", () => {
  assert.ok(page.includes("`holdback` | default `5%`") && defaults.holdback === 5);
  assert.ok(page.includes("`within` | default `60s`") && defaults.within === 60_000);
  assert.ok(page.includes("`false-alarms` | default `1 in 1000 releases`") && defaults.falseAlarms === 0.001);
  assert.ok(page.includes("else default `requests`") && defaults.of === "requests");
});

test("every whole playbook of the page is accepted without lint errors", () => {
  const playbooks = [...page.matchAll(/```yaml\n(rollbook: v1\n[\s\S]*?)```/g)].map((match) => match[1] ?? "");
  assert.ok(playbooks.length >= 2);
  for (const text of playbooks) {
    const parsed = parsePlaybook(text, "docs/playbook.md");
    assert.equal(parsed.kind, "parsed");
    assert.deepEqual(
      parsed.findings.filter((finding) => finding.level === "error"),
      [],
    );
  }
});

test("the examples that hints show are of the language themselves", () => {
  for (const [name, spec] of Object.entries(language) as [string, BlockSpec][]) {
    for (const [key, { example }] of Object.entries(spec.keys)) {
      assert.ok(example.startsWith(`${key}: `), `${name}.${key}`);
    }
  }
});
