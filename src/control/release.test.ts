import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { digestOf } from "../core/digest.ts";
import { defineRelease } from "../core/release.ts";
import { candidate, createControlWorld, playbook, stable, third, type WorldOptions } from "./world.fixture.ts";

const refused = (reason: RegExp) => ({ code: "RELEASE_REFUSED", message: reason });

/** A world in which release 1 is the restore point. */
async function adopted(options: WorldOptions = {}) {
  const world = createControlWorld(options);
  await world.control.adopt(stable);
  return world;
}

describe("adopting what serves", () => {
  it("makes it the restore point, in the ledger and for traffic", async () => {
    const { store, entries, traffic } = await adopted();
    assert.equal((await store.lastKnownGood("loans"))?.release, stable.id);
    const [entry] = await entries();
    assert.equal(entry.type, "restore-point");
    assert.deepEqual(entry.data.revisions, { schema: digestOf("schema 1"), model: digestOf("model 1") });
    assert.equal(traffic.current("loans")?.candidatePpm, 0);
  });

  it("is done once; later calls change nothing", async () => {
    const { control, store, target } = await adopted();
    target.rivalWrite("sim:model", digestOf("model 2"));
    await control.adopt(candidate);
    assert.equal((await store.lastKnownGood("loans"))?.release, stable.id);
    assert.equal(await store.entryCount(), 1);
  });

  it("is refused when something else serves, with every reason at once", async () => {
    const { control, target, store } = createControlWorld();
    target.rivalWrite("sim:schema", digestOf("schema 2"));
    target.rivalWrite("sim:model", digestOf("model 2"));
    await assert.rejects(control.adopt(stable), refused(/sim:schema does not serve schema 1; sim:model does not/));
    assert.equal(await store.lastKnownGood("loans"), undefined);
    assert.equal(await store.entryCount(), 0);
  });

  it("is refused when a target cannot be read, does not hold it, or is not named", async () => {
    const { control, target } = createControlWorld();
    target.lose("sim:model", digestOf("model 1"));
    await assert.rejects(control.adopt(stable), refused(/model 1 is not held intact at sim:model/));
    const { model: _, ...schemaOnly } = stable.revisions;
    await assert.rejects(
      control.adopt(defineRelease("loans", "half", schemaOnly)),
      refused(/names no revision of model/),
    );
    const dark = createControlWorld({
      ports: ({ adapterFor }) => ({
        adapterFor: (at) => ({ ...adapterFor(at), read: async () => ({ kind: "unreachable", reason: "it is dark" }) }),
      }),
    });
    await assert.rejects(dark.control.adopt(stable), refused(/sim:schema cannot be read: it is dark/));
  });

  it("gives traffic a route where there is none yet", async () => {
    const routes: unknown[] = [];
    const { control } = createControlWorld({
      ports: ({ traffic }) => ({
        traffic: { ...traffic, current: () => undefined, set: (route) => void routes.push(route) },
      }),
    });
    await control.adopt(stable);
    assert.deepEqual(routes, [{ system: "loans", epoch: 1, stable: stable.id, candidatePpm: 0 }]);
  });
});

