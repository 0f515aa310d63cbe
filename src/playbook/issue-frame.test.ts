import assert from "node:assert/strict";
import { test } from "node:test";
import type { Issue } from "./issue.ts";
import { renderFindings, renderIssues } from "./issue-frame.ts";
import { nearestWord } from "./nearest-word.ts";
import { parsePlaybook } from "./parse-playbook.ts";

const issue: Issue = { code: "UNKNOWN_WORD", file: "a.yaml", line: 2, column: 7, message: "No.", hint: "Yes." };

test("an issue is shown with its place, its line, a caret, the reason and what to do", () => {
  assert.equal(
    renderIssues([issue], "a: b\nrisk: hihg\r\n", { colour: false }),
    ["a.yaml:2:7  UNKNOWN_WORD", "  2 | risk: hihg", "    |       ^", "  No.", "  to do: Yes.", ""].join("\n"),
  );
});

test("colours are used only when asked for", () => {
  assert.ok(renderIssues([issue], "", { colour: true }).includes("\u001b[31m"));
  assert.ok(!renderIssues([issue], "", { colour: false }).includes("\u001b"));
});

test("a hostile line cannot reach the terminal", () => {
  const text = "owner: \u001b[2J\u202eevil";
  const parsed = parsePlaybook(text, "a.yaml");
  assert.equal(parsed.kind, "invalid");
  const shown = renderIssues(parsed.issues, text, { colour: false });
  assert.ok(!shown.includes("\u202e") && !shown.includes("\u001b"));
});

test("a password in an address is not shown", () => {
  const text = "what:\n  model: https://admin:hunter2@host/x\n";
  const parsed = parsePlaybook(text, "a.yaml");
  assert.equal(parsed.kind, "invalid");
  assert.ok(!renderIssues(parsed.issues, text, { colour: false }).includes("hunter2"));
});

test("a long line is shown around the caret, and a long list is cut", () => {
  const far = { ...issue, line: 1, column: 500 };
  const shown = renderIssues([far], "x".repeat(1000), { colour: false }).split("\n");
  assert.ok(shown.every((line) => line.length < 120));
  assert.match(renderIssues(Array(60).fill(issue), "", { colour: false }), /and 10 more/);
});

test("findings are shown errors first, with their place where it is known", () => {
  const text = renderFindings(
    [
      { level: "note", name: "decidable", message: "A.", hint: "B." },
      { level: "error", name: "undecidable", message: "C.", hint: "D.", line: 3, column: 4 },
    ],
    "a.yaml",
    { colour: false },
  );
  assert.match(text, /^a\.yaml:3:4 {2}error undecidable\n {2}C\.\n {2}to do: D\.\n\na\.yaml {2}note decidable\n/);
});

test("the nearest word forgives one slip in short words and two in longer ones", () => {
  assert.equal(nearestWord("hihg", ["low", "high"]), "high");
  assert.equal(nearestWord("holdbak", ["each", "holdback"]), "holdback");
  assert.equal(nearestWord("snapshoot", ["snapshot"]), "snapshot");
  assert.equal(nearestWord("x", ["system"]), undefined);
});
