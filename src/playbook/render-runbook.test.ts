import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { test } from "node:test";
import type { Playbook } from "../core/playbook.ts";
import { parsePlaybook } from "./parse-playbook.ts";
import { renderRunbook } from "./render-runbook.ts";

function playbook(file: string): Playbook {
  const parsed = parsePlaybook(readFileSync(file, "utf8"), file);
  assert.equal(parsed.kind, "parsed", file);
  return (parsed as { playbook: Playbook }).playbook;
}

const files = globSync(["test/playbooks/good/*.yaml", "docs/examples/*.yaml"]);
const loans = playbook("test/playbooks/good/loan-approval.yaml");
const date = "2027-01-01";

test("a runbook says what goes back, when, how, what is fixed, who is told, and what to do by hand", () => {
  const text = renderRunbook(loans, { format: "markdown", date });
  for (const said of [
    "These parts go back together, all of them or none: model, config, data, schema and flag.",
    "rising-losses: when losses rise by more than 60 %, compared with stable in the same seconds.",
    "Of 1,000 releases that do no harm at most one is rolled back",
    "meltdown: at once, without statistics, when errors are more than 5 %",
    'rollbook rollback --system loan-approval --reason "WHY"',
    loans.digest,
    date,
  ])
    assert.ok(text.includes(said), `${said}\n\n${text}`);
});

test("what has no effect yet is said to have none, and only where there is some", () => {
  const text = renderRunbook(playbook("docs/examples/loan-approval.yaml"), { format: "markdown", date });
  const written = text.split("## What is only written down")[1] ?? "";
  for (const key of ["who.forward", "drills", "when.unfair.then"]) assert.ok(written.includes(`- ${key}.`), key);
  assert.doesNotMatch(renderRunbook(loans, { format: "markdown", date }), /only written down/);
});

for (const file of files)
  for (const format of ["markdown", "html"] as const)
    test(`${file} renders as ${format}, the same each time and without a hole`, () => {
      const book = playbook(file);
      const text = renderRunbook(book, { format, date });
      assert.equal(renderRunbook(book, { format, date }), text);
      assert.doesNotMatch(text, /undefined|NaN|\[object/);
    });

test("a page runs nothing and calls nobody, whatever names say", () => {
  const evil = `<img src=x onerror=alert(1)>"'&`;
  const hostile: Playbook = { ...loans, system: evil, owner: evil, who: { now: [evil] } };
  const page = renderRunbook(hostile, { format: "html", date, command: evil });
  assert.doesNotMatch(page, /<img|<script|onerror=alert\(1\)>|https?:\/\/(?!lending)/);
  assert.equal(page.split("<h1>").length, 2);
  assert.match(page, /&lt;img src=x onerror=alert\(1\)&gt;&quot;&#39;&amp;/);
});

test("Markdown stays text, whatever names say", () => {
  const text = renderRunbook({ ...loans, owner: "*a* [b](c) <d> | `e`" }, { format: "markdown", date });
  assert.ok(text.includes("\\*a\\* \\[b\\](c) \\<d\\> \\| \\`e\\`"), text);
});