describe("the gate", () => {
  it("plans the way out and the way back, and changes nothing", async () => {
    const { control, store, target, traffic } = await adopted();
    const { out, back } = await control.plan(candidate);
    assert.deepEqual([out.plan.kind, out.plan.from, out.plan.to], ["release", stable.id, candidate.id]);
    assert.deepEqual([back.plan.kind, back.plan.from, back.plan.to], ["rollback", candidate.id, stable.id]);
    assert.notEqual(out.digest, back.digest);
    assert.deepEqual(await control.plan(candidate), { out, back, concerns: [] });
    assert.equal(await store.entryCount(), 1);
    assert.equal(await store.release(candidate.id), undefined);
    assert.deepEqual(await control.rollouts(), []);
    assert.deepEqual(target.effects, []);
    assert.equal(traffic.current("loans")?.epoch, 0);
  });

  it("asks for a restore point, the same system and another release", async () => {
    const { control } = createControlWorld();
    await assert.rejects(control.plan(candidate), refused(/no restore point yet/));
    await control.adopt(stable);
    await assert.rejects(control.plan(stable), refused(/it serves already/));
    const foreign = defineRelease("fraud", "week 1", stable.revisions);
    await assert.rejects(control.plan(foreign), refused(/it is for fraud, not for loans/));
  });

  it("refuses a release in quarantine until somebody lifts it, and records who did", async () => {
    const { control, store, entries } = await adopted();
    await assert.rejects(control.lift(candidate.id, "risk"), { code: "NOT_FOUND" });
    const quarantine = { release: candidate.id, system: "loans", since: 1, reason: "rising losses" };
    await store.commit([{ kind: "quarantine", quarantine }]);
    await assert.rejects(control.release(candidate), refused(/release 2 is in quarantine: rising losses/));
    await control.lift(candidate.id, "risk");
    await control.plan(candidate);
    const last = (await entries()).at(-1);
    assert.deepEqual([last.actor, last.data], ["risk", { release: candidate.id, liftedBy: "risk" }]);
  });

  it("refuses a release that stable could not be contained beside, or that does not fit itself", async () => {
    const { control } = createControlWorld();
    const accepts = { schema: [digestOf("schema 1")] };
    const model = { ...stable.revisions["model"]!, accepts };
    const narrow = defineRelease("loans", "narrow", { ...stable.revisions, model });
    await control.adopt(narrow);
    await assert.rejects(
      control.plan(candidate),
      refused(/could not be contained on narrow while release 2 is in place/),
    );
    const unfit = defineRelease("loans", "unfit", { ...candidate.revisions, model });
    await assert.rejects(control.plan(unfit), refused(/unfit: model 1 was never proved to work with schema 2/));
    const schema = { ...candidate.revisions["schema"]!, keeps: { model: [model.digest] } };
    await control.plan(defineRelease("loans", "expanded", { ...candidate.revisions, schema }));
  });

  it("refuses while nothing is seen to serve what stable's places hold", async () => {
    let up = true;
    const { control } = createControlWorld({
      ports: ({ adapterFor }) => ({
        adapterFor: (at) => ({
          ...adapterFor(at),
          seen: async () => (up ? { kind: "seen" } : { kind: "unreachable", reason: "its process does not answer" }),
        }),
      }),
    });
    await control.adopt(stable);
    await control.plan(candidate);
    up = false;
    await assert.rejects(
      control.plan(candidate),
      refused(/sim:model holds model 1, and nothing is seen to serve it: its process does not answer/),
    );
  });

  it("refuses a missing artefact, a live state that is not stable, and an unknown component", async () => {
    const { control, target } = await adopted();
    const other = { digest: digestOf("model 9"), label: "model 9" };
    const missing = defineRelease("loans", "missing", { ...candidate.revisions, model: other });
    await assert.rejects(control.plan(missing), refused(/model 9 is not held intact at sim:model/));
    const more = defineRelease("loans", "more", { ...candidate.revisions, index: other });
    await assert.rejects(control.plan(more), refused(/more brings index, which the playbook does not list/));
    target.lose("sim:schema", digestOf("schema 1"));
    await assert.rejects(control.plan(candidate), refused(/schema 1 is not held intact/));
    target.rivalWrite("sim:model", digestOf("model 2"));
    await assert.rejects(control.plan(candidate), refused(/sim:model does not serve model 1/));
  });

  it("refuses an automatic way back over an irreversible component", async () => {
    const components = playbook.components.map((one) => ({ ...one, undo: "irreversible" as const }));
    const { control } = await adopted({ playbook: { components } });
    await assert.rejects(control.plan(candidate), refused(/schema is declared irreversible/));
  });

  it("lets one rollout out at a time, even when two ask at the same moment", async () => {
    const { control, live, clock } = await adopted();
    await live(async () => {
      const both = await Promise.allSettled([control.release(candidate), control.release(third)]);
      assert.deepEqual(
        both.map(({ status }) => status),
        ["fulfilled", "rejected"],
      );
      await assert.rejects(control.plan(third), refused(/rollout rollout-\S+ is still running/));
      await clock.sleep(100);
      assert.equal((await control.rollouts()).length, 1);
    });
  });

  it("judges the next release although the one before was refused", async () => {
    const { control } = await adopted();
    await assert.rejects(control.release(stable), refused(/serves already/));
    assert.equal((await control.release(candidate)).phase, "pending");
  });
});

