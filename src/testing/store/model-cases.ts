import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { Guard, Store } from "../../core/ports.ts";
import { packOf } from "../../core/sample-pack.ts";
import { aRelease, impossible, NOON, notesOf, recording } from "./fixtures.ts";
import { changeOf, keyOf, ReferenceStore, type Write } from "./reference-store.ts";
import type { Cases } from "./suite.ts";

type Act =
  | { readonly do: "commit"; readonly writes: readonly Write[]; readonly fails: boolean; readonly guard?: Guard }
  | { readonly do: "take"; readonly resource: string; readonly holder: string; readonly wait: number }
  | { readonly do: "take all"; readonly resources: readonly string[]; readonly holder: string; readonly wait: number }
  | { readonly do: "renew"; readonly resource: string; readonly fence: number; readonly holder: string }
  /** Packs what is in no pack; under a number that is taken the commit fails. */
  | { readonly do: "pack"; readonly again: boolean }
  | { readonly do: "reopen" };

/** An act, and by which of the processes that have the place open. */
type Action = Act & { readonly by: number };

const SPAN = 10;
const HOUR = 3_600_000;
const holder = fc.constantFrom("a", "b", "c");
const name = fc.constantFrom("x", "y", "z");
const fence = fc.integer({ min: 1, max: 6 });
/** `loans` is the one that most acts are about. */
const resource = fc.constantFrom("loans", "loans", "loans", "target:a", "target:b");
const guard = fc.record({ resource, fence });
const by = fc.nat(1);

const write: fc.Arbitrary<Write> = fc.oneof(
  fc.record({ kind: fc.constant("entry" as const), note: fc.string({ unit: "binary", maxLength: 6 }) }),
  fc.record({ kind: fc.constant("rollout" as const), id: name, step: fc.nat(9) }),
  fc.record(
    {
      kind: fc.constant("sample" as const),
      sequence: fc.nat(4),
      k: fc.nat(9),
      group: fc.constantFrom("g=a", "g=b"),
      known: fc.nat(9),
      cells: fc.array(fc.tuple(fc.nat(16), fc.double({ min: 0, noNaN: true, noDefaultInfinity: true })), {
        maxLength: 3,
      }),
    },
    { requiredKeys: ["kind", "sequence", "k"] },
  ),
  fc.record({ kind: fc.constant("step" as const), saga: name, step: name, attempts: fc.nat(9) }),
  fc.record({ kind: fc.constant("saga" as const), id: name, ended: fc.boolean() }),
  fc.record({ kind: fc.constant("route" as const), system: name, epoch: fc.nat(9) }),
  fc.record({ kind: fc.constant("known-good" as const), label: name, provedAt: fc.nat(3) }),
  fc.record({ kind: fc.constant("checkpoint" as const), size: fc.nat(9) }),
  fc.record({ kind: fc.constant("release" as const), label: name }),
  fc.record({ kind: fc.constant("quarantine" as const), label: name, reason: name }),
  fc.record({ kind: fc.constant("flag" as const), key: name, variant: name }),
  fc.record({ kind: fc.constant("token" as const), id: name, role: fc.constantFrom("admin", "reporter") }),
  fc.record({
    kind: fc.constant("season" as const),
    system: name,
    hour: fc.nat(5).map((hours) => NOON + hours * HOUR),
    n: fc.nat(99),
    oldest: fc.nat(5).map((hours) => NOON + hours * HOUR),
  }),
);

const action: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record(
      {
        do: fc.constant("commit" as const),
        writes: fc.array(write, { maxLength: 6 }),
        fails: fc.integer({ min: 0, max: 4 }).map((roll) => roll === 0),
        guard,
        by,
      },
      { requiredKeys: ["do", "writes", "fails", "by"] },
    ),
  },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant("take" as const), resource, holder, wait: fc.nat(2 * SPAN), by }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("take all" as const),
      resources: fc.uniqueArray(fc.constantFrom("loans", "target:a", "target:b"), { minLength: 1 }),
      holder,
      wait: fc.nat(2 * SPAN),
      by,
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("renew" as const), resource, fence, holder, by }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("pack" as const), again: fc.boolean(), by }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("reopen" as const), by }) },
);

async function commitTo(store: Store, { writes, fails, guard }: Act & { do: "commit" }): Promise<string> {
  const changes = [...writes.map(changeOf), ...(fails ? [impossible()] : [])];
  try {
    const answer = await store.commit(changes, guard);
    return answer.kind === "fenced" ? `fenced by ${answer.holder}` : "committed";
  } catch (error) {
    if (error instanceof TypeError) return "failed";
    throw error;
  }
}

/** Leases as the model takes them. A store with a clock of its own is not waited for: what ended is given back. */
interface Leases {
  readonly span: number;
  readonly givesBack: boolean;
}

async function act(store: Store, reference: ReferenceStore, one: Act, leases: Leases): Promise<void> {
  if (one.do === "commit") {
    assert.equal(await commitTo(store, one), reference.commit(one.writes, one.fails, one.guard));
  } else if (one.do === "take") {
    await pass(store, reference, one.wait, leases);
    const lease = await store.acquireLease(one.resource, one.holder, leases.span, reference.now);
    assert.equal(lease?.fence, reference.take(one.resource, one.holder, SPAN));
  } else if (one.do === "take all") {
    await pass(store, reference, one.wait, leases);
    const claim = { resources: one.resources, holder: one.holder, ttl: leases.span, now: reference.now };
    const answer = await store.commit([], undefined, claim);
    const taken = answer.kind === "committed" ? answer.claimed : undefined;
    const fences = taken && new Map(taken.map(({ resource: of, fence: number }) => [of, number]));
    assert.deepEqual(fences, reference.takeAll(one.resources, one.holder, SPAN));
  } else if (one.do === "renew") {
    const lease = { resource: one.resource, holder: one.holder, fence: one.fence, until: 0 };
    const renewed = await store.renewLease(lease, leases.span, reference.now);
    assert.equal(renewed !== undefined, reference.renew(one.resource, one.holder, one.fence, SPAN));
  } else if (one.do === "pack") await pack(store, reference, one.again);
}

