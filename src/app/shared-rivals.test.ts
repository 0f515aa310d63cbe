import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import fc from "fast-check";
import { createControlWorld, playbook, START, type WorldOptions } from "../control/world.fixture.ts";
import { digestOf } from "../core/digest.ts";
import type { RestoreAdapter, Store } from "../core/ports.ts";
import { createMemoryStore } from "../simulation/memory-store.ts";
import { openSqliteStore } from "../store/sqlite/sqlite-store.ts";
import { runs } from "../testing/runs.fixture.ts";

const MODEL_2 = digestOf("model 2");
const RIVAL = "sim:model#rival";
const MODELS = ["sim:model", "sim:cards-model"];
const QUICK = { for: 3000, criteria: playbook.fixed.criteria };

type World = ReturnType<typeof createControlWorld>;

/** Loans and cards: a component each that one rival would bring back, over one store. */
function bothOver(store: Store, proofs: { readonly loans?: number; readonly cards?: number } = {}) {
  const sent: string[] = [];
  /** When either let it go. */
  const letGo: { readonly through: string; readonly at: number }[] = [];
  const froze: typeof letGo = [];
  /** Through which components nothing reaches the rival, a write that reaches it is never answered, or it is not read. */
  const faults = { lost: new Set<string>(), mute: new Set<string>(), unread: new Set<string>() };
  const stalls = { loans: createStall(), cards: createStall() };
  const ports =
    (stall: Stall): NonNullable<WorldOptions["ports"]> =>
    ({ adapterFor, store: whole }) => ({
      store: stall.over(whole),
      adapterFor: (at) => {
        const adapter = adapterFor(at);
        const told: Partial<RestoreAdapter> = {
          rivals: async (place) =>
            MODELS.includes(place)
              ? [{ at: RIVAL, through: place, label: "the rival", guarantee: "cas", frozen: "frozen" }]
              : [],
          readRival: async (rival, signal) => {
            if (faults.unread.has(rival.through)) return { kind: "unreachable", reason: "503" };
            return adapter.readRival!(rival, signal);
          },
          writeRival: async (request, signal) => {
            if (faults.lost.has(request.through)) return { kind: "unknown", reason: "503" };
            const answer = await adapter.writeRival!(request, signal);
            sent.push(`${request.through} ${request.state} ${answer.kind}`);
            const change = { through: request.through, at: loans.clock.now() };
            if (answer.kind === "applied") (request.state === "working" ? letGo : froze).push(change);
            if (!faults.mute.has(request.through)) return answer;
            faults.unread.add(request.through);
            return { kind: "unknown", reason: "the answer was lost" };
          },
        };
        return { ...adapter, ...told };
      },
    });
  const fixed = (ms = 3000) => ({ fixed: { ...QUICK, for: ms } });
  const loans = createControlWorld({
    losses: 0.2,
    ports: ports(stalls.loans),
    store,
    rivals: { "sim:model": MODEL_2 },
    playbook: fixed(proofs.loans),
  });
  const components = playbook.components.map((one) => ({ ...one, at: one.at.replace("sim:", "sim:cards-") }));
  const cards = createControlWorld({
    losses: 0.2,
    ports: ports(stalls.cards),
    system: "cards",
    beside: loans,
    playbook: { components, ...fixed(proofs.cards) },
  });
  loans.target.tellRival("sim:model", "frozen");
  /** A release each, exposed. The rival works from then on. */
  const exposed = async (...worlds: readonly World[]) => {
    const ids = await Promise.all(worlds.map(async (world) => (await world.release()).id));
    for (const world of worlds) await world.until(() => world.kinds().includes("exposed"));
    loans.target.tellRival("sim:model", "working");
    return ids;
  };
  const state = () => loans.target.rivalState("sim:model");
  return { loans, cards, sent, letGo, froze, state, exposed, faults, stalls };
}

type Stall = ReturnType<typeof createStall>;