describe("what people call revisions", () => {
  const resolving = (more: WorldOptions = {}) =>
    adopted({
      ...more,
      ports: ({ adapterFor }) => ({
        adapterFor: (at) => ({
          ...adapterFor(at),
          resolve: async (_at, reference) =>
            reference === "2"
              ? { kind: "revision", revision: candidate.revisions["model"]! }
              : { kind: "unknown", reason: `there is no version ${reference}` },
        }),
      }),
    });

  it("becomes a release; what is not named stays as it is", async () => {
    const { control } = await resolving();
    const release = await control.compose(undefined, { model: "2" });
    assert.equal(release.label, "model 2");
    assert.equal(release.revisions["model"]?.digest, digestOf("model 2"));
    assert.deepEqual(release.revisions["schema"], stable.revisions["schema"]);
  });

  it("is refused with everything that cannot be found", async () => {
    const { control } = await resolving();
    const asked = control.compose("x", { model: "9", prompt: "1" });
    await assert.rejects(asked, refused(/model 9: there is no version 9; the playbook has no component prompt/));
    await assert.rejects((await adopted()).control.compose("x", { model: "2" }), refused(/by digest only/));
    await assert.rejects(createControlWorld().control.compose("x", {}), refused(/no restore point/));
  });
});

describe("somewhere else than the playbook says", () => {
  const elsewhere: NonNullable<WorldOptions["ports"]> = () => ({ elsewhere: async () => ["k8s://prod is staging"] });

  it("nothing is adopted and nothing goes out", async () => {
    const world = createControlWorld({ ports: elsewhere });
    const mismatch = { code: "ENVIRONMENT_MISMATCH", message: /k8s:\/\/prod is staging/ };
    await assert.rejects(world.control.adopt(stable), mismatch);
    assert.equal(await world.store.lastKnownGood("loans"), undefined);
    await createControlWorld().control.adopt(stable);
    const { store } = world;
    await store.commit([
      { kind: "release", release: stable },
      { kind: "known-good", knownGood: { system: "loans", release: stable.id, provedAt: 1 } },
    ]);
    await assert.rejects(world.control.release(candidate), mismatch);
    assert.deepEqual(world.target.effects, []);
  });
});

describe("what a target says of its way back", () => {
  const saying = (level: "blocking" | "warning") =>
    adopted({
      ports: ({ adapterFor }) => ({
        adapterFor: (at) => ({
          ...adapterFor(at),
          concerns: async (place, digest) =>
            place === "sim:model" && digest === digestOf("model 2") ? [{ level, text: "auto-sync would undo it" }] : [],
        }),
      }),
    });

  it("blocks the release, or is told with the plan", async () => {
    const warned = await saying("warning");
    assert.deepEqual((await warned.control.plan(candidate)).concerns, ["auto-sync would undo it"]);
    const blocked = createControlWorld({
      ports: ({ adapterFor }) => ({
        adapterFor: (at) => ({
          ...adapterFor(at),
          concerns: async (_, digest) =>
            digest === digestOf("model 2") ? [{ level: "blocking", text: "its history was pruned" }] : [],
        }),
      }),
    });
    await blocked.control.adopt(stable);
    await assert.rejects(blocked.control.plan(candidate), refused(/its history was pruned/));
  });
});
