import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import type { RolloutEvent } from "../control/ports.ts";
import { canonicalJson, digestOf } from "../core/digest.ts";
import type { Route } from "../core/entry.ts";
import { defineRelease, type Release } from "../core/release.ts";
import { defineFlag } from "../traffic/flags/flag-book.ts";
import { chatPlaybook } from "./chat.fixture.ts";
import { type Rollbook, type RollbookConfig, startRollbook } from "./rollbook.ts";

const flag = (variant: "on" | "off") => defineFlag("polite", { on: true, off: false }, variant);
const releaseWith = (variant: "on" | "off"): Release =>
  defineRelease("chat", `polite ${variant}`, {
    flag: { digest: flag(variant).digest, label: `polite ${variant}` },
  });

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "rollbook-app-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, "data");
}

function start(folder: string, more: Partial<RollbookConfig> = {}): Promise<Rollbook> {
  return startRollbook({
    folder,
    ledgerName: "chat",
    apiPort: 0,
    flags: [flag("off")],
    settings: { tickMs: 5, baselineMs: 10, proofMs: 50 },
    ...more,
  });
}

const NOWHERE = "http://127.0.0.1:9";
const protect = async (rollbook: Rollbook, gatewayPort = 0) => {
  const upstreams = { stable: NOWHERE, candidate: NOWHERE };
  const { edge, control } = await rollbook.protect(chatPlaybook(), { upstreams, gatewayPort });
  return { gateway: edge.gateway ?? "", moved: edge.moved, control: control() };
};

function filesIn(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

async function polite(rollbook: Rollbook): Promise<unknown> {
  const answer = await fetch(`${rollbook.url}/ofrep/v1/evaluate/flags/polite`, { method: "POST" });
  return ((await answer.json()) as { value: unknown }).value;
}

describe("a Rollbook", () => {
  test("refuses a data folder that another one uses, and takes it when that one has ended", async (t) => {
    const folder = folderOf(t);
    const first = await start(folder);
    await assert.rejects(start(folder), { code: "DATA_FOLDER_IN_USE" });
    assert.equal((await fetch(`${first.url}/healthz`)).status, 200);
    await first.stop();
    await (await start(folder)).stop();
  });

  test("takes other ports when its own are taken, and says so", async (t) => {
    const taken = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => taken.once("listening", resolve));
    t.after(() => taken.close());
    const { port } = taken.address() as AddressInfo;
    const rollbook = await start(folderOf(t), { apiPort: port });
    t.after(() => rollbook.stop());
    assert.equal(rollbook.moved, true);
    assert.doesNotMatch(rollbook.url, new RegExp(`:${port}$`));
    assert.equal((await fetch(`${rollbook.url}/healthz`)).status, 200);
    const { gateway, moved } = await protect(rollbook, port);
    assert.equal(moved, true);
    assert.doesNotMatch(gateway, new RegExp(`:${port}$`));
  });

  test("leaves nothing open when it cannot start", async (t) => {
    const folder = folderOf(t);
    await assert.rejects(start(folder, { apiPort: 70_000 }), RangeError);
    await (await start(folder)).stop();
  });

  test("keeps everything to its owner, and of a token only the hash", async (t) => {
    const folder = folderOf(t);
    const rollbook = await start(folder);
    const secret = await rollbook.issueToken("admin", "first");
    const lift = (token: string) =>
      fetch(`${rollbook.url}/v1/quarantine/${digestOf("x")}/lift`, {
        method: "POST",
        headers: { authorization: `Bearer ${token}` },
      });
    await protect(rollbook);
    assert.equal((await lift(secret)).status, 404);
    assert.equal((await lift(`${secret}x`)).status, 401);
    assert.equal(statSync(folder).mode & 0o777, 0o700);
    for (const file of filesIn(folder)) {
      assert.equal(statSync(file).mode & 0o077, 0, `${file} is open to others`);
      assert.equal(readFileSync(file).includes(secret.slice(4)), false, `${file} holds the secret`);
    }
    await rollbook.stop();
    for (const file of filesIn(folder)) assert.equal(readFileSync(file).includes(secret.slice(4)), false);
  });

  test("serves the page, and before a system is protected says so", async (t) => {
    const rollbook = await start(folderOf(t));
    t.after(() => rollbook.stop());
    for (const [path, type] of [
      ["/", "text/html"],
      ["/page.js", "text/javascript"],
      ["/chart.js", "text/javascript"],
      ["/style.css", "text/css"],
      ["/icon.svg", "image/svg+xml"],
    ] as const) {
      assert.match(
        (await fetch(rollbook.url + path)).headers.get("content-type") ?? "",
        new RegExp(`^${type.replace("+", "\\+")}`),
      );
    }
    assert.equal((await fetch(`${rollbook.url}/v1/status`)).status, 503);
    await protect(rollbook);
    const status = (await (await fetch(`${rollbook.url}/v1/status`)).json()) as { system: string };
    assert.equal(status.system, "chat");
  });
});

