import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { serveFolder } from "./serve-folder.ts";

const playbookOf = (system: string, from = "events", limit = 20) => `
rollbook: v1
system: ${system}
owner: support
risk: low
authority: act
traffic: 50 requests/s
what: { flag: flags://polite, route: gateway://${system} }
signals: { losses: { share: defaulted, of: loans, from: ${from}, better: down } }
when: { failing: { losses: above, limit: ${limit}% } }
how: { release: { canary: [50], each: 1h } }
fixed: { losses: { below: 10% }, for: 1s }
who: { now: [ page://dashboard ] }
`;

const CONNECTIONS = `
rollbook: connections/v1
port: 0
systems:
  chat: { gateway: { port: 0, stable: "http://127.0.0.1:9", candidate: "http://127.0.0.1:9" } }
  deaf: { gateway: { port: 0, stable: "http://127.0.0.1:9", candidate: "http://127.0.0.1:9" } }
flags:
  polite: { variants: { on: true, off: false }, initially: off }
connections:
  opa: { url: "http://127.0.0.1:9" }
`;

const byFlag = playbookOf("solo").replace("gateway://solo", "flags://who");

async function serving(t: TestContext, files: Readonly<Record<string, string>>) {
  const folder = mkdtempSync(join(tmpdir(), "rollbook-serve-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, "connections.yaml"), CONNECTIONS);
  const put = (name: string, text: string) => writeFileSync(join(folder, name), text);
  for (const [name, text] of Object.entries(files)) put(name, text);
  const said: string[] = [];
  const served = await serveFolder({ folder, secretOf: () => undefined, say: (text) => void said.push(text) });
  t.after(() => served.stop());
  const says = async (what: RegExp) => {
    for (let look = 0; look < 400; look++) {
      if (said.some((text) => what.test(text))) return;
      await sleep(10);
    }
    assert.fail(`never said ${what}; but:\n${said.join("\n")}`);
  };
  const again = async () => {
    await served.stop();
    said.length = 0;
    const next = await serveFolder({ folder, secretOf: () => undefined, say: (text) => void said.push(text) });
    t.after(() => next.stop());
    return next;
  };
  const take = (name: string) => rmSync(join(folder, name));
  return { served, put, said, says, again, take };
}

describe("a folder of playbooks", () => {
  test("with a system that acts and has no gateway serves all others, and says why that one is not", async (t) => {
    const { served, said, says } = await serving(t, { "a.yaml": playbookOf("aardvark"), "b.yaml": playbookOf("chat") });
    await says(/^chat: the way back leads to/);
    assert.deepEqual([...served.rollbook.systems.keys()], ["chat"]);
    await sleep(1200);
    assert.equal(said.filter((text) => /aardvark acts, and has no gateway/.test(text)).length, 1, "once");
  });

  test("does not move a gateway to another port: it waits for its own, and takes it when it is free", async (t) => {
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    const { port } = other.address() as AddressInfo;
    const own = CONNECTIONS.replace("chat: { gateway: { port: 0", `chat: { gateway: { port: ${port}`);
    const { served, said, says } = await serving(t, { "b.yaml": playbookOf("chat"), "connections.yaml": own });
    await says(new RegExp(`^chat: not taken, .*Port ${port} of the gateway of chat is taken`));
    assert.equal(served.rollbook.systems.size, 0);
    await new Promise((resolve) => other.close(resolve));
    await says(/^chat: the way back leads to/);
    assert.equal(served.rollbook.systems.get("chat")?.edge.gateway, `http://127.0.0.1:${port}`);
    assert.equal(said.filter((text) => /Port \d+ of/.test(text)).length, 1, "once");
  });

  test("with signals from a connection that has none leaves its gateway closed and the others served", async (t) => {
    const { served, says } = await serving(t, { "a.yaml": playbookOf("deaf", "opa"), "b.yaml": playbookOf("chat") });
    await says(/^chat: the way back leads to/);
    await says(/no connection called opa has signals/);
    assert.deepEqual([...served.rollbook.systems.keys()], ["chat"]);
  });

  test("keeps the old playbook whole where the new one cannot be built", async (t) => {
    const { served, put, says } = await serving(t, { "b.yaml": playbookOf("chat") });
    await says(/^chat: the way back leads to/);
    const before = served.rollbook.systems.get("chat")!.control();
    put("b.yaml", playbookOf("chat", "opa"));
    await says(/no connection called opa has signals/);
    assert.equal(served.rollbook.systems.get("chat")!.control(), before);
    put("b.yaml", playbookOf("chat", "events", 30));
    await says(/b\.yaml is in effect/);
  });

  test("keeps the last good one of a system that the connections file does not name, over a restart", async (t) => {
    const { put, says, again } = await serving(t, { "s.yaml": byFlag });
    await says(/^solo: the way back leads to/);
    put("s.yaml", byFlag.replace("when:", "when: ["));
    const next = await again();
    assert.deepEqual([...next.rollbook.systems.keys()], ["solo"]);
  });

  test("brings a rollout to its end whose playbook was taken away", async (t) => {
    const { served, says, again, take } = await serving(t, { "s.yaml": byFlag });
    await says(/^solo: the way back leads to/);
    const control = served.rollbook.systems.get("solo")!.control();
    await control.release(await control.compose("polite", { flag: "on" }));
    take("s.yaml");
    const next = await again();
    await says(/^solo: its playbook is gone, and rollout \S+ is not over/);
    await says(/^solo: going on with rollout/);
    assert.deepEqual([...next.rollbook.systems.keys()], ["solo"]);
  });
});
