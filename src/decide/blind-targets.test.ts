import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Playbook } from "../core/playbook.ts";
import type { Guarantee, RestoreAdapter } from "../core/ports.ts";
import { blindTargets } from "./blind-targets.ts";

const playbook = {
  components: [
    { name: "model", at: "a://model", beside: "b://model", undo: "compensatable" },
    { name: "route", at: "gateway:loans", undo: "compensatable" },
  ],
} as unknown as Playbook;

const SEEN: Pick<RestoreAdapter, "seen"> = { seen: async () => ({ kind: "seen" }) };

const adapters =
  (guarantee: Guarantee, more: Partial<RestoreAdapter> = {}) =>
  () =>
    ({ name: "registry", guarantee, ...more }) as RestoreAdapter;

const found = (adapterFor: (at: string) => RestoreAdapter) =>
  blindTargets(playbook, adapterFor).map(({ component, text }) => `${component} ${text.split(" ")[0]}`);

describe("a blind target", () => {
  it("is one that refuses no late write, where nothing asks what serves; each place by itself", () => {
    assert.deepEqual(found(adapters("blind")), ["model a://model", "model b://model"]);
    assert.deepEqual(found(adapters("blind", { ...SEEN, sees: (at) => at.startsWith("a:") })), ["model b://model"]);
  });

  it("is none that is verified afterwards, or that refuses what is late", () => {
    for (const fine of [adapters("blind", SEEN), adapters("cas"), adapters("idempotent")])
      assert.deepEqual(found(fine), []);
  });

  it("is not looked for where nothing serves: others say that", () => {
    const nobody = () => {
      throw new Error("no connection serves it");
    };
    assert.deepEqual(found(nobody), []);
  });

  it("is told with what, why and what to do", () => {
    const [{ text }] = blindTargets(playbook, adapters("blind")) as readonly [{ text: string }, ...unknown[]];
    assert.match(text, /^a:\/\/model is written blindly: registry refuses no write that is late or made twice/);
    assert.match(text, /how to ask what serves, or write `authority: observe`$/);
  });
});
