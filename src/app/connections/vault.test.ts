import assert from "node:assert/strict";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { describe, test } from "node:test";
import { createVaultAdapter } from "../../adapters/vault/index.ts";
import { digestOf } from "../../core/digest.ts";
import { describeRestoreAdapter } from "../../testing/index.ts";
import { systemClock } from "../system-clock.ts";
import { storeOf, vaultConnection } from "./vault.ts";
import { AT, MEMORY, machine, request } from "./vault-machine.fixture.ts";

const signal = () => AbortSignal.timeout(10_000);

describeRestoreAdapter({
  name: "the vault adapter with a file",
  setup: async () => {
    const { adapter, old, fresh, rival, stop } = await machine("file");
    const revisions = [old, fresh] as const;
    return { adapter, at: AT, revisions, unknown: digestOf("never put"), reference: "model 12", rival, stop };
  },
});

describe("a path that is restored from the vault", () => {
  test("a process that ends at any point of a switch is recognised afterwards, with one effect", async () => {
    for (const point of ["begun", "switched", "recorded"] as const) {
      const { path, adapter, vault, folder, old, fresh, stop } = await machine("tree");
      const dying = createVaultAdapter({
        scheme: "vault",
        store: storeOf(join(folder, "data/vault"), async () => vault),
        components: { model: { path } },
        now: Date.now,
        atCrashPoint: (reached) => {
          if (reached === point) throw new Error("killed");
        },
      });
      const sent = await request(dying, fresh);
      assert.equal((await dying.apply(sent, signal())).kind, "unknown");
      const found = await adapter.read(AT, signal());
      assert.equal(found.kind === "live" && found.digest, point === "begun" ? old : fresh, point);
      const again = await adapter.apply(sent, signal());
      assert.equal(again.kind, point === "begun" ? "applied" : "already", point);
      assert.equal((await adapter.apply(await request(adapter, old, "low", 0), signal())).kind, "stale");
      assert.equal((await adapter.apply(await request(adapter, old, "next"), signal())).kind, "applied");
      assert.equal((await adapter.apply(sent, signal())).kind, "already");
      await stop();
    }
  });

  test("two at the same moment: one is applied, the other meets a conflict or finds it done", async () => {
    const { adapter, path, folder, vault, fresh, stop } = await machine("file");
    const other = createVaultAdapter({
      scheme: "vault",
      store: storeOf(join(folder, "data/vault"), async () => vault),
      components: { model: { path } },
      now: Date.now,
    });
    const [one, two] = [await request(adapter, fresh, "one"), await request(other, fresh, "two")];
    const ends = await Promise.all([adapter.apply(one, signal()), other.apply(two, signal())]);
    assert.deepEqual(ends.map(({ kind }) => kind).sort(), ["applied", "conflict"]);
    await stop();
  });

  test("a revision that takes longer to write out than one call may is written out once, and ahead if asked", async () => {
    const { adapter, path, folder, vault, old, fresh, stop } = await machine("tree");
    const store = storeOf(join(folder, "data/vault"), async () => vault);
    let written = 0;
    const hurry = new AbortController();
    const slow: typeof store.materialise = async (...args) => {
      written += 1;
      hurry.abort();
      await new Promise((resolve) => setTimeout(resolve, 80));
      await store.materialise(...args);
    };
    const hasty = createVaultAdapter({
      scheme: "vault",
      store: { ...store, materialise: slow },
      components: { model: { path } },
      now: Date.now,
    });
    const sent = await request(hasty, fresh);
    assert.equal((await hasty.apply(sent, hurry.signal)).kind, "unknown");
    const found = await adapter.read(AT, signal());
    assert.equal(found.kind === "live" && found.digest, old);
    assert.equal((await hasty.apply(sent, signal())).kind, "applied");
    assert.deepEqual(await hasty.stage!(AT, old, signal()), { kind: "staged" });
    assert.equal((await hasty.apply(await request(hasty, old, "2"), signal())).kind, "applied");
    assert.equal(written, 2);
    await stop();
  });

  test("a hand that edits a file inside the live tree is a conflict", async () => {
    const { adapter, path, fresh, stop } = await machine("tree");
    const sent = await request(adapter, fresh);
    writeFileSync(join(path, "a"), "hotfix by hand");
    assert.equal((await adapter.apply(sent, signal())).kind, "conflict");
    assert.equal(readFileSync(join(path, "a"), "utf8"), "hotfix by hand");
    await stop();
  });

  test("a written-out copy that was changed by hand is not used again", async () => {
    const { adapter, path, old, fresh, stop } = await machine("tree");
    await adapter.apply(await request(adapter, fresh, "1"), signal());
    writeFileSync(join(path, "a"), "changed in place");
    const changed = await adapter.read(AT, signal());
    assert.ok(changed.kind === "live" && changed.digest !== fresh);
    await adapter.apply(await request(adapter, old, "2"), signal());
    assert.equal((await adapter.apply(await request(adapter, fresh, "3"), signal())).kind, "applied");
    const back = await adapter.read(AT, signal());
    assert.equal(back.kind === "live" && back.digest, fresh);
    await stop();
  });

  test("keeps the access of the file that it replaces", async () => {
    const { adapter, path, fresh, stop } = await machine("file");
    chmodSync(path, 0o640);
    assert.equal((await adapter.apply(await request(adapter, fresh), signal())).kind, "applied");
    assert.equal(statSync(path).mode & 0o777, 0o640);
    await stop();
  });

  test("a damaged revision is not held, is a blocking concern and is refused", async () => {
    const { adapter, folder, path, fresh, source, stop } = await machine("file");
    const [content] = readdirSync(join(folder, "data/vault/blobs"), { recursive: true, withFileTypes: true }).filter(
      (entry) => entry.isFile() && readFileSync(join(entry.parentPath, entry.name), "utf8") === "model 12",
    );
    const blob = join(content!.parentPath, content!.name);
    chmodSync(blob, 0o644);
    writeFileSync(blob, "model 21");
    assert.equal(await adapter.holds(AT, fresh, signal()), false);
    const [concern] = (await adapter.concerns?.(AT, fresh, signal())) ?? [];
    assert.deepEqual([concern?.level, /is damaged; put it in again/.test(concern?.text ?? "")], ["blocking", true]);
    assert.equal((await adapter.apply(await request(adapter, fresh), signal())).kind, "refused");
    assert.equal(readFileSync(path, "utf8"), "model 11");
    assert.equal((await adapter.resolve?.(AT, source("12"), signal()))?.kind, "revision");
    await stop();
  });

  test("a release may name paths below the served folder, and neither others nor Rollbook's own data", async () => {
    const { adapter, folder, source, stop } = await machine("file");
    const asked = async (reference: string, by = adapter) => (await by.resolve?.(AT, reference, signal()))!;
    assert.equal((await asked(source("12"))).kind, "revision");
    assert.equal((await asked("./sources/12")).kind, "revision");
    const outside = mkdtempSync(join(MEMORY, "rollbook-outside-"));
    writeFileSync(join(outside, "secret"), "the key of somebody else");
    writeFileSync(join(folder, "data/ledger.key"), "Rollbook's own key");
    symlinkSync(join(outside, "secret"), join(folder, "sources/way-out"));
    const refused = [
      join(outside, "secret"),
      join(outside, "nothing"),
      "../../etc/hostname",
      "./sources/way-out",
      "./data/ledger.key",
    ];
    for (const path of refused) {
      const found = await asked(path);
      assert.equal(found.kind, "unknown", path);
      assert.match(found.kind === "unknown" ? found.reason : "", /a release may name paths below \S+ only.*`from`/);
    }
    const missing = await asked("./sources/nothing");
    assert.match(missing.kind === "unknown" ? missing.reason : "", /ENOENT|no such|nothing/);
    const world = { folder, data: join(folder, "data"), clock: systemClock, secret: () => "" };
    const settings = vaultConnection.settings.parse({
      components: { model: { path: "srv/current" } },
      from: [outside],
    });
    const declared = vaultConnection.connect("vault", settings, world);
    const { restore } = declared;
    assert.equal((await asked(join(outside, "secret"), restore as typeof adapter)).kind, "revision");
    assert.equal((await asked(source("12"), restore as typeof adapter)).kind, "unknown");
    await declared.close?.();
    rmSync(outside, { recursive: true });
    await stop();
  });

  test("a plain folder is refused and said beforehand; so are retention that ends and what nobody sees", async () => {
    const { adapter, path, old, fresh, source, vault, stop } = await machine("tree");
    rmSync(path);
    mkdirSync(path);
    writeFileSync(join(path, "a"), "x");
    const { kind } = await adapter.apply(await request(adapter, fresh), signal());
    assert.equal(kind, "refused");
    assert.ok(lstatSync(path).isDirectory());
    const texts = ((await adapter.concerns?.(AT, old, signal())) ?? []).map(({ level, text }) => `${level}: ${text}`);
    assert.ok(texts.some((text) => /blocking: .* plain folder/.test(text)));
    assert.ok(texts.some((text) => /warning: nothing tells it to load, and nobody sees/.test(text)));
    const late = createVaultAdapter({
      scheme: "vault",
      store: storeOf("/", async () => vault),
      components: { model: { path: source("11") } },
      now: () => Date.now() + 80 * 86_400_000,
    });
    const ends = (await late.concerns?.(AT, old, signal())) ?? [];
    assert.ok(ends.some(({ level, text }) => level === "warning" && /retention of \w+ ends on/.test(text)));
    await stop();
  });

  test("is told to load after the switch, is told again until it worked, and is seen when it says so", async () => {
    const served = { loaded: "model 11", fails: 1, told: 0, path: "" };
    const server = createServer((call, response) => {
      if (call.headers.authorization !== "Bearer secret") return response.writeHead(401).end();
      if (call.method === "GET") return response.end(JSON.stringify({ model: { digest: served.loaded } }));
      served.told += 1;
      if (served.fails-- > 0) return response.writeHead(503).end();
      served.loaded = readFileSync(served.path, "utf8");
      return response.end();
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    const bearer = { env: "TOKEN" };
    const world = await machine("file", { reload: { url, bearer }, serving: { url, field: "model.digest", bearer } });
    const { adapter, fresh, old, path, stop } = world;
    served.path = path;
    assert.deepEqual(await adapter.seen?.(AT, old, signal()), { kind: "seen" });
    assert.equal((await adapter.apply(await request(adapter, fresh), signal())).kind, "applied");
    assert.equal(served.loaded, "model 11");
    assert.equal((await adapter.seen?.(AT, old, signal()))?.kind, "pending");
    assert.deepEqual(await adapter.seen?.(AT, fresh, signal()), { kind: "seen" });
    assert.deepEqual(await adapter.seen?.(AT, fresh, signal()), { kind: "seen" });
    assert.equal(served.told, 2);
    served.loaded = "something else";
    assert.match(JSON.stringify(await adapter.seen?.(AT, fresh, signal())), /pending.*has loaded something else/);
    server.closeAllConnections();
    server.close();
    assert.equal((await adapter.seen?.(AT, fresh, signal()))?.kind, "unreachable");
    await stop();
  });

  test("a reload by command runs without a shell, with little of our environment, and may fail", async () => {
    const told = join(mkdtempSync(join(MEMORY, "rollbook-told-")), "it's told; $(x)");
    const script = 'import{writeFileSync as w}from"node:fs";w(process.argv[1],Object.keys(process.env).join())';
    const { adapter, fresh, old, stop } = await machine("file", {
      reload: { command: [process.execPath, "--input-type=module", "-e", script, told] },
    });
    assert.equal((await adapter.apply(await request(adapter, fresh), signal())).kind, "applied");
    // A run that measures coverage hands its own variable down.
    assert.equal(readFileSync(told, "utf8").replace(",NODE_V8_COVERAGE", ""), "PATH,HOME");
    rmSync(told);
    mkdirSync(told);
    assert.equal((await adapter.apply(await request(adapter, old, "2"), signal())).kind, "applied");
    assert.match(JSON.stringify(await adapter.seen?.(AT, old, signal())), /pending.*ended with exit code 1/);
    await stop();
    rmSync(join(told, ".."), { recursive: true });
  });

  test("settings refuse what is not meant, and name the key", () => {
    const wrong = [
      { components: { "a/b": { path: "x" } } },
      { components: { a: { path: "x", extra: 1 } } },
      { components: { a: { path: "x", reload: { url: "http://user:pass@h/" } } } },
      { components: { a: { path: "x", reload: { command: [] } } } },
      { components: { a: { path: "x", serving: { url: "file:///etc/passwd", field: "a" } } } },
      { components: {}, verifyEvery: "daily" },
    ];
    for (const one of wrong) assert.equal(vaultConnection.settings.safeParse(one).success, false, JSON.stringify(one));
    assert.ok(!existsSync("x"));
  });
});
