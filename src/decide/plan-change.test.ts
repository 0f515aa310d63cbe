import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { isDigest } from "../core/digest.ts";
import { type Plan, planDigest } from "../core/plan.ts";
import { defineRelease, type Release } from "../core/release.ts";
import { readBy, readersOf } from "./order.ts";
import { type Planned, planRelease, planRollback } from "./plan-change.ts";
import { aComponent, aPlaybook, aRevision } from "./playbook.fixture.ts";

const playbook = aPlaybook([aComponent("schema"), aComponent("model"), aComponent("data"), aComponent("flag")]);
const ties = (number: number) => ({ accepts: { schema: [`schema ${number}`], data: [`data ${number}`] } });

function release(number: number): Release {
  return defineRelease("loans", `release ${number}`, {
    model: aRevision(`model ${number}`, ties(number)),
    schema: aRevision(`schema ${number}`),
    data: aRevision(`data ${number}`, { accepts: { schema: [`schema ${number}`] } }),
    flag: aRevision(`flag ${number}`),
  });
}

function planOf(planned: Planned): Plan {
  assert.equal(planned.kind, "planned");
  return (planned as Extract<Planned, { kind: "planned" }>).plan;
}

function reasonsOf(planned: Planned): readonly string[] {
  assert.equal(planned.kind, "impossible");
  return (planned as Extract<Planned, { kind: "impossible" }>).reasons;
}

const afterOf = (plan: Plan) => Object.fromEntries(plan.steps.map((step) => [step.id, step.after]));

describe("a plan", () => {
  it("brings back every component under `what`, also those that do not differ", () => {
    const [stable, candidate] = [release(1), release(2)];
    const plan = planOf(planRollback(playbook, candidate, stable));
    assert.deepEqual(
      plan.steps.map(({ component, desired, label }) => ({ component, desired, label })),
      ["model", "flag", "data", "schema"].map((component) => ({
        component,
        desired: stable.revisions[component]!.digest,
        label: `${component} 1`,
      })),
    );
    assert.deepEqual([plan.kind, plan.from, plan.to, plan.deadline], ["rollback", candidate.id, stable.id, 60_000]);
    assert.deepEqual(
      planOf(planRollback(playbook, stable, stable)).steps.map(({ id }) => id),
      ["model", "flag", "data", "schema"],
    );
  });

  it("begins with what changes, and of that with what was quick", () => {
    const half = defineRelease("loans", "half", { ...release(2).revisions, model: release(1).revisions["model"]! });
    const took = (component: string, ms: number) => ({ component, adapter: component, tookMs: [ms] });
    const order = (past: Parameters<typeof planRollback>[4], from = release(2)) =>
      planOf(planRollback(playbook, from, release(1), "at", past)).steps.map(({ id }) => id);
    assert.deepEqual(order([]), ["model", "flag", "data", "schema"]);
    assert.deepEqual(order([took("model", 20_000), took("flag", 300)]), ["flag", "model", "data", "schema"]);
    assert.deepEqual(order([took("model", 300)], half), ["flag", "model", "data", "schema"]);
  });

  it("moves readers before what they read on the way back", () => {
    assert.deepEqual(afterOf(planOf(planRollback(playbook, release(2), release(1)))), {
      schema: ["data", "model"],
      model: [],
      data: ["model"],
      flag: [],
    });
  });

  it("moves what is read before its readers on the way out", () => {
    assert.deepEqual(afterOf(planOf(planRelease(playbook, release(1), release(2)))), {
      schema: [],
      model: ["data", "schema"],
      data: ["schema"],
      flag: [],
    });
  });

  it("heeds a tie that only one of the two releases has", () => {
    const loose = defineRelease("loans", "loose", {
      model: aRevision("model 0"),
      schema: aRevision("schema 0"),
      data: aRevision("data 0"),
      flag: aRevision("flag 0"),
    });
    for (const [from, to] of [
      [loose, release(1)],
      [release(1), loose],
    ] as const)
      assert.deepEqual(afterOf(planOf(planRollback(playbook, from, to)))["data"], ["model"]);
  });

  it("leaves the gateway's own components to containment", () => {
    const routed = aPlaybook([aComponent("model"), aComponent("route", { at: "gateway://route" })]);
    const only = (number: number) => defineRelease("loans", "r", { model: aRevision(`model ${number}`) });
    assert.deepEqual(
      planOf(planRollback(routed, only(2), only(1))).steps.map(({ id }) => id),
      ["model"],
    );
  });

  it("is the same, bit for bit, however the revisions are ordered", () => {
    const shuffled = (number: number) =>
      fc
        .shuffledSubarray(Object.entries(release(number).revisions), { minLength: 4 })
        .map((entries) => defineRelease("loans", `release ${number}`, Object.fromEntries(entries)));
    for (const plan of [planRollback, planRelease])
      fc.assert(
        fc.property(shuffled(1), shuffled(2), (one, two) => {
          assert.deepEqual(plan(playbook, two, one), plan(playbook, release(2), release(1)));
        }),
        { numRuns: 50 },
      );
  });

  it("carries the digest of all that it says", () => {
    const planned = planRollback(playbook, release(2), release(1));
    assert.ok(planned.kind === "planned" && isDigest(planned.digest) && planned.digest === planDigest(planned.plan));
    const changed = [
      planRelease(playbook, release(2), release(1)),
      planRollback(playbook, release(3), release(1)),
      planRollback(playbook, release(2), release(3)),
      planRollback({ ...playbook, system: "cards" }, release(2), release(1)),
      planRollback({ ...playbook, how: { ...playbook.how, within: 1 } }, release(2), release(1)),
      planRollback({ ...playbook, components: playbook.components.toReversed() }, release(2), release(1)),
      ...(["at", "undo"] as const).map((field) => {
        const [first, ...rest] = playbook.components;
        const other = { ...first!, [field]: field === "at" ? "http://127.0.0.1/other" : "pivot" };
        return planRollback({ ...playbook, components: [other, ...rest] }, release(2), release(1));
      }),
    ];
    const digests = new Set([planned, ...changed].map((one) => (one.kind === "planned" ? one.digest : "impossible")));
    assert.equal(digests.size, changed.length + 1);
    assert.ok(!digests.has("impossible"));
  });
});

