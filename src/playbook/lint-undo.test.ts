import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import type { LintContext } from "./lint-playbook.ts";
import { parsePlaybook } from "./parse-playbook.ts";

const good = readFileSync(new URL("../../test/playbooks/good/loan-approval.yaml", import.meta.url), "utf8");
const declared = "model:  { at: http://lending/components/model, undo: redeploy }";

function found(model: string, context: LintContext = {}) {
  assert.ok(good.includes(declared));
  const parsed = parsePlaybook(good.replace(declared, `model:  ${model}`), "loans.yaml", context);
  assert.ok(parsed.kind === "parsed", JSON.stringify(parsed));
  return parsed.findings.filter(({ name }) => name === "undeclared-undo");
}

test("a component whose connection cannot know must say `undo`; the finding has its place and what to write", () => {
  const [finding] = found("http://lending/components/model");
  const line = 1 + good.split("\n").findIndex((text) => text.includes(declared));
  assert.deepEqual([finding?.level, finding?.line, finding?.column], ["error", line, 3]);
  assert.match(finding?.hint ?? "", /^Write `model: \{ at: "http:\/\/lending\/components\/model", undo: redeploy \}`/);
  for (const undo of ["redeploy", "pivot", "none"])
    assert.deepEqual(found(`{ at: http://lending/components/model, undo: ${undo} }`), []);
  assert.match(found(`{ at: "vault://m", beside: "command://m" }`)[0]?.hint ?? "", /beside: "command:\/\/m", undo/);
});

test("where going back is moving a pointer to what is kept, the connector declares it, and nothing need be said", () => {
  for (const scheme of ["vault", "mlflow", "launchdarkly", "git", "kubernetes"])
    assert.deepEqual(found(`${scheme}://models/loans`), [], scheme);
});

test("known connections say it for themselves, whatever they are called", () => {
  const undoAt = (at: string) => (at.startsWith("models:") ? ("undeclared" as const) : ("compensatable" as const));
  assert.equal(found("models://m", { undoAt }).length, 1);
  assert.deepEqual(found("http://lending/components/model", { undoAt }), []);
  assert.deepEqual(found("dvc://features/loans@9f2c1e"), [], "of what nobody knows nothing is said");
});
