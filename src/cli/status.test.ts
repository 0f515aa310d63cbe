import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { statusText } from "./actions/status.ts";
import type { Status } from "./systems.ts";

const HOUR = 3_600_000;
const status: Status = {
  system: "loans",
  owner: "credit-risk",
  risk: "high",
  authority: "act",
  playbook: "sha256:0",
  sources: {},
  rollouts: [],
};

describe("the status between releases", () => {
  test("says what is watched for drift, and since when nothing was found", () => {
    const text = statusText({ ...status, drift: { since: 0, watched: ["rising", "slow"] } }, 2 * HOUR);
    assert.match(text, /drift +none since 2 h 0 min: rising, slow/);
    assert.doesNotMatch(statusText({ ...status, drift: { since: 0, watched: [] } }, HOUR), /drift/);
    assert.doesNotMatch(statusText(status, HOUR), /drift/);
  });

  test("shows what people were told, until somebody acknowledges it", () => {
    const told = { at: 5 * HOUR, because: [{ name: "rising", since: 4 * HOUR }] };
    const text = statusText({ ...status, drift: { since: 0, watched: ["rising"], told } }, 6 * HOUR);
    assert.match(text, /DRIFT +rising since about 2 h 0 min ago; told 1 h 0 min ago, see `rollbook acknowledge`/);
  });
});
