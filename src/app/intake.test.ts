import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { bucketOf } from "../core/cells.ts";
import { digestOf } from "../core/digest.ts";
import type { Playbook } from "../core/playbook.ts";
import { chatPlaybook } from "./chat.fixture.ts";
import { startRollbook } from "./rollbook.ts";

function playbook(): Playbook {
  const chat = chatPlaybook();
  const reported = { of: "chats", from: "events", better: "up" } as const;
  return {
    ...chat,
    signals: [
      ...chat.signals,
      { ...reported, name: "happy", kind: "share", part: "happy", per: "session" },
      { ...reported, name: "mood", kind: "mean", part: "sentiment", range: [-1, 1] },
      { ...reported, name: "latency", kind: "time", part: "took", unit: "milliseconds", better: "down" },
    ],
    triggers: [
      ...chat.triggers,
      { kind: "differ", name: "unfair", signal: "happy", across: "age", by: { kind: "points", value: 0.1 } },
    ],
  };
}

async function rollbookWith(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), "rollbook-intake-"));
  const rollbook = await startRollbook({ folder: join(folder, "data"), ledgerName: "chat", apiPort: 0, flags: [] });
  t.after(async () => {
    await rollbook.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  const { counter } = await rollbook.protect(playbook(), {
    upstreams: { stable: "http://127.0.0.1:9", candidate: "http://127.0.0.1:9" },
  });
  const release = digestOf("candidate");
  counter.know(release);
  const token = await rollbook.issueToken("reporter", "tests");
  const post = async (path: string, body: object) => {
    const answer = await fetch(`${rollbook.url}${path}`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}` },
      body: JSON.stringify(body),
    });
    assert.equal(answer.status, 200, path);
    return (await answer.json()) as object;
  };
  return { counter, release, post };
}

test("reports and counts of edge nodes come in over HTTP and out of one drain, for the playbook's signals and groups", async (t) => {
  const { counter, release, post } = await rollbookWith(t);
  const second = Math.floor(Date.now() / 1000) - 1;
  const arm = { system: "chat", release, second, key: "worker:1" };
  const numbers = { counts: { chats: 2, happy: 1 }, values: { sentiment: [0, 0], took: [250] } };
  const outcome = { ...arm, ...numbers, groups: { age: "65+" }, unit: { session: "s-1" } };
  const strange = { ...outcome, key: "worker:2", groups: { age: "sixty five" }, unit: "s-2" };
  const outcomes = [outcome, strange, { ...arm, key: "worker:3", values: { sentiment: [-7] } }];
  assert.deepEqual(await post("/v1/outcomes", { outcomes }), {
    accepted: 2,
    rejected: 1,
    otherGroups: 1,
    flaws: [{ index: 2, reason: "sentiment is -7, outside of -1 to 1, the range of mood" }],
  });
  const bucket = second * 1000;
  const block = { node: "edge-1", sequence: 1, bucket, signal: "happy", release, n: 10, k: 9 };
  const samples = [block, block, { ...block, signal: "errors", k: 11 }];
  assert.deepEqual(await post("/v1/samples", { samples }), {
    new: 1,
    duplicate: 1,
    rejected: 1,
    otherGroups: 0,
    flaws: [{ index: 2, reason: "k is 11 of n 10, which cannot be" }],
  });
  const drained = counter.drain();
  assert.ok(drained.every(({ known = 0 }) => known >= bucket && known <= Date.now()));
  assert.deepEqual(
    drained.map(({ signal, group, n, k, cells }) => [signal, group, n, k, cells]),
    [
      ["happy", undefined, 12, 9, undefined],
      ["happy", "age=65+", 1, 0, undefined],
      ["mood", undefined, 4, 0, [[8, 4]]],
      ["latency", undefined, 2, 0, [[bucketOf(0.25), 2]]],
      ["happy", "age=other", 1, 0, undefined],
    ],
  );
});
