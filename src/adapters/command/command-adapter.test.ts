import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { digestOf } from "../../core/digest.ts";
import type { Guarantee } from "../../core/ports.ts";
import { describeRestoreAdapter } from "../../testing/index.ts";
import { type CommandComponent, createCommandAdapter } from "./index.ts";

const PATH = "/usr/local/bin:/usr/bin:/bin";
const SCRIPT = join(import.meta.dirname, "component.fixture.sh");
const [OLD, NEW] = [digestOf("model 11"), digestOf("model 12")];
const AT = "scripts://model";
const patience = () => AbortSignal.timeout(10_000);
const before = { digest: OLD, version: "1" };

async function componentFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "rollbook-command-"));
  for (const name of ["kept", "keys"]) await mkdir(join(folder, name));
  for (const text of ["model 11", "model 12"]) await writeFile(join(folder, "kept", digestOf(text).slice(7)), text);
  for (const [name, text] of Object.entries({ live: "model 11", count: "1\n", fence: "0\n" }))
    await writeFile(join(folder, name), text);
  return folder;
}

async function component(guarantee: Guarantee) {
  const folder = await componentFolder();
  const argv = [SCRIPT] as const;
  const programs = { read: argv, apply: argv, holds: argv, resolve: argv, seen: argv, concerns: argv, identify: argv };
  const adapter = createCommandAdapter({
    scheme: "scripts",
    components: { model: { ...programs, guarantee, timeoutMs: 5000 } },
    folder,
    environment: { PATH, COMPONENT_FOLDER: folder, COMPONENT_GUARANTEE: guarantee, COMPONENT_SECOND: NEW },
  });
  return { adapter, folder };
}

describeRestoreAdapter({
  name: "the command adapter over a shell script",
  setup: async () => {
    const { adapter, folder } = await component("cas");
    return {
      adapter,
      at: AT,
      revisions: [OLD, NEW],
      unknown: digestOf("never built"),
      reference: "second",
      rival: (digest) => copyFile(join(folder, "kept", digest.slice(7)), join(folder, "live")),
      stop: () => rm(folder, { recursive: true }),
    };
  },
});

/** What the adapter makes of programs like this one, written in shell. */
async function running(
  script: string,
  options: Partial<CommandComponent> & { environment?: Record<string, string> } = {},
) {
  const folder = await mkdtemp(join(tmpdir(), "rollbook-command-"));
  const argv = ["sh", "-c", script] as const;
  const { environment, ...rest } = options;
  const adapter = createCommandAdapter({
    scheme: "scripts",
    components: { model: { read: argv, apply: argv, guarantee: "cas", timeoutMs: 5000, ...rest } },
    folder,
    environment: { PATH, ...environment },
  });
  const apply = async (key = "k", signal = patience()) => {
    const answer = await adapter.apply({ at: AT, desired: NEW, before, key, fence: 1 }, signal);
    return { kind: answer.kind, reason: "reason" in answer ? answer.reason : "" };
  };
  return { adapter, folder, apply, clean: () => rm(folder, { recursive: true }) };
}

