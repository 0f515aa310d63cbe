import assert from "node:assert/strict";
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type ForkedService, forkService } from "../component-service/forked-service.ts";
import { type Listening, listen } from "../component-service/http-service.ts";
import type { Outcome } from "../component-service/outcome-reporter.ts";
import type { Catalogue } from "../component-service/release-catalogue.ts";

const SERVICE = new URL("./service.ts", import.meta.url);

interface Reply {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

/** A Rollbook that only takes outcomes and answers one flag. */
async function listeningRollbook(outcomes: Outcome[]): Promise<Listening> {
  return listen((call) => {
    const path = call.path.join("/");
    if (path === "ofrep/v1/evaluate/flags/fast-track") return { status: 200, body: { key: "fast-track", value: true } };
    assert.equal(call.headers.authorization, "Bearer reporter-token");
    outcomes.push(...(call.body as { outcomes: Outcome[] }).outcomes);
    return { status: 202, body: {} };
  });
}

describe("the lender", () => {
  const folder = mkdtempSync(join(tmpdir(), "rollbook-lender-"));
  const outcomes: Outcome[] = [];
  let rollbook: Listening;
  let lender: ForkedService;
  let releases: Catalogue;
  let keys = 0;

  const start = (...more: string[]): Promise<ForkedService> => {
    const address = `http://127.0.0.1:${rollbook.port}`;
    const args = ["--data", folder, "--seed", "1", "--kind", "bad", "--rollbook", address, ...more];
    return forkService(SERVICE, args, "reporter-token");
  };
  const call = async (path: string, init: RequestInit = {}): Promise<Reply> => {
    const response = await fetch(lender.base + path, init);
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  };
  const ask = (slot: string, application: number, request?: string): Promise<Reply> =>
    call(`/slots/${slot}/decide`, {
      method: "POST",
      body: JSON.stringify({ application }),
      ...(request && { headers: { "rollbook-request": request } }),
    });
  const put = async (component: string, digest: string, key = `key-${++keys}`, version?: string): Promise<Reply> => {
    const current = version ?? String((await call(`/components/${component}`)).body["version"]);
    const headers = { "if-match": `"${current}"`, "idempotency-key": key, "rollbook-fence": "1" };
    return call(`/components/${component}`, { method: "PUT", body: JSON.stringify({ digest }), headers });
  };
  const digestIn = (release: keyof Catalogue, component: string): string =>
    releases[release].revisions[component]!.digest;
  const putAll = async (release: keyof Catalogue): Promise<void> => {
    for (const name of Object.keys(releases[release].revisions))
      assert.equal((await put(name, digestIn(release, name))).status, 200);
  };

  before(async () => {
    rollbook = await listeningRollbook(outcomes);
    lender = await start();
    releases = (await call("/releases")).body as unknown as Catalogue;
  });
  after(async () => {
    await lender.kill();
    await rollbook.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it("tells its two releases, and what their models can live with", () => {
    const { model, schema, data } = releases.stable.revisions;
    assert.deepEqual(model?.accepts, { schema: [schema?.digest], data: [data?.digest] });
    for (const name of ["model", "config", "schema", "data"])
      assert.notEqual(digestIn("stable", name), digestIn("candidate", name));
  });

  it("reports each decision at once, and the end of each approved loan later", async () => {
    let approved = 0;
    for (let place = 0; place < 20; place += 1) {
      const { status, body } = await ask(place % 2 ? "stable" : "live", place, `r${place}`);
      assert.equal(status, 200);
      if (body["approved"]) approved += 1;
    }
    const count = (name: string): number => outcomes.reduce((sum, { counts }) => sum + (counts[name] ?? 0), 0);
    for (let waited = 0; count("loans") < approved && waited < 3_000; waited += 50) await sleep(50);
    assert.deepEqual([count("applications"), count("approved"), count("loans")], [20, approved, approved]);
    assert.equal((await ask("live", 1)).body["fast-track"], true);
    assert.equal((await ask("stable", 1)).body["fast-track"], undefined);
  });

  it("does not decide for people who are not there", async () => {
    assert.equal((await ask("live", 20_000)).status, 404);
    assert.equal((await ask("live", 0.5)).status, 400);
  });

  it("is broken when its model goes back and its data does not, while the stable slot works on", async () => {
    const { approved, score } = (await ask("stable", 11)).body;
    await putAll("candidate");
    assert.equal((await ask("live", 11)).body["model"], "credit-model 2");
    assert.equal((await put("model", digestIn("stable", "model"))).status, 200);
    const broken = await ask("live", 11);
    assert.equal(broken.status, 500);
    assert.match(String(broken.body["reason"]), /credit-model 1 does not know these features: it needs annual_income/);
    assert.deepEqual((await call("/probe")).body, { asked: 50, agreed: 0, failed: 50 });
    const stable = (await ask("stable", 11)).body;
    assert.deepEqual([stable["approved"], stable["score"]], [approved, score]);
    await put("data", digestIn("stable", "data"));
    assert.match(String((await ask("live", 11)).body["reason"]), /feature schema 2 cannot read feature snapshot 1/);
    await putAll("stable");
    assert.deepEqual((await call("/probe")).body, { asked: 50, agreed: 50, failed: 0 });
    const live = (await ask("live", 11)).body;
    assert.deepEqual([live["approved"], live["score"]], [approved, score]);
  });

  it("goes on where it was after being killed in the middle of a write", async () => {
    await putAll("candidate");
    await lender.kill();
    const { base } = lender;
    lender = await start("--slow-apply", "60");
    assert.equal(lender.base, base);
    const version = String((await call("/components/schema")).body["version"]);
    const digest = digestIn("stable", "schema");
    const lost = put("schema", digest, "killed", version);
    lost.catch(() => undefined);
    for (let waited = 0; waited < 3_000; waited += 10) {
      if ((await call("/components/schema")).body["digest"] === digest) break;
      await sleep(10);
    }
    await lender.kill();
    await assert.rejects(lost);
    lender = await start();
    assert.equal((await call("/components/schema")).body["digest"], digest);
    assert.equal((await call("/components/model")).body["digest"], digestIn("candidate", "model"));
    assert.equal((await put("schema", digest, "killed", version)).body["already"], true);
    await putAll("stable");
    assert.equal((await ask("live", 3)).status, 200);
  });

  it("is asked by borrowers at their own pace", async () => {
    const gateway = `${lender.base}/slots/live`;
    const file = new URL("./borrowers.ts", import.meta.url);
    const borrowers: ChildProcess = fork(file, ["--gateway", gateway, "--rate", "600", "--seed", "1"], {
      execArgv: [],
    });
    let state = { sent: 0, answered: 0, failed: 0 };
    borrowers.on("message", (message) => {
      if (typeof message === "object" && "answered" in message) state = message as unknown as typeof state;
    });
    for (let waited = 0; state.answered < 200 && waited < 5_000; waited += 50) await sleep(50);
    const gone = once(borrowers, "exit");
    borrowers.send({ stop: true });
    assert.deepEqual((await gone)[0], 0);
    assert.ok(state.answered >= 200 && state.failed === 0, JSON.stringify(state));
  });

  it("does not open a folder of another seed", async () => {
    const args = ["--data", folder, "--seed", "2", "--kind", "bad", "--rollbook", "http://127.0.0.1:9"];
    await assert.rejects(forkService(SERVICE, args), /belongs to lending, seed 1, bad/);
  });
});
