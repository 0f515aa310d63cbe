import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Undo } from "../core/playbook.ts";
import type { RestoreAdapter } from "../core/ports.ts";
import { undeclaredUndo, withDeclaredUndo } from "./declared-undo.ts";
import { aPlaybook } from "./playbook.fixture.ts";

/** What the adapter of each address declares; where there is none nothing serves it. */
const declares = (undos: Readonly<Record<string, Undo | "nothing">>) => (at: string) => {
  const said = undos[at];
  if (said === undefined) throw new Error(`no connection serves ${at}`);
  return { name: "registry", undo: () => (said === "nothing" ? undefined : said) } as unknown as RestoreAdapter;
};
const route = { name: "route", at: "gateway://loans" };
const classes = (...given: Parameters<typeof withDeclaredUndo>) =>
  withDeclaredUndo(...given).components.map(({ name, undo }) => `${name} ${undo}`);

describe("what a change of a component is", () => {
  it("is what the playbook says, else what its connection declares", () => {
    const playbook = aPlaybook([{ name: "model", at: "a://m" }, { name: "data", at: "a://d", undo: "pivot" }, route]);
    const adapterFor = declares({ "a://m": "retriable", "a://d": "compensatable" });
    assert.deepEqual(classes(playbook, adapterFor), ["model retriable", "data pivot", "route undefined"]);
    assert.deepEqual(undeclaredUndo(playbook, adapterFor), []);
  });

  it("is the one that can be undone less, of two places that differ", () => {
    const playbook = aPlaybook([{ name: "model", at: "a://m", beside: "b://m" }]);
    assert.deepEqual(classes(playbook, declares({ "a://m": "compensatable", "b://m": "pivot" })), ["model pivot"]);
  });

  it("stays unknown where one of its places declares nothing, and is named with what to write", () => {
    const playbook = aPlaybook([{ name: "model", at: "a://m", beside: "b://m" }]);
    const adapterFor = declares({ "a://m": "compensatable", "b://m": "nothing" });
    assert.deepEqual(classes(playbook, adapterFor), ["model undefined"]);
    const [{ component, text }] = undeclaredUndo(playbook, adapterFor) as [{ component: string; text: string }];
    assert.equal(component, "model");
    assert.match(
      text,
      /^whether a change of model at b:\/\/m can be undone is not known: the connection registry cannot tell/,
    );
    assert.match(text, /undo: redeploy/);
  });

  it("is not asked where nothing serves: others say that", () => {
    assert.deepEqual(undeclaredUndo(aPlaybook([{ name: "model", at: "a://m" }]), declares({})), []);
  });
});