/** A connection to the store over which nothing goes while it is stalled. What was asked meanwhile goes after that; renewals are lost. */
function createStall() {
  let stalled: PromiseWithResolvers<void> | undefined;
  return {
    /** Told of every question that was answered. */
    onAnswer: (_name: string, _about: unknown): unknown => undefined,
    begin: () => {
      stalled ??= Promise.withResolvers();
    },
    end: () => {
      stalled?.resolve();
      stalled = undefined;
    },
    over(store: Store): Store {
      const calls = Object.entries(store).map(([name, method]) => [
        name,
        async (...given: readonly unknown[]) => {
          const since = stalled;
          await since?.promise;
          if (since && name.startsWith("renew")) throw new Error("the connection was lost");
          const answer = await (method as (...all: unknown[]) => Promise<unknown>)(...given);
          this.onAnswer(name, given[0]);
          await stalled?.promise;
          return answer;
        },
      ]);
      return Object.fromEntries(calls);
    },
  };
}

const stores = {
  memory: async () => ({ store: createMemoryStore(), remove: () => undefined }),
  SQLite: async () => {
    const folder = mkdtempSync(join(tmpdir(), "rollbook-rivals-"));
    const store = await openSqliteStore({ folder, now: () => START });
    return { store, remove: () => rmSync(folder, { recursive: true }) };
  },
};

