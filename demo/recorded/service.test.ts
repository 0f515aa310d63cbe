import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { type ForkedService, forkService } from "../component-service/forked-service.ts";
import { listen } from "../component-service/http-service.ts";
import type { Outcome } from "../component-service/outcome-reporter.ts";
import type { Catalogue } from "../component-service/release-catalogue.ts";
import { loadRecording } from "./recording.ts";

const SERVICE = new URL("./service.ts", import.meta.url);
const FILE = fileURLToPath(new URL("../../test/recordings/tiny.csv", import.meta.url));

describe("the replay of a recording", () => {
  const folder = mkdtempSync(join(tmpdir(), "rollbook-replay-"));
  const recording = loadRecording(FILE);
  let replay: ForkedService;
  const start = (): Promise<ForkedService> => forkService(SERVICE, ["--data", folder, "--recording", FILE]);
  const call = async (path: string, init: RequestInit = {}) => {
    const response = await fetch(replay.base + path, init);
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  };
  const ask = (slot: string, question: number) =>
    call(`/slots/${slot}/ask`, { method: "POST", body: JSON.stringify({ question }) });
  const put = async (component: string, digest: string) => {
    const { version } = (await call(`/components/${component}`)).body;
    const headers = { "if-match": `"${version}"`, "idempotency-key": `${component}-${version}`, "rollbook-fence": "1" };
    return call(`/components/${component}`, { method: "PUT", body: JSON.stringify({ digest }), headers });
  };

  before(async () => {
    replay = await start();
  });
  after(async () => {
    await replay.kill();
    rmSync(folder, { recursive: true, force: true });
  });

  it("answers what was recorded, and fails where a model meets a prompt that it was never asked in", async () => {
    const { candidate } = (await call("/releases")).body as unknown as Catalogue;
    const answer = { question: 4, model: recording.stable.name, answer: recording.stable.answers[4] };
    assert.deepEqual(await ask("live", 4), { status: 200, body: answer });
    assert.equal((await ask("live", 60)).status, 404);
    await put("model", candidate.revisions["model"]!.digest);
    const torn = await ask("live", 4);
    assert.equal(torn.status, 500);
    assert.match(String(torn.body["reason"]), /no answers of tiny-model-0601 to the prompt of tiny-model-0301/);
    await put("prompt", candidate.revisions["prompt"]!.digest);
    assert.equal((await ask("live", 4)).body["answer"], recording.candidate.answers[4]);
    assert.deepEqual((await ask("stable", 4)).body, answer);
  });

  it("serves the same after being killed", async () => {
    await replay.kill();
    replay = await start();
    assert.equal((await ask("live", 7)).body["answer"], recording.candidate.answers[7]);
  });

  it("is asked by people who judge what they are told", async () => {
    const outcomes: Outcome[] = [];
    const rollbook = await listen((call) => {
      outcomes.push(...(call.body as { outcomes: Outcome[] }).outcomes);
      return { status: 202, body: {} };
    });
    // The gateway's part here: it names the request and passes it on.
    let requests = 0;
    const gateway = await listen(async ({ body }) => {
      const { question } = body as { question: number };
      const answer = await ask("stable", question);
      return { ...answer, headers: { "rollbook-request": `r${++requests}` } };
    });
    const local = (port: number): string => `http://127.0.0.1:${port}`;
    const args = ["--gateway", local(gateway.port), "--rollbook", local(rollbook.port), "--recording", FILE];
    const asker = fork(new URL("./asker.ts", import.meta.url), [...args, "--rate", "300", "--seed", "2"], {
      execArgv: [],
    });
    for (let waited = 0; outcomes.length < 150 && waited < 5_000; waited += 50) await sleep(50);
    const gone = new Promise((resolve) => asker.once("exit", resolve));
    asker.send({ stop: true });
    await gone;
    await Promise.all([gateway.close(), rollbook.close()]);
    const share = outcomes.reduce((sum, { counts }) => sum + counts["right"]!, 0) / outcomes.length;
    assert.ok(outcomes.length >= 150 && share > 0.7 && share < 0.97, `${share} of ${outcomes.length}`);
    assert.equal(new Set(outcomes.map(({ request }) => request)).size, outcomes.length);
  });
});
