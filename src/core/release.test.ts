import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { digestOf, isDigest } from "./digest.ts";
import { type Plan, planDigest } from "./plan.ts";
import { defineRelease } from "./release.ts";

const model = { digest: digestOf("m1"), label: "model 1", accepts: { schema: [digestOf("s1")] } };
const schema = { digest: digestOf("s1"), label: "schema 1" };

describe("a release", () => {
  const release = defineRelease("loans", "week 12", { model, schema });

  it("has the digest of its content for an id", () => {
    assert.ok(isDigest(release.id));
    assert.equal(defineRelease("loans", "week 12", { schema, model }).id, release.id);
  });

  it("keeps its id when it or a revision is renamed", () => {
    const renamed = defineRelease("loans", "spring", { model: { ...model, label: "champion" }, schema });
    assert.equal(renamed.id, release.id);
    assert.equal(renamed.label, "spring");
  });

  it("is another one with another system, revision, component or acceptance", () => {
    const { accepts: _, ...undemanding } = model;
    for (const other of [
      defineRelease("fraud", "week 12", { model, schema }),
      defineRelease("loans", "week 12", { model, schema: { ...schema, digest: digestOf("s2") } }),
      defineRelease("loans", "week 12", { model }),
      defineRelease("loans", "week 12", { model, data: schema }),
      defineRelease("loans", "week 12", { model: undemanding, schema }),
      defineRelease("loans", "week 12", { model: { ...model, accepts: { schema: [] } }, schema }),
    ])
      assert.notEqual(other.id, release.id);
  });
});

describe("the digest of a plan", () => {
  const step = {
    id: "model",
    component: "model",
    at: "http://127.0.0.1/model",
    desired: digestOf("m0"),
    label: "model 0",
    undo: "compensatable",
    after: [],
  } as const;
  const plan: Plan = {
    system: "loans",
    kind: "rollback",
    from: digestOf("new"),
    to: digestOf("old"),
    steps: [step, { ...step, id: "schema", after: ["model"] }],
    deadline: 60_000,
  };

  it("is the same for the same plan", () => {
    assert.equal(planDigest(structuredClone(plan)), planDigest(plan));
  });

  it("covers every field and the order of the steps", () => {
    const others: readonly Plan[] = [
      { ...plan, system: "fraud" },
      { ...plan, kind: "release" },
      { ...plan, from: plan.to },
      { ...plan, to: plan.from },
      { ...plan, deadline: 60_001 },
      { ...plan, steps: plan.steps.toReversed() },
      { ...plan, steps: plan.steps.slice(1) },
      ...Object.keys(step).map((field) => ({
        ...plan,
        steps: [{ ...step, [field]: field === "after" ? ["schema"] : "other" } as typeof step, ...plan.steps.slice(1)],
      })),
    ];
    const digests = new Set([plan, ...others].map(planDigest));
    assert.equal(digests.size, others.length + 1);
  });
});
