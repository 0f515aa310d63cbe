import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { digestOf } from "../core/digest.ts";
import type { EntryDraft } from "../core/entry.ts";
import type { Playbook } from "../core/playbook.ts";
import { defineRelease } from "../core/release.ts";
import { createMemoryStore } from "../simulation/memory-store.ts";
import type { OperationContext } from "./context.ts";
import { diaryOf } from "./diary.ts";

describe("the diary", () => {
  test("has the drift that people of this system were told, newest first", async () => {
    const store = createMemoryStore();
    const release = defineRelease("loans", "credit 13", { model: { digest: digestOf("13"), label: "13" } });
    const drifted = (at: number, fields: Partial<EntryDraft> = {}): EntryDraft => ({
      type: "drifted",
      at,
      system: "loans",
      actor: "rollbook",
      data: { release: release.id, because: [{ name: "rising", claim: "losses rise", since: at - 60, line: 0.1 }] },
      ...fields,
    });
    const unknown = { release: "sha256:gone", because: [] };
    const entries = [
      drifted(1000, { data: unknown }),
      drifted(2000),
      drifted(3000, { system: "chat" }),
      drifted(4000, { type: "acknowledged" }),
    ];
    await store.commit([{ kind: "release", release }, ...entries.map((entry) => ({ kind: "entry", entry }) as const)]);
    const playbook = { system: "loans", authority: "act", falseAlarms: 0.001 } as Playbook;
    const { drifts } = await diaryOf({ store } as unknown as OperationContext, playbook);
    assert.deepEqual(drifts, [
      { at: 2000, release: "credit 13", because: [{ name: "rising", claim: "losses rise", since: 1940 }] },
      { at: 1000, release: "sha256:gone", because: [] },
    ]);
  });
});