describe("the command adapter", () => {
  test("reads exit codes as the protocol says, and every other end as unknown", async () => {
    const codes = {
      10: "conflict",
      11: "stale",
      12: "refused",
      13: "unknown",
      1: "unknown",
      2: "unknown",
      127: "unknown",
    };
    for (const [code, kind] of Object.entries(codes)) {
      const world = await running(`echo '{"reason":"because"}'; exit ${code}`);
      assert.deepEqual(await world.apply(), { kind, reason: `exit code ${code}: because` });
      await world.clean();
    }
    const complaint = await running("echo first >&2; echo 'it is\tfull' >&2; exit 12");
    assert.equal((await complaint.apply()).reason, "exit code 12: it is full");
    const killed = await running("kill -9 $$");
    assert.deepEqual(await killed.apply(), { kind: "unknown", reason: "it was ended by SIGKILL" });
  });

  test("an answer that names another digest, or nothing, is unknown and never applied", async () => {
    for (const answer of ["", "done", "[]", "null", `{"digest":"${OLD}"}`, '{"already":true}']) {
      const { apply, adapter, clean } = await running(`printf '%s' '${answer}'`);
      assert.equal((await apply()).kind, "unknown", answer);
      assert.equal((await adapter.read(AT, patience())).kind, "unreachable", answer);
      await clean();
    }
    const same = await running('printf \'{"digest":"%s","already":true}\' "$ROLLBOOK_DESIRED"');
    assert.deepEqual(await same.apply(), { kind: "already", reason: "" });
  });

  test("passes values in the environment and on standard input, and never on a command line", async () => {
    const nasty = "k'; touch pwned; $(touch pwned) `touch pwned` \n \"x";
    const { apply, folder, clean } = await running('cat >stdin; env >variables; echo "$@" >arguments; exit 13');
    await apply(nasty);
    const input = JSON.parse(await readFile(join(folder, "stdin"), "utf8"));
    assert.deepEqual(input, {
      operation: "apply",
      at: AT,
      component: "model",
      desired: NEW,
      before,
      key: nasty,
      fence: 1,
    });
    const variables = await readFile(join(folder, "variables"), "utf8");
    assert.ok(variables.includes(`ROLLBOOK_KEY=${nasty}`));
    for (const line of [
      `ROLLBOOK_DESIRED=${NEW}`,
      "ROLLBOOK_BEFORE_VERSION=1",
      "ROLLBOOK_FENCE=1",
      "ROLLBOOK_OPERATION=apply",
    ])
      assert.ok(variables.includes(`${line}\n`), line);
    assert.equal(await readFile(join(folder, "arguments"), "utf8"), "\n");
    assert.equal(existsSync(join(folder, "pwned")), false);
    await clean();
  });

  test("gives a program nothing of this process's own environment", async () => {
    process.env["ROLLBOOK_TEST_SECRET"] = "do not tell";
    const { apply, folder, clean } = await running("env >variables; exit 13", { environment: { REGION: "eu" } });
    await apply();
    delete process.env["ROLLBOOK_TEST_SECRET"];
    const variables = await readFile(join(folder, "variables"), "utf8");
    assert.ok(variables.includes("REGION=eu\n") && !variables.includes("do not tell") && !variables.includes("HOME="));
    await clean();
  });

  test("ends the whole process group when its time is over, and does not know then", async () => {
    const stubborn =
      "trap '' TERM; sh -c 'trap \"\" TERM; while :; do date +%N >beat; sleep 0.02; done' & sleep 30; sleep 30";
    const { apply, folder, clean } = await running(stubborn, { timeoutMs: 200 });
    const began = performance.now();
    assert.deepEqual(await apply(), { kind: "unknown", reason: "no end within 200 ms" });
    assert.ok(performance.now() - began < 2000);
    const beat = await readFile(join(folder, "beat"), "utf8");
    await sleep(60);
    assert.equal(await readFile(join(folder, "beat"), "utf8"), beat, "its child lives on");
    await clean();
  });

  test("ends a program when the call is given up, and does not know then", async () => {
    const { apply, clean } = await running("sleep 30");
    assert.deepEqual(await apply("k", AbortSignal.timeout(50)), { kind: "unknown", reason: "the call was given up" });
    await clean();
  });

  test("stops reading after 64 KiB, and does not know then", async () => {
    for (const script of ["yes", "yes >&2"]) {
      const { apply, clean } = await running(script);
      const { kind, reason } = await apply();
      assert.equal(kind, "unknown");
      assert.match(reason, /more than 64 KiB/);
      await clean();
    }
  });

  test("does not wait for what a program left running behind it", async () => {
    const { adapter, clean } = await running(`sleep 5 & echo '{"digest":"${OLD}","version":7,"label":"11"}'`);
    const began = performance.now();
    assert.deepEqual(await adapter.read(AT, patience()), { kind: "live", digest: OLD, version: "7", label: "11" });
    assert.ok(performance.now() - began < 3000);
    await clean();
  });

  test("refuses what could not even start, and does not know whether to give up on what was given up", async () => {
    const missing = await running("", { apply: ["./not-there"], read: ["/etc/passwd"] });
    assert.deepEqual(await missing.apply(), { kind: "refused", reason: "./not-there could not be started (ENOENT)" });
    const read = await missing.adapter.read(AT, patience());
    assert.ok(read.kind === "unreachable" && /EACCES/.test(read.reason));
    assert.equal((await missing.apply("a\0b")).kind, "refused");
    assert.equal((await missing.apply("k", AbortSignal.abort())).kind, "unknown");
  });

  test("serves declared components only, and says which", async () => {
    const { adapter } = await running("exit 13");
    for (const at of ["scripts://prompt", "scripts://constructor", "scripts://model/../x"]) {
      const read = await adapter.read(at, patience());
      assert.ok(read.kind === "unreachable" && /is not declared \(declared: model\)/.test(read.reason), at);
    }
    assert.equal(adapter.resolve, undefined);
    assert.equal(adapter.identify, undefined);
  });

  test("without a program for it, what read names as held is held, and nothing else", async () => {
    const answer = (held: string) => `echo '{"digest":"${OLD}","version":"1"${held}}'`;
    const listing = await running(answer(`,"held":["${NEW}"]`));
    assert.equal(await listing.adapter.holds(AT, NEW, patience()), true);
    const silent = await running(answer(""));
    assert.equal(await silent.adapter.holds(AT, OLD, patience()), true);
    assert.equal(await silent.adapter.holds(AT, NEW, patience()), false);
  });

  test("a component without cas is read before it is written, by one program at a time, and an old fence is stale", async () => {
    const { adapter, folder } = await component("blind");
    const request = { at: AT, before, fence: 7 };
    const both = await Promise.all([
      adapter.apply({ ...request, desired: NEW, key: "one" }, patience()),
      adapter.apply({ ...request, desired: NEW, key: "two" }, patience()),
    ]);
    assert.deepEqual(
      both.map(({ kind }) => kind),
      ["applied", "already"],
    );
    const late = await adapter.apply({ ...request, desired: OLD, key: "three", fence: 8 }, patience());
    assert.equal(late.kind, "conflict");
    const stale = await adapter.apply({ ...request, desired: OLD, key: "four", fence: 6 }, patience());
    assert.equal(stale.kind, "stale");
    await rm(folder, { recursive: true });
  });

  test("what serves is asked where a program for that is declared, component by component", async () => {
    const argv = ["true"] as const;
    const plain = { read: argv, apply: argv, guarantee: "blind", timeoutMs: 5000 } as const;
    const components = { asked: { ...plain, seen: argv }, plain };
    const adapter = createCommandAdapter({ scheme: "run", components, folder: tmpdir(), environment: {} });
    assert.deepEqual(
      ["asked", "plain", "nobody"].map((name) => adapter.sees!(`run://${name}`)),
      [true, false, false],
    );
    const none = createCommandAdapter({ scheme: "run", components: { plain }, folder: tmpdir(), environment: {} });
    assert.equal(none.seen, undefined);
  });

  test("what programs say of names and concerns is checked", async () => {
    const argv = (text: string) => ["sh", "-c", text] as const;
    const { adapter, clean } = await running("exit 13", {
      resolve: argv(`case $ROLLBOOK_REFERENCE in
        12) echo '{"digest":"${NEW}","accepts":{"schema":["${OLD}"]}}' ;;
        odd) echo '{"digest":"${NEW}","accepts":{"schema":"all"}}' ;;
        none) exit 12 ;;
        *) exit 1 ;;
      esac`),
      concerns: argv('echo \'{"concerns":[{"level":"warning","text":"soon gone"},{"text":7}]}\''),
      identify: argv("echo '{}'"),
    });
    const revision = { digest: NEW, label: "12", accepts: { schema: [OLD] } };
    assert.deepEqual(await adapter.resolve!(AT, "12", patience()), { kind: "revision", revision });
    const kinds = await Promise.all(
      ["odd", "none", "broken"].map(async (reference) => (await adapter.resolve!(AT, reference, patience())).kind),
    );
    assert.deepEqual(kinds, ["unreachable", "unknown", "unreachable"]);
    assert.deepEqual(await adapter.concerns!(AT, NEW, patience()), [
      { level: "warning", text: "soon gone" },
      { level: "blocking", text: "a concern without words" },
    ]);
    assert.equal((await adapter.identify!(AT, patience())).kind, "unreachable");
    await clean();
  });
});