/** Time goes by; of a store with a clock of its own, what ended is given back instead. */
async function pass(store: Store, reference: ReferenceStore, span: number, { givesBack }: Leases): Promise<void> {
  reference.now += span;
  if (!givesBack) return;
  for (const one of ["loans", "target:a", "target:b"]) {
    const lease = reference.lease(one);
    if (lease.until <= reference.now) await store.renewLease({ resource: one, ...lease }, 0, reference.now);
  }
}

async function pack(store: Store, reference: ReferenceStore, again: boolean): Promise<void> {
  const open = await store.unpacked("x");
  const taken = again && reference.packs > 0;
  if (open.length === 0 && !taken) return;
  const next = packOf(taken ? reference.packs - 1 : reference.packs, open);
  const written = store.commit([recording("lost"), { kind: "pack", rollout: "x", pack: next }]);
  if (taken) return assert.rejects(written);
  assert.deepEqual(await written, { kind: "committed" });
  reference.notes.push("lost");
  reference.packs += 1;
  assert.deepEqual(await store.unpacked("x"), []);
}

async function assertEqual(store: Store, reference: ReferenceStore): Promise<void> {
  const entries = await store.entries(0, 1000);
  assert.deepEqual(notesOf(entries), reference.notes);
  assert.deepEqual(
    entries.map(({ index }) => index),
    reference.notes.map((_, index) => index),
  );
  assert.equal(await store.entryCount(), reference.notes.length);
  const rollouts = (await store.rollouts()).map(({ id, step }) => [id, step] as const);
  assert.deepEqual(rollouts.toReversed(), [...reference.rollouts]);
  const samples = await store.samples("x");
  assert.deepEqual(new Map(samples.map((sample) => [keyOf(sample), sample])), reference.samples);
  const running = [...reference.sagas].filter(([, ended]) => !ended).map(([id]) => id);
  assert.deepEqual(
    (await store.runningSagas()).map(({ id }) => id),
    running,
  );
  for (const saga of ["x", "y", "z"]) {
    const steps = (await store.steps(saga)).map(({ step, attempts }) => [step, attempts] as const);
    assert.deepEqual(steps, [...(reference.steps.get(saga) ?? [])]);
    assert.equal((await store.route(saga))?.epoch, reference.routes.get(saga));
  }
  const proved = reference.lastKnownGood && aRelease(reference.lastKnownGood.label).id;
  assert.equal((await store.lastKnownGood("loans"))?.release, proved);
  assert.equal((await store.checkpoint())?.size ?? -1, reference.size);
  await assertRareEqual(store, reference);
}

async function assertRareEqual(store: Store, reference: ReferenceStore): Promise<void> {
  for (const label of ["x", "y", "z"]) {
    const release = aRelease(label);
    assert.deepEqual(await store.release(release.id), reference.releases.has(label) ? release : undefined);
    assert.equal((await store.quarantine(release.id))?.reason, reference.quarantines.get(label));
    const hours = (await store.seasons(label)).map(({ hour, n }) => [hour, n] as const);
    assert.deepEqual(new Map(hours), reference.seasons.get(label) ?? new Map());
  }
  const flags = (await store.flags()).map(({ key, variant }) => [key, variant] as const);
  assert.deepEqual(new Map(flags), reference.flags);
  const tokens = (await store.tokens()).map(({ id, role }) => [id, role] as const);
  assert.deepEqual(new Map(tokens), reference.tokens);
  assert.equal((await store.packs("x", 0, 1000)).length, reference.packs);
}

export function modelCases({ suite }: Cases): void {
  const leases = suite.leaseClock === "store" ? { span: HOUR, givesBack: true } : { span: SPAN, givesBack: false };
  const forgets = suite.skip?.includes("durable") ?? false;
  const alone = suite.skip?.includes("replicas") ?? false;
  describe("any sequence of commits, leases, packs and re-openings, by one process or two", () => {
    it("behaves as the reference model does", async () => {
      let places = 0;
      const sequences = fc.asyncProperty(fc.array(action, { maxLength: 40, size: "max" }), async (actions) => {
        places += 1;
        const open = () => suite.open(`model-${places}`);
        const reference = new ReferenceStore();
        const first = await open();
        const stores = [first, alone ? first : await open()];
        try {
          for (const { by: who, ...one } of actions) {
            const at = alone ? 0 : who;
            if (one.do !== "reopen") await act(stores[at]!, reference, one, leases);
            else if (!forgets) {
              await stores[at]!.close();
              stores[at] = await open();
              if (alone) stores[1] = stores[at];
            }
          }
          for (const store of new Set(stores)) await assertEqual(store, reference);
        } finally {
          for (const store of new Set(stores)) await store.close();
        }
      });
      await fc.assert(sequences, { numRuns: suite.sequences ?? 30 });
    });
  });
}
