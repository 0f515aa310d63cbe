import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { Change, Store } from "../../core/ports.ts";
import { aRollout, aSample, impossible, NOON, notesOf, recording } from "./fixtures.ts";
import type { Cases } from "./suite.ts";

type Action =
  | { readonly do: "commit"; readonly writes: readonly Write[]; readonly fails: boolean; readonly fence?: number }
  | { readonly do: "take"; readonly holder: string; readonly wait: number }
  | { readonly do: "renew"; readonly fence: number; readonly holder: string };

type Write =
  | { readonly kind: "entry"; readonly note: string }
  | { readonly kind: "rollout"; readonly id: string; readonly step: number }
  | { readonly kind: "sample"; readonly sequence: number; readonly k: number };

const SPAN = 10;
const holder = fc.constantFrom("a", "b", "c");
const fence = fc.integer({ min: 1, max: 6 });

const write: fc.Arbitrary<Write> = fc.oneof(
  fc.record({ kind: fc.constant("entry" as const), note: fc.string({ unit: "binary", maxLength: 6 }) }),
  fc.record({ kind: fc.constant("rollout" as const), id: fc.constantFrom("x", "y", "z"), step: fc.nat(9) }),
  fc.record({ kind: fc.constant("sample" as const), sequence: fc.nat(4), k: fc.nat(9) }),
);

const action: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record(
      {
        do: fc.constant("commit" as const),
        writes: fc.array(write, { maxLength: 4 }),
        fails: fc.integer({ min: 0, max: 4 }).map((roll) => roll === 0),
        fence,
      },
      { requiredKeys: ["do", "writes", "fails"] },
    ),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("take" as const), holder, wait: fc.nat(2 * SPAN) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("renew" as const), fence, holder }) },
);

/** The smallest thing that behaves as the contract says. */
class Reference {
  readonly notes: string[] = [];
  readonly rollouts = new Map<string, number>();
  readonly samples = new Map<number, number>();
  lease = { holder: "", fence: 0, until: -Infinity };
  now = NOON;

  commit(writes: readonly Write[], fails: boolean, guard: number | undefined): string {
    if (guard !== undefined && guard !== this.lease.fence) return `fenced by ${this.lease.holder}`;
    if (fails) return "failed";
    for (const one of writes) {
      if (one.kind === "entry") this.notes.push(one.note);
      else if (one.kind === "rollout") this.rollouts.set(one.id, one.step);
      else if (!this.samples.has(one.sequence)) this.samples.set(one.sequence, one.k);
    }
    return "committed";
  }

  take(by: string): number | undefined {
    if (this.lease.holder !== by && this.lease.until > this.now) return undefined;
    this.lease = { holder: by, fence: this.lease.fence + 1, until: this.now + SPAN };
    return this.lease.fence;
  }

  renew(by: string, number: number): boolean {
    if (this.lease.holder !== by || this.lease.fence !== number) return false;
    this.lease = { ...this.lease, until: this.now + SPAN };
    return true;
  }
}

function changeOf(one: Write): Change {
  if (one.kind === "entry") return recording(one.note);
  if (one.kind === "rollout") return { kind: "rollout", rollout: aRollout(one.id, { step: one.step }) };
  return { kind: "samples", rollout: "x", samples: [aSample({ sequence: one.sequence, k: one.k })] };
}

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

async function act(store: Store, reference: Reference, one: Action): Promise<void> {
  if (one.do === "commit") {
    assert.equal(await commitTo(store, one), reference.commit(one.writes, one.fails, one.fence));
  } else if (one.do === "take") {
    reference.now += one.wait;
    const lease = await store.acquireLease("loans", one.holder, SPAN, reference.now);
    assert.equal(lease?.fence, reference.take(one.holder));
  } else {
    const lease = { resource: "loans", holder: one.holder, fence: one.fence, until: 0 };
    const renewed = await store.renewLease(lease, SPAN, reference.now);
    assert.equal(renewed !== undefined, reference.renew(one.holder, one.fence));
  }
}

async function assertEqual(store: Store, reference: Reference): Promise<void> {
  assert.deepEqual(notesOf(await store.entries(0, 1000)), reference.notes);
  const rollouts = (await store.rollouts()).map(({ id, step }) => [id, step] as const);
  assert.deepEqual(new Map(rollouts), reference.rollouts);
  const samples = (await store.samples("x")).map(({ sequence, k }) => [sequence, k] as const);
  assert.deepEqual(new Map(samples), reference.samples);
}

export function modelCases({ suite }: Cases): void {
  describe("any sequence of commits, leases and re-openings", () => {
    it("behaves as the reference model does", async () => {
      let places = 0;
      const forgets = suite.skip?.includes("durable") ?? false;
      await fc.assert(
        fc.asyncProperty(fc.array(action, { maxLength: 40 }), fc.nat(40), async (actions, reopenAt) => {
          places += 1;
          const place = `model-${places}`;
          const reference = new Reference();
          let store = await suite.open(place);
          try {
            for (const [turn, one] of actions.entries()) {
              if (turn === reopenAt && !forgets) {
                await store.close();
                store = await suite.open(place);
              }
              await act(store, reference, one);
            }
            await assertEqual(store, reference);
          } finally {
            await store.close();
          }
        }),
        { numRuns: 25 },
      );
    });
  });
}
