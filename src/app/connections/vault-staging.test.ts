import assert from "node:assert/strict";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { describe, test } from "node:test";
import { createVaultAdapter, type RevisionStore } from "../../adapters/vault/index.ts";
import { digestOf } from "../../core/digest.ts";
import { systemClock } from "../system-clock.ts";
import { storeOf, vaultConnection } from "./vault.ts";
import { AT, machine, request } from "./vault-machine.fixture.ts";

const signal = () => AbortSignal.timeout(10_000);
const KINDS = ["file", "tree"] as const;

type Machine = Awaited<ReturnType<typeof machine>>;

const contentOf = ({ path }: Machine) => readFileSync(lstatSync(path).isFile() ? path : join(path, "a"), "utf8");
const stagedAt = ({ path }: Machine) => {
  const folder = join(dirname(path), ".current.rollbook/staged");
  return existsSync(folder) ? readdirSync(folder) : [];
};

/** The bad release serves, and the way back is staged. */
async function afterRelease(kind: (typeof KINDS)[number]) {
  const made = await machine(kind);
  const { adapter, old, fresh } = made;
  assert.equal((await adapter.apply(await request(adapter, fresh, "out"), signal())).kind, "applied");
  assert.deepEqual(await adapter.stage!(AT, old, signal()), { kind: "staged" });
  return made;
}

/** The same connection in a process that has just started. */
function startedAnew({ folder, path }: Machine) {
  const world = { folder, data: join(folder, "data"), clock: systemClock, secret: () => "secret" };
  const settings = vaultConnection.settings.parse({ components: { model: { path } }, verifyEvery: "0s" });
  return vaultConnection.connect("vault", settings, world);
}

/** An adapter of the same path, whose store is another one in some ways. */
function adapterWith({ folder, vault, path }: Machine, change: (store: RevisionStore) => Partial<RevisionStore>) {
  const store = storeOf(join(folder, "data/vault"), async () => vault);
  const components = { model: { path } };
  return createVaultAdapter({ scheme: "vault", store: { ...store, ...change(store) }, components, now: Date.now });
}

/** One whose store writes a revision out only when it is told to, and tells when it begins. */
function gated(made: Machine) {
  const begun = Promise.withResolvers<void>();
  const gate = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<void>();
  const adapter = adapterWith(made, ({ materialise }) => ({
    async materialise(digest, ...rest) {
      if (digest === made.old) {
        begun.resolve();
        await gate.promise;
      }
      await materialise(digest, ...rest).finally(ended.resolve);
    },
  }));
  return { adapter, begun: begun.promise, open: gate.resolve, ended: ended.promise };
}

