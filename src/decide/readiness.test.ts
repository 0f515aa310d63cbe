import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { digestOf } from "../core/digest.ts";
import { defineRelease } from "../core/release.ts";
import { planRollback } from "./plan-change.ts";
import { aComponent, aPlaybook, aRevision } from "./playbook.fixture.ts";
import { priceChain, priceSteps, spreadOf } from "./price.ts";
import { judgeReadiness, readinessKey, type WayBackFacts } from "./readiness.ts";

const model = (version: number) =>
  aRevision(`model ${version}`, { accepts: { schema: [`schema ${version}`, `schema ${version + 1}`] } });
const old = defineRelease("loans", "old", { model: model(1), schema: aRevision("schema 1") });
const fresh = defineRelease("loans", "new", { model: model(2), schema: aRevision("schema 2") });
const playbook = aPlaybook([aComponent("model"), aComponent("schema")]);

function facts(changes: Partial<WayBackFacts> = {}): WayBackFacts {
  return {
    playbook,
    at: 1000,
    from: fresh,
    to: old,
    place: "at",
    faults: [],
    warnings: [],
    capacity: { percent: 5 },
    past: [
      { component: "model", adapter: "mlflow", tookMs: [3000, 1000, 2000] },
      { component: "schema", adapter: "flyway", tookMs: [500, 700] },
    ],
    rivals: new Map(),
    alone: false,
    ...changes,
  };
}

describe("the readiness of a way back", () => {
  it("plans whom to freeze, under the same digest", () => {
    const rival = {
      at: "k8s://apps/loans",
      through: "k8s://prod",
      label: "Argo CD",
      guarantee: "cas",
      frozen: "off",
    } as const;
    const found = judgeReadiness(facts({ rivals: new Map([["model", [rival]]]) }));
    assert.deepEqual(
      found.plan?.steps.filter(({ kind }) => kind !== undefined).map(({ id }) => id),
      ["freeze k8s://apps/loans", "thaw k8s://apps/loans"],
    );
    assert.notEqual(found.digest, judgeReadiness(facts()).digest);
    assert.deepEqual(found.price, judgeReadiness(facts()).price);
  });

  it("is ready with the very plan that planning would give, and its digest", () => {
    const found = judgeReadiness(facts());
    const planned = planRollback(playbook, fresh, old);
    assert.equal(found.ready, true);
    assert.deepEqual({ kind: "planned", plan: found.plan, digest: found.digest }, planned);
    assert.deepEqual([found.from.label, found.to.label], ["new", "old"]);
  });

  it("begins with what was quick, of what may begin at once", () => {
    const two = (number: number) =>
      defineRelease("loans", `r${number}`, {
        model: aRevision(`model ${number}`),
        schema: aRevision(`schema ${number}`),
      });
    const found = judgeReadiness(
      facts({
        from: two(2),
        to: two(1),
        past: [
          { component: "model", adapter: "mlflow", tookMs: [90_000] },
          { component: "schema", adapter: "flyway", tookMs: [500] },
        ],
      }),
    );
    assert.deepEqual(
      found.plan?.steps.map(({ id }) => id),
      ["schema", "model"],
    );
  });

  it("is red for each thing in its way, and says which component it is about", () => {
    const abouts = (changes: Partial<WayBackFacts>) => {
      const { ready, faults } = judgeReadiness(facts(changes));
      assert.equal(ready, faults.length === 0);
      return faults.map(({ about }) => about);
    };
    assert.deepEqual(abouts({ faults: [{ about: "store", text: "read-only" }] }), ["store"]);
    const picky = defineRelease("loans", "picky", {
      model: aRevision("model 1", { accepts: { schema: ["schema 1"] } }),
      schema: aRevision("schema 1"),
    });
    assert.deepEqual(abouts({ to: picky }), ["model"]);
    assert.deepEqual(abouts({ to: picky, alone: true }), [], "what serves alone is contained to nothing");
    const hosted = aPlaybook([aComponent("model", { undo: "irreversible" }), aComponent("schema")]);
    assert.deepEqual(abouts({ playbook: hosted }), ["model"]);
    const short = defineRelease("loans", "short", { model: model(1) });
    assert.deepEqual(abouts({ to: short }), ["plan"]);
    assert.equal(judgeReadiness(facts({ to: short })).plan, undefined);
  });

  it("is the same news while only words change, and other news when the plan or what is in the way does", () => {
    const late = (text: string) => readinessKey(judgeReadiness(facts({ faults: [{ about: "model", text }] })));
    assert.equal(late("no answer within 15000 ms"), late("no answer within 15001 ms"));
    assert.notEqual(late("gone"), readinessKey(judgeReadiness(facts())));
    assert.notEqual(readinessKey(judgeReadiness(facts({ to: fresh }))), readinessKey(judgeReadiness(facts())));
  });

  it("names what cannot be undone", () => {
    const once = aPlaybook([aComponent("model"), aComponent("schema", { undo: "pivot" })]);
    assert.deepEqual(judgeReadiness(facts({ playbook: once })).price.cannotBeUndone, ["schema"]);
    const hosted = aPlaybook([aComponent("model", { undo: "irreversible" }), aComponent("schema")]);
    assert.deepEqual(judgeReadiness(facts({ playbook: hosted })).price.cannotBeUndone, ["model"]);
  });
});