for (const [name, open] of Object.entries(stores))
  describe(`a rival of two systems over ${name}`, () => {
    const over = async (story: (store: Store) => Promise<unknown>) => {
      const { store, remove } = await open();
      try {
        await story(store);
      } finally {
        await store.close();
        remove();
      }
    };

    for (const older of ["loans", "cards"] as const)
      it(`obeys both, one after the other, also where ${older} had far more holders`, () =>
        over(async (store) => {
          const { loans, cards, sent, state, exposed } = bothOver(store);
          for (let holders = 0; holders < 40; holders += 1)
            await store.acquireLease(`system:${older}`, "first", 0, START);
          await loans.live(async () => {
            for (const world of [loans, cards]) {
              const [id] = await exposed(world);
              const { rollback, note } = await world.ended(id!);
              assert.equal(rollback?.outcome, "verified", note);
              assert.equal(state(), "working");
            }
          });
          assert.deepEqual(sent, [
            "sim:model frozen applied",
            "sim:model working applied",
            "sim:cards-model frozen applied",
            "sim:cards-model working applied",
          ]);
        }));

    it("obeys both when they go back at the same time, and works again when the last of them is fixed", () =>
      over(async (store) => {
        const { loans, cards, sent, state, exposed } = bothOver(store);
        await loans.live(async () => {
          const ids = await exposed(loans, cards);
          const ends = await Promise.all([loans.ended(ids[0]!), cards.ended(ids[1]!)]);
          for (const { rollback, note } of ends) assert.equal(rollback?.outcome, "verified", note);
        });
        assert.equal(state(), "working");
        // Who finds it frozen says so once more: what the other has sent before can come too late then.
        assert.deepEqual(sent.map((what) => what.split(" ").slice(1).join(" ")).toSorted(), [
          "frozen applied",
          "frozen applied",
          "working applied",
        ]);
      }));

    for (const first of ["loans", "cards"] as const)
      it(`keeps nobody waiting for a proof, and stays frozen until the last is fixed: ${first} goes back first`, () =>
        over(async (store) => {
          const { state, sent, exposed, ...worlds } = bothOver(store, { [first]: 20_000 });
          const [one, other] = first === "loans" ? [worlds.loans, worlds.cards] : [worlds.cards, worlds.loans];
          await worlds.loans.live(async () => {
            const [id] = await exposed(one);
            await one.until(() => one.kinds().includes("restored"));
            const { id: second } = await other.release();
            const quick = await other.ended(second);
            assert.equal(quick.rollback?.outcome, "verified", quick.note);
            assert.equal(one.kinds().includes("ended"), false, "it was fixed while the other was proving still");
            assert.equal(other.kinds().includes("waiting"), false);
            assert.equal(state(), "frozen", "the other needs it");
            const slow = await one.ended(id!);
            assert.equal(slow.rollback?.outcome, "verified", slow.note);
            assert.equal(state(), "working");
          });
          assert.equal(sent.length, 3);
        }));

    it("is let go by who goes on longest, into the state that the first had found", () =>
      over(async (store) => {
        const { loans, cards, state, exposed } = bothOver(store, { cards: 30_000 });
        await loans.live(async () => {
          const [first, second] = await exposed(loans, cards);
          loans.target.tellRival("sim:model", "working on Sundays");
          assert.equal((await loans.ended(first!)).rollback?.outcome, "verified");
          assert.equal(state(), "frozen");
          assert.ok(
            loans.notices.some((text) =>
              /still frozen: the rival stays frozen: the rollback of cards needs/.test(text),
            ),
            "people can tell who has to let go of it",
          );
          assert.equal((await cards.ended(second!)).rollback?.outcome, "verified");
          assert.equal(state(), "working on Sundays");
        });
      }));

    for (const first of ["loans", "cards"] as const)
      it(`is let go by the last also where ${first} has looked who needs it, and lost its lease before it said so`, () =>
        over(async (store) => {
          const [one, other] = first === "loans" ? (["loans", "cards"] as const) : (["cards", "loans"] as const);
          const { state, exposed, stalls, ...worlds } = bothOver(store, { [one]: 6000, [other]: 12_000 });
          await worlds.loans.live(async () => {
            const ids = await exposed(worlds.loans, worlds.cards);
            await worlds[one].until(() => worlds[one].kinds().includes("restored"));
            const theirs = (await store.rollout(ids[other === "loans" ? 0 : 1]!))?.rollback?.saga;
            stalls[one].onAnswer = (name, about) => {
              if (name === "steps" && about === theirs) stalls[one].begin();
            };
            await worlds[other].until(() => worlds[other].kinds().includes("ended"));
            stalls[one].onAnswer = () => undefined;
            stalls[one].end();
            for (const [world, id] of [
              [worlds.loans, ids[0]!],
              [worlds.cards, ids[1]!],
            ] as const)
              assert.equal((await world.ended(id)).rollback?.outcome, "verified");
          });
          assert.equal(state(), "working");
        }));

    it("frozen by a freeze that nobody saw land stays so until the last is fixed", () =>
      over(async (store) => {
        const { loans, cards, state, exposed, faults } = bothOver(store, { loans: 20_000, cards: 40_000 });
        await loans.live(async () => {
          faults.mute.add("sim:model");
          const [first] = await exposed(loans);
          await loans.until(() => loans.kinds().includes("restored"));
          const { id: second } = await cards.release();
          await cards.until(() => cards.kinds().includes("restored"));
          assert.equal(loans.kinds().includes("ended"), false, "it is still proving");
          faults.mute.clear();
          faults.unread.clear();
          assert.equal((await loans.ended(first!)).rollback?.outcome, "verified");
          assert.equal(state(), "frozen", "the other needs it");
          assert.equal((await cards.ended(second)).rollback?.outcome, "verified");
          assert.equal(state(), "working");
        });
      }));

    it("frozen by another after an own freeze was lost is known to be theirs when it is restored once more", () =>
      over(async (store) => {
        const { loans, cards, state, exposed, faults } = bothOver(store, { loans: 20_000, cards: 40_000 });
        await loans.live(async () => {
          faults.lost.add("sim:cards-model");
          const [second] = await exposed(cards);
          await cards.until(() => cards.kinds().includes("restored"));
          assert.equal(state(), "working");
          faults.lost.clear();
          loans.target.tellRival("sim:model", "frozen");
          loans.target.rivalWrite("sim:model", digestOf("model 1"));
          const [first] = await exposed(loans);
          await loans.until(() => loans.kinds().includes("restored"));
          loans.target.rivalWrite("sim:cards-model", MODEL_2);
          assert.equal((await loans.ended(first!)).rollback?.outcome, "verified");
          assert.equal(cards.kinds().filter((kind) => kind === "restored").length, 2);
          assert.equal(state(), "frozen", "the other needs it");
          assert.equal((await cards.ended(second!)).rollback?.outcome, "verified");
          assert.equal(state(), "working");
        });
      }));
  });