for (const kind of KINDS)
  describe(`a ${kind} that is staged`, () => {
    test("is restored though the vault is gone, by this process and by one that has just started", async () => {
      for (const anew of [false, true]) {
        const made = await afterRelease(kind);
        chmodRecursively(join(made.folder, "data/vault"));
        rmSync(join(made.folder, "data/vault"), { recursive: true, force: true });
        const started = anew ? startedAnew(made) : undefined;
        const adapter = started?.restore ?? made.adapter;
        assert.equal(await adapter.holds(AT, made.old, signal()), true);
        const concerns = await adapter.concerns!(AT, made.old, signal());
        assert.deepEqual(
          concerns.filter(({ level }) => level === "blocking"),
          [],
        );
        assert.match(concerns[0]?.text ?? "", /the vault's copy of .* is missing; the one that is staged beside/);
        const back = await request(adapter, made.old, "back", 2);
        assert.deepEqual(await adapter.apply(back, signal()), { kind: "applied" });
        const live = await adapter.read(AT, signal());
        assert.equal(live.kind === "live" && live.digest, made.old);
        assert.match(contentOf(made), kind === "file" ? /model 11/ : /a of 11/);
        // Without what was staged there is nothing left to restore.
        const out = await adapter.apply(await request(adapter, made.fresh, "again", 3), signal());
        assert.notEqual(out.kind, "applied");
        await started?.close?.();
        await made.stop();
      }
    });

    test("takes nothing out of the store when it is restored: that is what makes it quick", async () => {
      const made = await machine(kind);
      const store = storeOf(join(made.folder, "data/vault"), async () => made.vault);
      let written = 0;
      const counted = createVaultAdapter({
        scheme: "vault",
        store: {
          ...store,
          materialise: (...all) => {
            written += 1;
            return store.materialise(...all);
          },
        },
        components: { model: { path: made.path } },
        now: Date.now,
      });
      await counted.apply(await request(counted, made.fresh, "out"), signal());
      await counted.stage!(AT, made.old, signal());
      await counted.stage!(AT, made.old, signal());
      assert.equal(written, 2);
      assert.equal((await counted.apply(await request(counted, made.old, "back"), signal())).kind, "applied");
      assert.equal(written, 2);
      await made.stop();
    });

    test("is let go when nobody goes back to it, also what a process before left half done", async () => {
      const made = await afterRelease(kind);
      assert.equal(stagedAt(made).length, 1);
      await made.adapter.stage!(AT, made.fresh, signal());
      assert.deepEqual(stagedAt(made), [made.fresh.slice("sha256:".length)]);
      writeFileSync(join(dirname(made.path), ".current.rollbook/staged/1234.partial"), "half");
      const started = startedAnew(made);
      await started.restore!.unstage!(AT, signal());
      assert.deepEqual(stagedAt(made), []);
      await started.close?.();
      await made.stop();
    });

    test("is not written out where that would take the room of what serves, and the reason says how much is needed", async () => {
      const made = await machine(kind);
      let written = 0;
      const adapter = adapterWith(made, ({ find, materialise }) => ({
        find: async (reference) => {
          const revision = await find(reference);
          return revision && { ...revision, bytes: 2 ** 52 };
        },
        materialise: (...all) => {
          written += 1;
          return materialise(...all);
        },
      }));
      await adapter.apply(await request(adapter, made.fresh, "out"), signal());
      assert.equal(written, 1, "a restore is tried all the same");
      const answer = await adapter.stage!(AT, made.old, signal());
      assert.match(
        "reason" in answer ? `${answer.kind}: ${answer.reason}` : answer.kind,
        /^failed: .*\/srv has \d+ bytes free, and writing \w+ out takes 4503599644147712$/,
      );
      assert.deepEqual([written, stagedAt(made)], [1, []]);
      await made.stop();
    });

    test("stays gone when it is let go while it is still being written out", async () => {
      const made = await machine(kind);
      const { adapter, begun, open, ended } = gated(made);
      await made.adapter.apply(await request(made.adapter, made.fresh, "out"), signal());
      const late = new AbortController();
      const staging = adapter.stage!(AT, made.old, late.signal);
      await begun;
      late.abort();
      assert.equal((await staging).kind, "pending");
      const gone = adapter.unstage!(AT, signal());
      open();
      await Promise.all([gone, ended]);
      await systemClock.sleep(50);
      assert.deepEqual(stagedAt(made), []);
      assert.deepEqual(await adapter.stage!(AT, made.old, signal()), { kind: "staged" });
      assert.equal(stagedAt(made).length, 1);
      await made.stop();
    });

    test("gives way to what is staged after it, though it takes longer to write out", async () => {
      const made = await machine(kind);
      const { adapter, begun, open } = gated(made);
      const first = adapter.stage!(AT, made.old, signal());
      await begun;
      const second = adapter.stage!(AT, made.fresh, signal());
      open();
      assert.deepEqual([(await first).kind, (await second).kind], ["pending", "staged"]);
      assert.deepEqual(stagedAt(made), [made.fresh.slice("sha256:".length)]);
      await made.stop();
    });

    test("gives way to a restore of its path, which it would be slower beside", async () => {
      const made = await machine(kind);
      await made.adapter.apply(await request(made.adapter, made.fresh, "out"), signal());
      const begun = Promise.withResolvers<void>();
      const stopped = Promise.withResolvers<void>();
      let copies = 0;
      const adapter = adapterWith(made, ({ materialise }) => ({
        materialise(digest, destination, access, until) {
          copies += 1;
          if (copies > 1) return materialise(digest, destination, access, until);
          until!.addEventListener("abort", () => stopped.resolve());
          begun.resolve();
          return stopped.promise.then(() => until!.throwIfAborted());
        },
      }));
      const staging = adapter.stage!(AT, made.old, signal());
      await begun.promise;
      const back = await request(adapter, made.old, "back", 2);
      assert.deepEqual(await adapter.apply(back, signal()), { kind: "applied" });
      assert.deepEqual(await staging, { kind: "pending", reason: "something else was wanted there meanwhile" });
      assert.deepEqual(await adapter.stage!(AT, made.fresh, signal()), { kind: "staged" });
      await made.stop();
    });

    test("does not hide that nothing lies at the path: that is a conflict", async () => {
      const made = await afterRelease(kind);
      const back = await request(made.adapter, made.old, "back", 2);
      rmSync(made.path);
      assert.equal((await made.adapter.apply(back, signal())).kind, "conflict");
      assert.equal(existsSync(made.path), false);
      await made.stop();
    });

    test("is not used when somebody changed it, and is laid anew", async () => {
      const made = await afterRelease(kind);
      const name = made.old.slice("sha256:".length);
      const folder = join(dirname(made.path), ".current.rollbook");
      const file = kind === "file" ? join(folder, "staged", name) : join(folder, "revisions", name, "a");
      chmodSync(file, 0o644);
      writeFileSync(file, "changed by hand");
      const back = await request(made.adapter, made.old, "back", 2);
      assert.deepEqual(await made.adapter.apply(back, signal()), { kind: "applied" });
      assert.match(contentOf(made), kind === "file" ? /model 11/ : /a of 11/);
      assert.deepEqual(await made.adapter.stage!(AT, made.fresh, signal()), { kind: "staged" });
      await made.stop();
    });
  });

test("a staged tree stays, however many others are written out after it", async () => {
  const made = await afterRelease("tree");
  for (let turn = 0; turn < 5; turn++) {
    const source = made.source(`more-${turn}`);
    mkdirSync(source);
    writeFileSync(join(source, "a"), `more ${turn}`);
    const { digest } = await made.vault.put(`more ${turn}`, source);
    await made.adapter.apply(await request(made.adapter, digest, `more-${turn}`, 2), signal());
  }
  assert.equal(existsSync(join(dirname(made.path), ".current.rollbook/revisions", made.old.slice(7))), true);
  await made.stop();
});

test("a tree that two write out at the same time is staged by both", async () => {
  const made = await machine("tree");
  await made.adapter.apply(await request(made.adapter, made.fresh, "out"), signal());
  const both = Promise.withResolvers<void>();
  let written = 0;
  const together = () =>
    adapterWith(made, ({ materialise }) => ({
      async materialise(...all) {
        await materialise(...all);
        written += 1;
        if (written === 2) both.resolve();
        await both.promise;
      },
    }));
  const staging = [together(), together()].map((adapter) => adapter.stage!(AT, made.old, signal()));
  assert.deepEqual(await Promise.all(staging), [{ kind: "staged" }, { kind: "staged" }]);
  await made.stop();
});

test("a staged file has the access of what serves, and is laid anew when that changes", async () => {
  const made = await afterRelease("file");
  chmodSync(made.path, 0o640);
  assert.deepEqual(await made.adapter.stage!(AT, made.old, signal()), { kind: "staged" });
  assert.equal((await made.adapter.apply(await request(made.adapter, made.old, "back", 2), signal())).kind, "applied");
  assert.equal(statSync(made.path).mode & 0o777, 0o640);
  await made.stop();
});

test("what the vault does not hold, or no path takes, fails with the reason; a slow one is pending and goes on", async () => {
  const made = await machine("file");
  const { adapter, old } = made;
  const never = await adapter.stage!(AT, digestOf("never put"), signal());
  assert.match("reason" in never ? `${never.kind}: ${never.reason}` : "", /^failed: the vault holds no intact copy/);
  assert.equal((await adapter.stage!("vault://nothing", old, signal())).kind, "failed");
  assert.equal((await adapter.stage!(AT, old, AbortSignal.abort())).kind, "pending");
  for (let look = 0; look < 100 && stagedAt(made)[0]?.length !== 64; look++) await systemClock.sleep(10);
  assert.deepEqual(stagedAt(made), [old.slice("sha256:".length)]);
  await made.stop();
});

function chmodRecursively(folder: string): void {
  chmodSync(folder, 0o755);
  for (const entry of readdirSync(folder, { withFileTypes: true }))
    if (entry.isDirectory()) chmodRecursively(join(folder, entry.name));
}
