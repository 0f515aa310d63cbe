import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { type Rollbook, startRollbook } from "../app/rollbook.ts";
import { digestOfJson } from "../core/digest.ts";
import type { Playbook } from "../core/playbook.ts";
import type { FlagState } from "../core/ports.ts";
import { runLine } from "./run-line.fixture.ts";

const folder = mkdtempSync(join(tmpdir(), "rollbook-live-"));
after(() => rmSync(folder, { recursive: true, force: true }));

const variants = { v1: "prompt one", v2: "prompt two", v3: "prompt three" };
const flag = (key: string): FlagState => ({
  key,
  variant: "v1",
  variants,
  digest: digestOfJson({ key, variant: "v1", variants }),
});

/** A playbook whose one component is a flag of Rollbook's own, so that no other program has to run. */
const playbookOf = (system: string, authority: Playbook["authority"]): Playbook => ({
  digest: digestOfJson(system),
  system,
  owner: "support",
  risk: "low",
  authority,
  components: [{ name: "prompt", at: `flags://${system}-prompt`, undo: "compensatable" }],
  signals: [{ name: "errors", kind: "share", part: "failed", of: "requests", from: "events", better: "down" }],
  triggers: [{ kind: "limit", name: "failing", signal: "errors", side: "above", limit: 0.2 }],
  hardLimits: [],
  falseAlarms: 0.001,
  how: { steps: [50], each: 3_600_000, holdback: 5, contain: "stable", within: 60_000 },
  fixed: { criteria: [{ kind: "below", signal: "errors", limit: 0.1 }], for: 1000 },
  who: { now: [] },
});