describe("a rival of two systems", () => {
  const fault = fc.record({
    to: fc.constantFrom(...MODELS),
    kind: fc.constantFrom("lost", "mute", "unread"),
    begins: fc.integer({ min: 0, max: 8000 }),
    lasts: fc.integer({ min: 100, max: 8000 }),
  });
  const stall = fc.record({
    of: fc.constantFrom("loans", "cards"),
    begins: fc.integer({ min: 0, max: 20_000 }),
    lasts: fc.integer({ min: 100, max: 10_000 }),
  });
  const drawn = fc.record({
    faults: fc.array(fault, { maxLength: 4 }),
    stalled: fc.array(stall, { maxLength: 3 }),
    proofs: fc.record({ loans: fc.integer({ min: 3000, max: 15_000 }), cards: fc.integer({ min: 3000, max: 15_000 }) }),
    between: fc.integer({ min: 0, max: 8000 }),
    undone: fc.boolean(),
  });

  it("is let go by the last of them, and works when both are over or people were told, whatever becomes of what is sent", () =>
    fc.assert(
      fc.asyncProperty(drawn, async ({ faults: planned, stalled, proofs, between, undone }) => {
        const store = createMemoryStore();
        const { loans, cards, letGo, froze, state, exposed, faults, stalls } = bothOver(store, proofs);
        await loans.live(async () => {
          const { clock } = loans;
          const ids = await exposed(loans, cards);
          const happening = planned.map(async ({ to, kind, begins, lasts }) => {
            await clock.sleep(begins);
            faults[kind].add(to);
            await clock.sleep(lasts);
            faults[kind].delete(to);
            faults.unread.delete(to);
          });
          const stalling = stalled.map(async ({ of, begins, lasts }) => {
            await clock.sleep(begins);
            stalls[of].begin();
            await clock.sleep(lasts);
            stalls[of].end();
          });
          const undoing = clock.sleep(between).then(() => {
            if (undone && !cards.kinds().includes("ended")) loans.target.rivalWrite("sim:cards-model", MODEL_2);
          });
          await Promise.all([loans.ended(ids[0]!), cards.ended(ids[1]!)]);
          const last = state();
          for (const { through, at } of letGo) {
            const [other, theirs] = through === "sim:model" ? [ids[1]!, "sim:cards-model"] : [ids[0]!, "sim:model"];
            // One that is stuck counts where it landed, although nobody was told.
            const landed = froze.some((one) => one.through === theirs && one.at <= at);
            const { steps } = (await store.record(other))!;
            const of = (kind: string) => steps.filter(({ step }) => step.startsWith(kind));
            const endOf = ({ endedAt }: (typeof steps)[number]) => endedAt ?? at;
            const frozen = Math.min(
              ...of("freeze")
                .filter(({ status }) => status === "done" || (status === "stuck" && landed))
                .map(endOf),
            );
            const over = Math.max(...of("thaw").map(endOf));
            assert.ok(
              frozen >= at || over <= at,
              `${through} let it go at ${at}; it was frozen for another from ${frozen} until ${over}`,
            );
          }
          await Promise.all([undoing, ...happening, ...stalling]);
          const told = [loans, cards].some(({ notices }) => notices.some((text) => /thaw it by hand/.test(text)));
          assert.ok(last === "working" || told, `${last}, and nobody was told`);
        });
      }),
      { numRuns: runs(24) },
    ));
});
