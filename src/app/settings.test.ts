import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Signal } from "../core/playbook.ts";
import { aPlaybook } from "../decide/playbook.fixture.ts";
import { settingsOf } from "./settings.ts";

const disputes: Signal = {
  name: "disputes",
  kind: "share",
  part: "disputed",
  of: "payments",
  from: "events",
  better: "down",
};
const trigger = { kind: "limit", name: "more-disputes", signal: "disputes", side: "above", limit: 0.05 } as const;

describe("the patience of a rollout", () => {
  const patience = (signal: Signal, triggers = [trigger]) =>
    settingsOf({ ...aPlaybook([], { steps: [5, 50], each: 1000 }), signals: [signal], triggers }, "one").patienceMs;

  it("is four times its planned length", () => assert.equal(patience(disputes), 8000));

  it("does not run out before the outcomes are known that a trigger waits for", () => {
    assert.equal(patience({ ...disputes, labels: 864_000_000 }), 864_008_000);
    assert.equal(patience({ ...disputes, per: "user" }), 68_000);
    assert.equal(patience({ ...disputes, labels: 864_000_000 }, []), 8000);
  });
});