describe("the command line beside two running systems", () => {
  let running: Rollbook;
  let token = "";
  const ask = (...args: string[]) => runLine(args, { server: running.url, token });
  const json = async (...args: string[]) => JSON.parse((await ask(...args, "--json")).out);
  const until = async (system: string, wanted: RegExp) => {
    for (let tries = 0; tries < 400; tries++) {
      const { out } = await ask("status", "--system", system);
      if (wanted.test(out)) return out;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    return assert.fail(`never ${wanted}`);
  };

  before(async () => {
    running = await startRollbook({
      folder: join(folder, "data"),
      ledgerName: "live",
      apiPort: 0,
      flags: [flag("chat-prompt"), flag("search-prompt")],
      settings: { tickMs: 5, baselineMs: 10, proofMs: 50 },
    });
    token = await running.issueToken("admin", "a");
    const upstreams = { stable: "http://127.0.0.1:9", candidate: "http://127.0.0.1:9" };
    await running.protect(playbookOf("chat", "act"), { upstreams });
    await running.protect(playbookOf("search", "observe"), { upstreams });
  });
  after(() => running.stop());

  test("asks which of two systems is meant, where it matters", async () => {
    for (const args of [
      ["live"],
      ["adopt"],
      ["rollback", "--reason", "x"],
      ["report"],
      ["release", "prompt=v2"],
      ["weight", "5"],
      ["acknowledge", "--reason", "x"],
    ]) {
      const { exit, say } = await ask(...args);
      assert.equal(exit, 2, args.join(" "));
      assert.match(say, /protects chat, search: name one with --system/);
    }
    const { out } = await ask("status");
    assert.match(out, /^chat .*\n[\s\S]*\n\nsearch /);
    assert.deepEqual(
      (await json("status")).map(({ system }: { system: string }) => system),
      ["chat", "search"],
    );
    assert.equal((await json("status", "--system", "search")).system, "search");
  });

  test("says before there is a restore point what is missing, and adopts", async () => {
    const ill = await ask("doctor");
    assert.equal(ill.exit, 6);
    assert.match(ill.out, /^chat\n/);
    assert.match(ill.out, /ERROR {4}restore point .*\n.*to do: Run `rollbook adopt`/);
    assert.match(ill.say, /\d+ fine, \d+ warnings, \d+ errors/);
    assert.equal((await json("doctor")).ok, false);
    for (const system of ["chat", "search"]) {
      const { exit, out } = await ask("adopt", "--system", system);
      assert.deepEqual([exit, /the way back leads to sha256:/.test(out)], [0, true]);
    }
    const drift = await ask("acknowledge", "--system", "chat", "--reason", "a campaign");
    assert.equal(drift.exit, 2);
    assert.match(drift.say, /no drift of chat that was told/);
    const { exit, out } = await ask("live", "--system", "chat");
    assert.equal(exit, 0);
    assert.match(out, /^prompt {2}flags:\/\/chat-prompt {2}chat-prompt v1 \([0-9a-f]{12}\)$/);
  });

  test("plans and releases by what people call a revision, and refuses what there is not", async () => {
    const planned = await ask("plan", "prompt=v2", "--system", "chat");
    assert.equal(planned.exit, 0, planned.say);
    assert.match(planned.out, /prompt -> chat-prompt v2/);
    const refused = await ask("release", "prompt=v9", "--system", "chat");
    assert.equal(refused.exit, 10);
    assert.match(refused.say, /has no variant v9/);
    assert.match((await ask("release", "modle=1", "--system", "chat")).say, /no component modle/);
  });

  test("steers the running rollout, and watch ends with its outcome", async () => {
    const { id } = await json("release", "prompt=v2", "--label", "prompt two", "--system", "chat");
    await until("chat", /progressing/);
    const watching = runLine(["watch", "--system", "chat"], { server: running.url });
    const asData = runLine(["watch", id, "--json"], { server: running.url });
    assert.equal((await ask("pause", "--system", "chat", "--reason", "lunch")).exit, 0);
    await until("chat", /paused/);
    assert.equal((await ask("resume", "--system", "chat")).exit, 0);
    await until("chat", /progressing/);
    assert.match((await ask("explain", id)).out, new RegExp(`^${id}: `));
    const early = await ask("promote", "--system", "chat", "--reason", "no data yet");
    assert.ok([0, 10].includes(early.exit), early.say);
    assert.equal((await ask("abort", id, "--reason", "the wrong prompt")).exit, 0);
    const { exit, out, say } = await watching;
    assert.equal(exit, 20);
    assert.match(out, /^\d\d:\d\d:\d\dZ {2}exposed +50 % .*50 % of traffic goes to prompt two/m);
    assert.match(say, /^chat: rolled-back-unverified because of /);
    const lines = (await asData).out.split("\n").map((line) => JSON.parse(line));
    assert.deepEqual(lines.at(-1), {
      kind: "outcome",
      rollout: id,
      outcome: "rolled-back-unverified",
      because: lines.at(-1).because,
      exit: 20,
    });
    assert.ok(lines.some(({ kind }) => kind === "contained"));
    // It has ended: watching it again replays it, and who waits for the next one is shown nothing of it.
    assert.equal((await ask("watch", id)).exit, 20);
    const patience = AbortSignal.timeout(100);
    const waiting = await runLine(["watch"], { server: running.url, signal: patience });
    assert.deepEqual([waiting.exit, waiting.out], [130, ""]);
  });

  test("says that nothing can be taken back, when nothing was promoted", async () => {
    const { exit, say } = await ask("rollback", "--system", "chat", "--reason", "x");
    assert.equal(exit, 2);
    assert.match(say, /no release that was promoted and could be taken back/);
  });

  test("knows releases by the beginning of their digest", async () => {
    const candidate = (await json("status", "--system", "chat")).rollouts[0].candidate as string;
    const short = candidate.slice(7, 19);
    assert.equal((await ask("quarantine", short, "--reason", "leaked data")).exit, 0);
    assert.equal((await ask("release", "prompt=v2", "--system", "chat")).exit, 10);
    assert.match((await ask("lift", short, "--dry-run")).out, /leaked data/);
    assert.equal((await ask("lift", short)).exit, 0);
    assert.match((await ask("lift", "0123456789ab")).say, /no release that begins with/);
  });

  test("watches what is only observed, and makes the page for those who decide", async () => {
    const empty = await ask("observe", "report", "--system", "search");
    assert.match(empty.out, /No release was seen/);
    const { id } = await json("release", "prompt=v2", "--system", "search");
    await until("search", /progressing/);
    assert.equal((await ask("weight", "7.5%", "--system", "search")).exit, 0);
    const { out } = await ask("status", "--system", "search");
    assert.ok(out.includes(digestOfJson("search")), "a printed runbook is compared with it");
    assert.match(out, /92\.5 % stable, 7\.5 % candidate/);
    const page = await ask("observe", "report", "--system", "search", "--markdown", "--since", "1d");
    assert.match(
      page.out,
      /^# What Rollbook would have done: search\n\nFrom .* watched 1 release and changed nothing\./,
    );
    assert.match(page.out, /\| search-prompt v2 \| /);
    assert.equal((await json("observe", "report", "--system", "search")).releases, 1);
    assert.equal((await json("observe", "report", "--system", "search", "--since", "2999-01-01")).releases, 0);
    const nothing = /only observes: this is written into the diary, and nothing else is done/;
    assert.match((await ask("rollback", id, "--dry-run")).say, nothing);
    const back = await ask("rollback", id, "--reason", "enough");
    assert.equal(back.exit, 0);
    assert.match(back.say, nothing);
    assert.doesNotMatch(back.say, /Containment/);
  });

  test("sends outcomes in batches, and names the line of each that is not taken", async () => {
    const lines = [
      '{"request":"nonsense","counts":{"failed":1}}',
      "not json",
      "",
      '{"request":"nonsense","counts":{"failed":-1}}',
      '{"request":"x","counts":{"failed":1}}',
    ];
    const path = join(folder, "outcomes.jsonl");
    writeFileSync(path, lines.join("\r\n"));
    const { exit, out, say } = await ask("outcomes", path);
    assert.equal(exit, 6);
    assert.equal(out, "0 accepted, 4 rejected");
    for (const line of [1, 2, 4, 5]) assert.match(say, new RegExp(`^line ${line}: `, "m"));
    const piped = await runLine(["outcomes", "-", "--json"], { server: running.url, token, stdin: lines });
    assert.deepEqual(
      JSON.parse(piped.out)
        .flaws.map(({ line }: { line: number }) => line)
        .sort(),
      [1, 2, 4, 5],
    );
    assert.equal((await ask("outcomes", join(folder, "none.jsonl"))).exit, 2);
  });

  test("makes receipts that are checked without a server", async () => {
    const listed = await ask("ledger", "entries", "--limit", "3");
    assert.match(listed.out, /^0 {2}\d{4}-.* {2}chat +restore-point/);
    assert.equal(listed.out.split("\n").length, 3);
    await running.ledger.checkpoint();
    const receipt = join(folder, "receipt.json");
    writeFileSync(receipt, (await ask("ledger", "receipt", "1")).out);
    const pub = join(folder, "ledger.pub");
    writeFileSync(pub, (await runLine(["ledger", "key", join(folder, "data", "ledger.key")])).out);
    assert.match(readFileSync(pub, "utf8"), /^-----BEGIN PUBLIC KEY/);
    const good = await runLine(["ledger", "check", receipt, "--key", pub]);
    assert.deepEqual(
      [good.exit, /^verified: entry 1 of \d+ in rollbook\.dev\/ledger\/live$/.test(good.out)],
      [0, true],
    );
    assert.equal((await runLine(["ledger", "check", receipt, "--key", pub, "--origin", "other"])).exit, 30);
    writeFileSync(receipt, readFileSync(receipt, "utf8").replace(/rollbook/, "rollbock"));
    const bad = await runLine(["ledger", "check", receipt, "--key", pub]);
    assert.equal(bad.exit, 30);
    assert.match(bad.out, /^BROKEN: /);
    assert.equal((await runLine(["ledger", "check", receipt, "--key", receipt])).exit, 2);
  });

  test("exports the ledger with the counts of its decisions, which anybody recomputes offline", async () => {
    const { id } = await json("release", "prompt=v2", "--label", "prompt three", "--system", "chat");
    await until("chat", /progressing/);
    const { counter, edge } = running.systems.get("chat")!;
    const { candidate } = edge.traffic.current("chat")!;
    // From the next second on: what is counted in the second of the exposure itself may be of before it.
    const second = Math.floor(Date.now() / 1000) + 1;
    const counts = { requests: 40, failed: 39 };
    assert.equal(counter.reportArm({ release: candidate!, second, key: "offline-1", counts }).kind, "counted");
    assert.equal((await runLine(["watch", id], { server: running.url })).exit, 20);
    const file = join(folder, "ledger.jsonl");
    const pub = join(folder, "ledger.pub");
    const exported = await ask("ledger", "export");
    assert.equal(exported.exit, 0, exported.say);
    writeFileSync(file, exported.out);
    const explain = (...more: string[]) => runLine(["explain", "--ledger", file, ...more]);
    const good = await explain("--key", pub);
    assert.equal(good.exit, 0, good.out);
    assert.match(good.out, new RegExp(`^${id}: harmful\n {2}It went back, judged at `));
    assert.match(good.out, /candidate: 39 bad of 40/);
    assert.match(good.out, /the same, bit for bit\.\n {2}Its \d+ entries are what was signed\.$/);
    assert.equal(JSON.parse((await explain(id, "--json")).out).recomputed, "same");
    assert.match((await explain()).out, /Its signature was not checked/);
    assert.equal((await explain("no-such-rollout")).exit, 2);
    writeFileSync(file, exported.out.replace("[0,40,39]", "[0,40,38]"));
    assert.deepEqual([(await explain()).exit, /THE COUNTS ARE NOT THOSE/.test((await explain()).out)], [30, true]);
    writeFileSync(file, exported.out.replace('\\"alpha\\":0.001', '\\"alpha\\":0.5'));
    assert.match((await explain("--key", pub)).out, /^BROKEN: the first \d+ entries have another root than signed/);
    writeFileSync(file, "no ledger\n");
    assert.match((await explain()).say, /line 1 is none of `rollbook ledger export`/);
  });
});

describe("the live stream", () => {
  test("is taken up again when it breaks, shows each event once, and ends with the outcome", async (t) => {
    const rollout = { id: "rollout-1", system: "chat", phase: "progressing" };
    const event = (text: string, more = {}) => ({ kind: "judged", at: 0, text, rollout: { ...rollout, ...more } });
    let connections = 0;
    const server = createServer((request, response) => {
      const say = (body: object) =>
        void response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(body));
      if (request.url?.endsWith("/report")) return say({ outcome: "promoted", system: "chat", because: [] });
      connections++;
      if (connections === 2) return void response.destroy();
      response.writeHead(200, { "content-type": "text/event-stream" });
      const events = [
        event("one"),
        event("two"),
        ...(connections > 1 ? [event("three"), event("four", { endedAt: 1 })] : []),
      ];
      response.write("retry: 10\n\n");
      for (const one of events) response.write(`id: 1\ndata: ${JSON.stringify(one)}\n\n`);
      if (connections === 1) setTimeout(() => response.destroy(), 20);
      return undefined;
    }).listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    t.after(() => {
      server.closeAllConnections();
      server.close();
    });
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const { exit, out, say } = await runLine(["watch", "rollout-1"], { server: url });
    assert.deepEqual([exit, connections], [0, 3]);
    assert.deepEqual(
      out.split("\n").map((line) => line.split(/ +/).at(-1)),
      ["one", "two", "three", "four"],
    );
    assert.match(say, /connection is lost .*\nconnected again\nchat: promoted/);
  });

  test("ends with 130 when a person interrupts it", async (t) => {
    const server = createServer((request, response) => {
      if (request.url === "/v1/systems") response.writeHead(200).end("[]");
      else response.writeHead(200, { "content-type": "text/event-stream" }).write("retry: 1\n\n");
    }).listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    t.after(() => {
      server.closeAllConnections();
      server.close();
    });
    const person = new AbortController();
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const watching = runLine(["watch"], { server: url, signal: person.signal });
    setTimeout(() => person.abort("interrupted"), 50);
    assert.equal((await watching).exit, 130);
  });
});

test("a reader that closes the pipe early is no crash, and colour is only for people", async () => {
  const main = fileURLToPath(new URL("main.ts", import.meta.url));
  const child = spawn(process.execPath, [main, "--help"], { stdio: ["ignore", "pipe", "pipe"] });
  child.stdout.destroy();
  const errors: Buffer[] = [];
  child.stderr.on("data", (chunk: Buffer) => errors.push(chunk));
  const exit = await new Promise((resolve) => child.once("close", resolve));
  assert.deepEqual([exit, Buffer.concat(errors).toString()], [0, ""]);
});