describe("the price of a way back", () => {
  it("gives nearest ranks, and nothing of nothing", () => {
    assert.equal(spreadOf([]), undefined);
    assert.deepEqual(spreadOf([7]), { median: 7, p90: 7, n: 1 });
    assert.deepEqual(spreadOf([10, 1, 9, 2, 8, 3, 7, 4, 6, 5]), { median: 5, p90: 9, n: 10 });
  });

  it("adds up what waits for each other, and counts the rarest step", () => {
    const { price } = judgeReadiness(facts());
    assert.deepEqual(price.restore, { median: 2500, p90: 3700, n: 2 });
    const free = defineRelease("loans", "free", { model: aRevision("model 1"), schema: aRevision("schema 1") });
    const beside = judgeReadiness(
      facts({
        to: free,
        from: defineRelease("loans", "b", {
          ...free.revisions,
          model: aRevision("model 2"),
          schema: aRevision("schema 2"),
        }),
      }),
    );
    assert.deepEqual(beside.price.restore, { median: 2000, p90: 3000, n: 2 }, "side by side the longest counts");
  });

  it("prices only what changes; between releases that may be anything", () => {
    const half = defineRelease("loans", "half", { ...fresh.revisions, schema: old.revisions["schema"]! });
    const names = (changes: Partial<WayBackFacts>) =>
      judgeReadiness(facts(changes)).price.steps.map(({ component }) => component);
    assert.deepEqual(names({ from: half }), ["model"]);
    assert.deepEqual(names({ from: old }), ["model", "schema"]);
  });

  it("says honestly where there is no past run, and borrows from the same adapter only with a word", () => {
    const none = [
      { component: "model", adapter: "mlflow", tookMs: [] },
      { component: "schema", adapter: "flyway", tookMs: [5] },
    ];
    const unknown = judgeReadiness(facts({ past: none })).price;
    assert.equal(unknown.restore, undefined);
    assert.deepEqual(unknown.steps[0], { component: "model" });
    const alike = [{ ...none[0]!, adapter: "flyway" }, none[1]!];
    const [borrowed] = judgeReadiness(facts({ past: alike })).price.steps;
    assert.deepEqual(borrowed, { component: "model", took: { median: 5, p90: 5, n: 1 }, borrowed: true });
    assert.deepEqual(priceSteps([], none), []);
    assert.equal(priceChain({ steps: [] }, []), undefined);
  });

  it("does not depend on the digests alone: an unknown component has no price", () => {
    const step = {
      id: "x",
      component: "x",
      at: "sim:x",
      desired: digestOf("x"),
      label: "x",
      undo: "retriable",
      after: [],
    } as const;
    assert.deepEqual(priceSteps([step], []), [{ component: "x" }]);
  });
});
