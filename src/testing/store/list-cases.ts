import assert from "node:assert/strict";
import { describe } from "node:test";
import { aRollout, NOON } from "./fixtures.ts";
import type { Cases } from "./suite.ts";

export function listCases(cases: Cases): void {
  describe("the list of rollouts", () => rolloutListCases(cases));
}

function rolloutListCases({ test }: Cases): void {
  test("the one that was written first last comes first, also when a clock was set back", async (store) => {
    for (const [id, startedAt] of [
      ["b", 2],
      ["a", 1],
      ["c", 3],
    ] as const)
      await store.commit([{ kind: "rollout", rollout: aRollout(id, { startedAt }) }]);
    for (const listed of [await store.rollouts(), await store.rollouts("loans")])
      assert.deepEqual(idsOf(listed), ["c", "a", "b"]);
  });

  test("a list may be cut short: the newest so many", async (store) => {
    for (const id of ["a", "b", "c"]) await store.commit([{ kind: "rollout", rollout: aRollout(id) }]);
    await store.commit([{ kind: "rollout", rollout: aRollout("d", { system: "fraud" }) }]);
    assert.deepEqual(idsOf(await store.rollouts("loans", 2)), ["c", "b"]);
    assert.deepEqual(idsOf(await store.rollouts(undefined, 1)), ["d"]);
    assert.deepEqual(await store.rollouts("loans", 0), []);
  });

  test("a rollout keeps its place when it is written again", async (store) => {
    for (const id of ["z", "a"]) await store.commit([{ kind: "rollout", rollout: aRollout(id) }]);
    await store.commit([{ kind: "rollout", rollout: aRollout("z", { phase: "healthy" }) }]);
    assert.deepEqual(idsOf(await store.rollouts()), ["a", "z"]);
  });

  test("a system's list has its own rollouts only", async (store) => {
    await store.commit([
      { kind: "rollout", rollout: aRollout("r1") },
      { kind: "rollout", rollout: aRollout("r2", { system: "fraud" }) },
    ]);
    assert.deepEqual(idsOf(await store.rollouts("fraud")), ["r2"]);
    assert.deepEqual(await store.rollouts("pricing"), []);
  });

  test("promoted ones are listed apart, newest first", async (store) => {
    const note = '"promotedAt":1 and \\"promotedAt\\":1';
    for (const [id, promotedAt] of [
      ["a", 3],
      ["b", undefined],
      ["c", 1],
    ] as const)
      await store.commit([{ kind: "rollout", rollout: aRollout(id, { note, ...(promotedAt && { promotedAt }) }) }]);
    await store.commit([{ kind: "rollout", rollout: aRollout("d", { system: "fraud", promotedAt: 9 }) }]);
    await store.commit([{ kind: "rollout", rollout: aRollout("a", { phase: "healthy", promotedAt: 3 }) }]);
    assert.deepEqual(idsOf(await store.promoted("loans", 10)), ["c", "a"]);
    assert.deepEqual(idsOf(await store.promoted("loans", 1)), ["c"]);
    await store.commit([{ kind: "rollout", rollout: aRollout("b", { promotedAt: 0 }) }]);
    assert.deepEqual(idsOf(await store.promoted("loans", 2)), ["c", "b"]);
  });

  test("open ones of all systems, or of one, are listed, newest first, whatever else of them has ended", async (store) => {
    const note = '"endedAt":1 and \\"endedAt\\":1, "rollback":{';
    const rollback = { saga: "s", cause: ["harm"], decidedAt: NOON };
    const ended = { rollback: { ...rollback, endedAt: 1 } };
    assert.deepEqual(await store.openRollouts(), []);
    for (const [id, fields] of [
      ["open", {}],
      ["ended", { endedAt: 0 }],
      ["on its way back", { system: "fraud", rollback }],
      ["back", { ...ended, endedAt: 1 }],
      ["over", { rollback, endedAt: 1 }],
      ["not over", ended],
      ["taken up", { endedAt: 1 }],
      ["at an odd time", { endedAt: -1 }],
    ] as const)
      await store.commit([{ kind: "rollout", rollout: aRollout(id, { note, ...fields }) }]);
    await store.commit([{ kind: "rollout", rollout: aRollout("taken up") }]);
    assert.deepEqual(idsOf(await store.openRollouts()), ["taken up", "not over", "on its way back", "open"]);
    assert.deepEqual(idsOf(await store.openRollouts("fraud")), ["on its way back"]);
    assert.deepEqual(await store.openRollouts("pricing"), []);
  });

  test("an open one of a system is found behind any number that came after it, and ended", async (store) => {
    const older = Array.from({ length: 70 }, (_, n) => aRollout(`r${n}`, n === 3 ? {} : { endedAt: NOON }));
    const others = [aRollout("other", { system: "fraud" }), aRollout("another", { system: "pricing", endedAt: NOON })];
    await store.commit([...older, ...others].map((rollout) => ({ kind: "rollout", rollout })));
    assert.deepEqual(idsOf(await store.openRollouts("loans")), ["r3"]);
    assert.deepEqual(await store.openRollouts("pricing"), []);
  });

  test("ids and systems of any script are told apart", async (store) => {
    const names = ["é", "e\u0301", "É", "ё", "🛟", "a'b", 'a"b', "a b", "", "__proto__"];
    for (const name of names)
      await store.commit([{ kind: "rollout", rollout: aRollout(name, { system: name, note: name }) }]);
    for (const name of names) {
      assert.equal((await store.rollout(name))?.note, name);
      assert.deepEqual(idsOf(await store.rollouts(name)), [name]);
    }
  });
}

function idsOf(entities: readonly { readonly id: string }[]): readonly string[] {
  return entities.map((entity) => entity.id);
}