describe("a plan is impossible", () => {
  const without = (whole: Release, name: string) => {
    const { [name]: _, ...rest } = whole.revisions;
    return defineRelease("loans", whole.label, rest);
  };

  it("when the target names no revision of a component, and says which", () => {
    assert.deepEqual(reasonsOf(planRollback(playbook, release(2), without(release(1), "data"))), [
      "release 1 names no revision of data",
    ]);
  });

  it("when the target brings a component that the playbook does not list", () => {
    const small = aPlaybook([aComponent("schema"), aComponent("model"), aComponent("data")]);
    assert.deepEqual(reasonsOf(planRelease(small, release(1), release(2))), [
      'release 2 brings flag, which the playbook does not list under "what"',
    ]);
  });

  it("over what is declared irreversible and has not changed, without touching it", () => {
    const stern = aPlaybook(
      playbook.components.map((one) => (one.name === "schema" ? { ...one, undo: "irreversible" } : one)),
    );
    const same = { ...release(2), revisions: { ...release(2).revisions, schema: release(1).revisions["schema"]! } };
    const planned = planRollback(stern, same, release(1));
    assert.ok(planned.kind === "planned" && !planned.plan.steps.some(({ id }) => id === "schema"));
  });

  it("back over what is declared irreversible, though the way out is open", () => {
    const stern = aPlaybook(
      playbook.components.map((one) => (one.name === "schema" ? { ...one, undo: "irreversible" } : one)),
    );
    assert.deepEqual(reasonsOf(planRollback(stern, release(2), release(1))), [
      "schema is declared irreversible; an automatic plan may not touch it",
    ]);
    assert.equal(planRelease(stern, release(1), release(2)).kind, "planned");
  });

  it("when components wait for each other, and shows the circle", () => {
    const round = defineRelease("loans", "round", {
      model: aRevision("m", { accepts: { data: ["d"] } }),
      data: aRevision("d", { accepts: { index: ["i"] } }),
      index: aRevision("i", { accepts: { model: ["m"] } }),
    });
    const three = aPlaybook([aComponent("model"), aComponent("data"), aComponent("index")]);
    assert.deepEqual(reasonsOf(planRollback(three, round, round)), [
      "the components wait for each other: model -> index -> data -> model",
    ]);
    assert.match(reasonsOf(planRelease(three, round, round))[0]!, /model -> data -> index -> model/);
  });

  it("for all reasons at once", () => {
    const stern = aPlaybook([aComponent("model", { undo: "irreversible" }), aComponent("index")]);
    assert.equal(reasonsOf(planRollback(stern, release(2), release(1))).length, 5);
  });
});

describe("the order of components", () => {
  it("ignores what a component says of itself", () => {
    const self = defineRelease("loans", "self", { model: aRevision("m", { accepts: { model: ["m"] } }) });
    assert.deepEqual(readersOf("model", [self]), []);
    assert.deepEqual(readBy("model", [self]), []);
    assert.deepEqual(readBy("schema", [self]), []);
  });

  it("never lets both ways wait for each other: whoever reads on the way back is read on the way out", () => {
    const names = ["a", "b", "c", "d"];
    const random = fc.array(fc.record({ reader: fc.constantFrom(...names), read: fc.constantFrom(...names) }));
    fc.assert(
      fc.property(random, (pairs) => {
        const revisions = names.map((name) => {
          const accepts = pairs.filter(({ reader }) => reader === name).map(({ read }) => [read, [read]] as const);
          return [name, aRevision(name, { accepts: Object.fromEntries(accepts) })] as const;
        });
        const one = defineRelease("loans", "one", Object.fromEntries(revisions));
        for (const a of names)
          for (const b of names) assert.equal(readersOf(a, [one]).includes(b), readBy(b, [one]).includes(a));
      }),
      { numRuns: 100 },
    );
  });
});
