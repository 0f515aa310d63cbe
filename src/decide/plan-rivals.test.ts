import assert from "node:assert/strict";
import { it } from "node:test";
import { digestOf } from "../core/digest.ts";
import type { Plan } from "../core/plan.ts";
import type { Rival } from "../core/ports.ts";
import { withRivals } from "./plan-rivals.ts";

function planOf(names: readonly string[]): Plan {
  const steps = names.map((id) => {
    return { id, component: id, at: id, desired: digestOf(id), label: id, undo: "compensatable", after: [] } as const;
  });
  return { system: "loans", kind: "rollback", from: digestOf("2"), to: digestOf("1"), steps, deadline: 60_000 };
}

it("a plan without rivals is what it was, and one with them has another digest", () => {
  const plan = planOf(["model"]);
  const planned = { kind: "planned", plan, digest: digestOf("x") } as const;
  assert.equal(withRivals(planned, new Map()), planned);
  assert.deepEqual(withRivals({ kind: "impossible", reasons: [] }, new Map()).kind, "impossible");
  const rival: Rival = { at: "r", through: "model", label: "r", guarantee: "cas", frozen: "x" };
  const whole = withRivals(planned, new Map([["model", [rival]]]));
  assert.ok(whole.kind === "planned" && whole.digest !== planned.digest);
  assert.deepEqual(
    whole.plan.steps.map(({ id, after }) => [id, after]),
    [
      ["freeze r", []],
      ["model", ["freeze r"]],
      ["thaw r", ["model"]],
    ],
  );
});

it("a rival of two components is frozen once, before both", () => {
  const rival: Rival = { at: "r", through: "model", label: "r", guarantee: "cas", frozen: "x" };
  const rivals = new Map(["model", "data"].map((name) => [name, [rival]]));
  const whole = withRivals({ kind: "planned", plan: planOf(["model", "data", "flag"]), digest: digestOf("x") }, rivals);
  assert.ok(whole.kind === "planned");
  assert.deepEqual(
    whole.plan.steps.map(({ id, after }) => `${id} < ${after}`),
    ["freeze r < ", "model < freeze r", "data < freeze r", "flag < ", "thaw r < model,data,flag"],
  );
});
