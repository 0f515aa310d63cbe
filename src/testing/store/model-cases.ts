import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { Store } from "../../core/ports.ts";
import { aRelease, impossible, notesOf } from "./fixtures.ts";
import { changeOf, keyOf, ReferenceStore, type Write } from "./reference-store.ts";
import type { Cases } from "./suite.ts";

type Action =
  | { readonly do: "commit"; readonly writes: readonly Write[]; readonly fails: boolean; readonly fence?: number }
  | { readonly do: "take"; readonly holder: string; readonly wait: number }
  | { readonly do: "renew"; readonly fence: number; readonly holder: string };

const SPAN = 10;
const HOUR = 3_600_000;
const holder = fc.constantFrom("a", "b", "c");
const name = fc.constantFrom("x", "y", "z");
const fence = fc.integer({ min: 1, max: 6 });

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
);

const action: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record(
      {
        do: fc.constant("commit" as const),
        writes: fc.array(write, { maxLength: 6 }),
        fails: fc.integer({ min: 0, max: 4 }).map((roll) => roll === 0),
        fence,
      },
      { requiredKeys: ["do", "writes", "fails"] },
    ),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("take" as const), holder, wait: fc.nat(2 * SPAN) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("renew" as const), fence, holder }) },
);

async function commitTo(store: Store, { writes, fails, fence: number }: Action & { do: "commit" }): Promise<string> {
  const changes = [...writes.map(changeOf), ...(fails ? [impossible()] : [])];
  const guard = number === undefined ? undefined : { resource: "loans", fence: number };
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

async function act(store: Store, reference: ReferenceStore, one: Action, leases: Leases): Promise<void> {
  if (one.do === "commit") {
    assert.equal(await commitTo(store, one), reference.commit(one.writes, one.fails, one.fence));
  } else if (one.do === "take") {
    reference.now += one.wait;
    if (leases.givesBack && reference.lease.until <= reference.now)
      await store.renewLease({ resource: "loans", ...reference.lease }, 0, reference.now);
    const lease = await store.acquireLease("loans", one.holder, leases.span, reference.now);
    assert.equal(lease?.fence, reference.take(one.holder, SPAN));
  } else {
    const lease = { resource: "loans", holder: one.holder, fence: one.fence, until: 0 };
    const renewed = await store.renewLease(lease, leases.span, reference.now);
    assert.equal(renewed !== undefined, reference.renew(one.holder, one.fence, SPAN));
  }
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
}

export function modelCases({ suite }: Cases): void {
  const leases = suite.leaseClock === "store" ? { span: HOUR, givesBack: true } : { span: SPAN, givesBack: false };
  const forgets = suite.skip?.includes("durable") ?? false;
  describe("any sequence of commits, leases and re-openings", () => {
    it("behaves as the reference model does", async () => {
      let places = 0;
      const sequences = fc.asyncProperty(fc.array(action, { maxLength: 40 }), fc.nat(40), async (actions, reopenAt) => {
        places += 1;
        const place = `model-${places}`;
        const reference = new ReferenceStore();
        let store = await suite.open(place);
        try {
          for (const [turn, one] of actions.entries()) {
            if (turn === reopenAt && !forgets) {
              await store.close();
              store = await suite.open(place);
            }
            await act(store, reference, one, leases);
          }
          await assertEqual(store, reference);
        } finally {
          await store.close();
        }
      });
      await fc.assert(sequences, { numRuns: suite.sequences ?? 30 });
    });
  });
}
