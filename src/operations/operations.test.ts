import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { z } from "zod";
import type { OperationContext } from "./context.ts";
import { lintText, lintTexts } from "./lint.ts";
import { operationsOf } from "./operations.ts";
import { renderPlan } from "./plan-text.ts";

const operations = operationsOf({} as OperationContext);

describe("the table of operations", () => {
  test("has one name and one call for each", () => {
    assert.equal(new Set(operations.map(({ name }) => name)).size, operations.length);
    assert.equal(new Set(operations.map(({ method, path }) => `${method} ${path}`)).size, operations.length);
    for (const { name, path } of operations) {
      assert.match(name, /^[a-z]+(-[a-z]+)*$/);
      assert.match(path, /^\/v1\//);
    }
  });

  test("says which ones take a dry run, and takes no key that it does not know", () => {
    for (const { name, dryRun, input, path } of operations) {
      const schema = z.toJSONSchema(input, { io: "input" });
      const properties = Object.keys(schema.properties ?? {});
      assert.equal(properties.includes("dryRun"), dryRun, name);
      assert.equal(schema.additionalProperties, false, name);
      for (const [, part] of path.matchAll(/\{(\w+)\}/g)) assert.ok(properties.includes(part!), `${name}: ${part}`);
    }
  });
});

describe("lint", () => {
  test("shows findings of a playbook that parses, and issues with their frame of one that does not", () => {
    const invalid = lintText("rollbook: v1\nsystm: x\n", "x.yaml", false);
    assert.equal(invalid.ok, false);
    assert.match(invalid.text, /x\.yaml:2:1/);
    const { ok, text } = lintText(FINE, "fine.yaml", false);
    assert.equal(ok, true);
    assert.match(text, /fine\.yaml: fine; 1 triggers, 0 hard limits, digest sha256:/);
  });

  test("warns of two acting playbooks that name one target, and not of one that observes or is the same system", () => {
    const acting = FINE.replace("gateway://chat", "flags://chat");
    const other = acting.replace("system: chat", "system: other");
    const files = [acting, other, other.replace("act", "observe"), acting.replace("2pp", "3pp")];
    const warned = lintTexts(
      files.map((text, index) => ({ text, file: `${index}.yaml` })),
      false,
    ).map(({ findings }) => findings.some(({ name }) => name === "rival"));
    assert.deepEqual(warned, [false, true, false, false]);
  });
});

test("a plan reads as its digest and one line for each component", () => {
  const step = { component: "model", at: "http://x/model", label: "model 1", undo: "compensatable" } as const;
  const desired = `sha256:${"ab".repeat(32)}` as const;
  const plan = {
    system: "chat",
    kind: "rollback",
    from: desired,
    to: desired,
    deadline: 1000,
    steps: [
      { ...step, id: "model", desired, after: [] },
      { ...step, id: "data", component: "data", label: "data 1", desired, after: ["model", "flag"] },
    ],
  } as const;
  assert.deepEqual(renderPlan(plan, "sha256:1").split("\n"), [
    "rollback of chat: plan sha256:1",
    "  model -> model 1 (abababababab)",
    "  data  -> data 1 (abababababab), after model and flag",
  ]);
});

const FINE = `
rollbook: v1
system: chat
owner: support
risk: low
authority: act
what: { route: gateway://chat }
signals: { escalations: { share: escalated, of: chats, from: events, better: down } }
when: { more-escalations: { escalations: rises, by: 2pp } }
how: { release: { canary: [5], each: 1h } }
fixed: { escalations: { within: 10% }, for: 10m }
`;