describe("a rollout", () => {
  test("that was cut off has a share in the record and none in fact, and status says which", async (t) => {
    const folder = folderOf(t);
    const seen: RolloutEvent[] = [];
    const rollbook = await start(folder, { onEvent: (event) => void seen.push(event) });
    const { control } = await protect(rollbook);
    await control.adopt(releaseWith("off"));
    await control.release(releaseWith("on"));
    while (!seen.some(({ kind }) => kind === "exposed")) await new Promise((resolve) => setTimeout(resolve, 5));
    const statusOf = async ({ url }: Rollbook) => {
      const { route, served } = (await (await fetch(`${url}/v1/status`)).json()) as Record<string, Route | undefined>;
      return [route?.candidatePpm, served?.candidatePpm];
    };
    assert.deepEqual(await statusOf(rollbook), [500_000, 500_000]);
    await rollbook.stop();
    const again = await start(folder);
    t.after(() => again.stop());
    await protect(again);
    assert.deepEqual(await statusOf(again), [500_000, 0]);
  });

  test("goes out, is called back by a person and leaves a verified ledger; flags and route outlast a restart", async (t) => {
    const folder = folderOf(t);
    const seen: RolloutEvent[] = [];
    const told: string[] = [];
    const rollbook = await start(folder, {
      onEvent: (event) => void seen.push(event),
      notifier: { notify: async (_, subject) => void told.push(subject) },
    });
    const { control } = await protect(rollbook);
    await control.adopt(releaseWith("off"));
    await assert.rejects(control.release(releaseWith("off")), { code: "RELEASE_REFUSED" });
    const rollout = await control.release(releaseWith("on"));
    while (!seen.some(({ kind }) => kind === "exposed")) await new Promise((resolve) => setTimeout(resolve, 5));
    assert.equal(await polite(rollbook), true);
    await control.pullCord(rollout.id, "test", "enough");
    const ended = await control.ended(rollout.id);
    assert.equal(ended.rollback?.outcome, "unverified");
    assert.equal(await polite(rollbook), false);
    const report = await control.report(rollout.id);
    assert.deepEqual(
      [report.outcome, report.ledger.verified, report.route.candidatePercent],
      ["rolled-back-unverified", true, 0],
    );
    assert.equal(told.length, 1);
    await assert.rejects(control.release(releaseWith("on")), /quarantine/);
    const verified = (await (await fetch(`${rollbook.url}/v1/ledger/verify`)).json()) as { kind: string };
    assert.equal(verified.kind, "verified");
    const before = canonicalJson((await rollbook.store.route("chat")) as never);
    await rollbook.stop();

    const again = await start(folder, { flags: [flag("on")] });
    t.after(() => again.stop());
    const restarted = await protect(again);
    assert.equal(await polite(again), false, "what was kept wins over what a new folder would begin with");
    assert.equal(canonicalJson((await again.store.route("chat")) as never), before);
    assert.equal(await restarted.control.resume(), undefined);
    const status = (await (await fetch(`${again.url}/v1/status`)).json()) as { rollouts: readonly object[] };
    assert.equal(status.rollouts.length, 1);
  });
});
