import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { digestOf } from "../core/digest.ts";
import type { Rollout } from "../core/rollout.ts";
import type { Diagnosis } from "../operations/diagnosis.ts";
import { openLocalVault } from "./local-vault.ts";
import { type Serving, serveFolder } from "./serve-folder.ts";

const playbook = (claim = "rises, by: 50%", authority = "act") => `rollbook: v1
system: support-bot
owner: support
risk: low
authority: ${authority}
traffic: 1000 chats/s
what:
  prompt: { at: vault://prompt-a, beside: vault://prompt-b }
  route: flags://support-prompt
signals: { escalations: { share: escalated, of: chats, from: events, better: down } }
when: { more-escalations: { escalations: ${claim} } }
how: { release: { canary: [20, 50, 90], each: 10m, holdback: 10% for 5s } }
fixed: { escalations: { within: 100% }, for: 5m }
`;

const connections = `rollbook: connections/v1
port: 0
connections:
  vault: { components: { prompt-a: { path: a.txt }, prompt-b: { path: b.txt } } }
`;

/** A folder with one system whose prompt 1 is in the vault and in both places. */
async function folderOf(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), "rollbook-serve-"));
  const running = new Set<Serving>();
  t.after(async () => {
    for (const serving of running) await serving.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  const write = (name: string, text: string) => writeFileSync(join(folder, name), text);
  write("connections.yaml", connections);
  write("support.yaml", playbook());
  for (const name of ["a.txt", "b.txt"]) write(name, "Ask for the order number.");
  await (await openLocalVault(folder)).put("prompt 1", join(folder, "a.txt"));
  const said: string[] = [];
  const serve = async () => {
    const serving = await serveFolder({ folder, secretOf: () => undefined, say: (text) => said.push(text) });
    running.add(serving);
    return serving;
  };
  const heard = async (text: RegExp) => {
    for (const began = Date.now(); Date.now() - began < 8000; await sleep(20)) {
      const line = said.find((one) => text.test(one));
      if (line !== undefined) return line;
    }
    return assert.fail(`nobody said ${text}:\n${said.join("\n")}`);
  };
  return {
    folder,
    write,
    said,
    heard,
    serve,
    stop: async (serving: Serving) => {
      running.delete(serving);
      await serving.stop();
    },
  };
}

describe("serving a folder", () => {
  test("ends also while nothing answers that could be a restore point", async (t) => {
    const { serve, stop, heard, folder } = await folderOf(t);
    rmSync(join(folder, "a.txt"));
    const serving = await serve();
    await heard(/no restore point yet/);
    await stop(serving);
    const timers = () => process.getActiveResourcesInfo().filter((one) => one === "Timeout").length;
    for (const began = Date.now(); timers() > 1 && Date.now() - began < 3000; ) await sleep(20);
    assert.ok(timers() <= 1, "something waits on");
  });

  test("what is counted before there is a restore point is let go, and does not pile up", async (t) => {
    const { serve, heard, folder } = await folderOf(t);
    rmSync(join(folder, "a.txt"));
    const { rollbook } = await serve();
    await heard(/no restore point yet/);
    const { counter } = rollbook.systems.get("support-bot")!;
    const release = digestOf("prompt 1");
    counter.know(release);
    const counts = { chats: 10, escalated: 1 };
    const report = { release, second: Math.floor(Date.now() / 1000), key: "worker-1:1", counts };
    assert.deepEqual(counter.reportArm(report), { kind: "counted" });
    await sleep(1300);
    assert.deepEqual(counter.drain(), []);
  });

  test("a release flag says the name of the release that serves", async (t) => {
    const { serve, heard } = await folderOf(t);
    const { rollbook } = await serve();
    await heard(/the way back leads to prompt 1/);
    const answer = await fetch(`${rollbook.url}/ofrep/v1/evaluate/flags/support-prompt`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ context: { targetingKey: "customer-7" } }),
    });
    assert.equal(((await answer.json()) as { value: string }).value, "prompt 1");
  });

  test("an edit that is not valid is said with its place, and the last good playbook stays, over a restart too", async (t) => {
    const { serve, stop, heard, write, said } = await folderOf(t);
    const first = await serve();
    await heard(/the way back leads to prompt 1/);
    const { digest } = first.rollbook.systems.get("support-bot")!.playbook();
    write("support.yaml", playbook("explodes, by: 50%"));
    assert.match(await heard(/explodes/), /support\.yaml:11:42/);
    await stop(first);
    said.length = 0;
    const { rollbook } = await serve();
    await heard(/support-bot: the last good playbook stays in effect/);
    await heard(/the way back leads to prompt 1/);
    assert.equal(rollbook.systems.get("support-bot")!.playbook().digest, digest);
    write("support.yaml", "{ by hand");
    await heard(/support-bot: its playbook is broken, see above; the last good one stays in effect/);
    assert.ok(
      said.some((line) => /support\.yaml:1:/.test(line)),
      "with its issue",
    );
    assert.ok(!said.some((line) => /is gone/.test(line)));
    write("support.yaml", playbook("rises, by: 60%"));
    await heard(/support\.yaml is in effect/);
    assert.notEqual(rollbook.systems.get("support-bot")!.playbook().digest, digest);
  });

  test("an edit that takes away what a stuck rollback has to bring back waits until that is over", async (t) => {
    const { serve, heard, write, said } = await folderOf(t);
    const { rollbook } = await serve();
    await heard(/the way back leads to prompt 1/);
    const guarded = rollbook.systems.get("support-bot")!;
    const before = guarded.playbook().digest;
    const good = await rollbook.store.lastKnownGood("support-bot");
    const now = Date.now();
    const rollout: Rollout = {
      id: "rollout-1",
      system: "support-bot",
      playbook: before,
      candidate: good!.release,
      stable: good!.release,
      phase: "degraded",
      step: 0,
      stepSince: now,
      startedAt: now,
      endedAt: now,
      frozen: [],
      rollback: { saga: "saga-1", cause: ["person"], decidedAt: now, endedAt: now, outcome: "stuck" },
    };
    await rollbook.store.commit([{ kind: "rollout", rollout }]);
    write(
      "support.yaml",
      playbook()
        .replace("  prompt:", "  style: { at: vault://prompt-b }\n  prompt:")
        .replace(", beside: vault://prompt-b", ""),
    );
    await heard(/other components take effect when the stuck rollback of rollout-1 is over/);
    assert.equal(guarded.playbook().digest, before);
    write("support.yaml", playbook("rises, by: 60%"));
    await heard(/support\.yaml is in effect/);
    assert.ok(!said.some((line) => /not taken/.test(line)));
  });

  test("what cannot be served leaves nothing running, so that the process ends", async (t) => {
    const { serve, stop, write } = await folderOf(t);
    const timers = () => process.getActiveResourcesInfo().filter((one) => one === "Timeout").length;
    const refused = async (error: object) => {
      const before = timers();
      await assert.rejects(serve(), error);
      assert.equal(timers(), before);
    };
    const serving = await serve();
    await refused({ code: "DATA_FOLDER_IN_USE" });
    await stop(serving);
    write("connections.yaml", `${connections}  page: {}\n`);
    await refused({ code: "CONNECTIONS_INVALID", message: /"page" is a name of Rollbook's own/ });
    write("connections.yaml", connections.replace("port: 0", "port: 0\ndata: a.txt"));
    await refused({ code: "STORE_UNSAFE", message: /data folder \S+a\.txt cannot be used: EEXIST/ });
    write("connections.yaml", connections);
    write(".rollbook/lock.sqlite", "no database, ".repeat(1000));
    await refused({
      code: "STORE_UNSAFE",
      message: /data folder \S+\.rollbook cannot be used: file is not a database/,
    });
  });

  test("of two acting playbooks that name one target only the one in effect acts, and the other is told why", async (t) => {
    const { serve, heard, write, said, folder } = await folderOf(t);
    const { rollbook } = await serve();
    await heard(/the way back leads to prompt 1/);
    const rival = (authority: string) =>
      playbook("rises, by: 50%", authority)
        .replace("system: support-bot", "system: another-bot")
        .replace("flags://support-prompt", "flags://another-prompt");
    write("another.yaml", rival("act"));
    const why = await heard(/another-bot: not taken/);
    assert.match(why, /vault:\/\/prompt-a is restored by support-bot already, and the two would undo each other/);
    assert.equal(rollbook.systems.has("another-bot"), false);
    said.length = 0;
    write("another.yaml", rival("observe"));
    await heard(/another-bot: under .*authority: observe/);
    write("another.yaml", rival("act"));
    await heard(/another-bot: not taken/);
    assert.equal(rollbook.systems.get("another-bot")!.playbook().authority, "observe");
    rmSync(join(folder, "support.yaml"));
    await heard(/support-bot: its playbook is gone from the folder; it stays in effect until the next start/);
  });

  test("a playbook of which nobody knows whether a change can be undone is not taken, and the line says what to write", async (t) => {
    const { serve, heard, write, said } = await folderOf(t);
    const programs = (more = "") =>
      `${connections}  programs: { kind: command, components: { prompt: { read: ["./p"], apply: ["./p"], guarantee: cas${more} } } }\n`;
    const silent = playbook("rises, by: 50%", "act").replace("beside: vault://prompt-b", "beside: programs://prompt");
    write("connections.yaml", programs());
    const { rollbook } = await serve();
    await heard(/the way back leads to prompt 1/);
    const before = rollbook.systems.get("support-bot")!.playbook().digest;
    write("support.yaml", silent);
    const line = 1 + silent.split("\n").findIndex((text) => text.includes("programs://prompt"));
    const why = await heard(/can be undone is not known/);
    assert.match(why, new RegExp(`support\\.yaml:${line}:3`));
    assert.match(why, /Write `prompt: \{ at: "vault:\/\/prompt-a", beside: "programs:\/\/prompt", undo: redeploy \}`/);
    assert.equal(rollbook.systems.get("support-bot")!.playbook().digest, before);
    said.length = 0;
    write("support.yaml", silent.replace("programs://prompt", "programs://prompt, undo: redeploy"));
    await heard(/support\.yaml is in effect/);
  });

  test("an acting playbook that would write blindly is refused, the one in effect stays, and observing is fine", async (t) => {
    const { serve, stop, heard, write, said } = await folderOf(t);
    const program = (more = "") => `{ read: ["./p"], apply: ["./p"], undo: redeploy${more} }`;
    const programs = (more = "") =>
      `${connections}  programs: { kind: command, components: { prompt: ${program(more)} } }\n`;
    const blind = (authority: string) =>
      playbook("rises, by: 50%", authority).replace("beside: vault://prompt-b", "beside: programs://prompt");
    write("connections.yaml", programs());
    const first = await serve();
    await heard(/the way back leads to prompt 1/);
    const before = first.rollbook.systems.get("support-bot")!.playbook().digest;
    write("support.yaml", blind("act"));
    const why = await heard(/support-bot: not taken/);
    assert.match(why, /This playbook may not act: programs:\/\/prompt is written blindly: programs refuses no write/);
    assert.equal(first.rollbook.systems.get("support-bot")!.playbook().digest, before);
    await stop(first);
    said.length = 0;
    const second = await serve();
    await heard(/support-bot: the last good playbook stays in effect/);
    assert.equal(second.rollbook.systems.get("support-bot")!.playbook().digest, before);
    write("support.yaml", blind("observe"));
    await heard(/support\.yaml is in effect, .*authority: observe/);
    await stop(second);
    write("connections.yaml", programs(', seen: ["./p"]'));
    said.length = 0;
    await serve();
    write("support.yaml", blind("act"));
    await heard(/support\.yaml is in effect, .*authority: act/);
  });

  test("what a rollback brings back is staged beside the path while a release is out, and restored though the vault is lost", async (t) => {
    const { serve, heard, write, folder } = await folderOf(t);
    write("support.yaml", playbook().replace("for: 5m", "for: 1s").replace("for 5s }", "for 5s }, within: 5s"));
    write("new.txt", "Ask for nothing.");
    await (await openLocalVault(folder)).put("prompt 2", join(folder, "new.txt"));
    const { rollbook } = await serve();
    await heard(/the way back leads to prompt 1/);
    const system = rollbook.systems.get("support-bot")!;
    const until = async (so: () => boolean) => {
      for (const began = Date.now(); !so() && Date.now() - began < 20_000; ) await sleep(20);
      assert.ok(so(), JSON.stringify(system.control().wayBack()));
    };
    const { id } = await system.control().release(await system.control().compose(undefined, { prompt: "prompt 2" }));
    const served = () => readFileSync(join(folder, "b.txt"), "utf8");
    await until(() => served() === "Ask for nothing." && system.control().wayBack()?.staged?.join() === "prompt");
    assert.equal(readdirSync(join(folder, ".b.txt.rollbook/staged")).length, 1);
    rmSync(join(folder, ".rollbook/vault"), { recursive: true, force: true });
    await system.control().pullCord(id, "on-call", "it asks for nothing");
    await until(() => served() === "Ask for the order number.");
    assert.equal((await rollbook.store.sagas(id)).at(-1)?.plan.kind, "rollback");
  });

  test("a data folder that is removed while it is served is said, and nothing is changed any more", async (t) => {
    const { serve, heard, folder } = await folderOf(t);
    const { rollbook } = await serve();
    await heard(/the way back leads to prompt 1/);
    rmSync(join(folder, ".rollbook"), { recursive: true, force: true });
    await heard(/the data folder \S+\.rollbook is gone: nothing is recorded any more/);
    const control = rollbook.systems.get("support-bot")!.control();
    const { release } = (await rollbook.store.lastKnownGood("support-bot"))!;
    await assert.rejects(control.quarantine(release, "test", "any change"), { code: "STORE_UNSAFE" });
    await heard(/STORE FAILED: .*was removed or replaced/);
    const health = await fetch(`${rollbook.url}/healthz`);
    assert.equal(health.status, 503, "whoever runs it starts it again");
    const status = (await (await fetch(`${rollbook.url}/v1/status`)).json()) as { storeOver: { reason: string } };
    assert.match(status.storeOver.reason, /was removed or replaced/);
    const { checks } = (await (await fetch(`${rollbook.url}/v1/doctor`)).json()) as Diagnosis;
    assert.ok(checks.some(({ what, todo }) => what === "store" && /Start Rollbook again/.test(todo ?? "")));
  });

  test("doctor asks what serves, and not only the place that it reads", async (t) => {
    const { serve, heard, write } = await folderOf(t);
    const dead = 'serving: { url: "http://127.0.0.1:9/health", field: digest }';
    write("connections.yaml", connections.replace(".txt }", `.txt, ${dead} }`).replace("b.txt }", `b.txt, ${dead} }`));
    const { rollbook } = await serve();
    await heard(/the way back leads to prompt 1/);
    const { checks } = (await (await fetch(`${rollbook.url}/v1/doctor`)).json()) as Diagnosis;
    const found = checks.filter(({ what }) => what === "prompt").map(({ level, found }) => `${level}: ${found}`);
    assert.match(
      found[0]!,
      /^error: vault:\/\/prompt-a holds prompt 1, and nothing is seen to serve it: what serves gives no answer/,
    );
    assert.match(
      found[1]!,
      /^warning: vault:\/\/prompt-b can be read, and nothing is seen to serve it: what serves gives no answer/,
    );
  });

  test("an address that nothing serves is said with its line, and without what the linter only notes", async (t) => {
    const { serve, heard, write } = await folderOf(t);
    await serve();
    write("support.yaml", playbook().replace("vault://prompt-b", "s3://prompt-b"));
    const said = await heard(/Nothing serves/);
    assert.match(said, /support\.yaml:8:3 {2}error unserved-address/);
    assert.doesNotMatch(said, /note|warning/);
  });
});
