import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { setTimeout } from "node:timers/promises";
import fc from "fast-check";
import type { Digest } from "../../core/digest.ts";
import type { Clock } from "../../core/ports.ts";
import { openVault } from "./vault.ts";

/** Flushes cost nothing in memory; what is tested is the order of things, not the disk. */
const MEMORY = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();

const DAY = 86_400_000;
const OPEN = { mode: 0o644 };

/** The machine's clock, moved on by hand. */
function movableClock(): Clock & { ahead: number; slept: number } {
  const clock = {
    ahead: 0,
    slept: 0,
    now: () => Date.now() + clock.ahead,
    sleep: async (span: number) => {
      clock.slept += span;
      await setTimeout(Math.min(span, 5));
    },
  };
  return clock;
}

function scratch(t: TestContext): string {
  const folder = mkdtempSync(join(MEMORY, "rollbook-vault-"));
  t.after(() => {
    execFileSync("chmod", ["-R", "u+w", folder]);
    rmSync(folder, { recursive: true });
  });
  return folder;
}

async function vaultIn(t: TestContext, patience = 5000) {
  const folder = scratch(t);
  const clock = movableClock();
  const vault = await openVault({ folder: join(folder, "vault"), clock, patience });
  const blobs = () => globSync("vault/blobs/*/*", { cwd: folder }).map((path) => join(folder, path));
  return { folder, clock, vault, blobs };
}

function tree(folder: string, files: Readonly<Record<string, string>>): string {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(folder, path, ".."), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  return folder;
}

describe("the vault", () => {
  test("gives back exactly the tree that was put in, checked by digest", async (t) => {
    const { folder, vault } = await vaultIn(t);
    const names = fc.constantFrom("a", "b", "ä", "deep/er", "deep/x y", "z.bin", "deep/er2/q");
    const contents = fc.dictionary(names, fc.string({ maxLength: 40 }), { minKeys: 1, maxKeys: 5 });
    let turn = 0;
    await fc.assert(
      fc.asyncProperty(contents, async (files) => {
        const source = tree(join(folder, `source-${++turn}`), files);
        const { digest } = await vault.put(`tree ${turn}`, source);
        assert.equal(await vault.digestAt(source), digest);
        await vault.materialise(digest, join(folder, `out-${turn}`), OPEN);
        assert.equal(await vault.digestAt(join(folder, `out-${turn}`)), digest);
        for (const [path, text] of Object.entries(files))
          assert.equal(readFileSync(join(folder, `out-${turn}`, path), "utf8"), text);
      }),
      { numRuns: 6 },
    );
  });

  test("gives a digest to content, names, execute bits and empty folders, and to nothing else", async (t) => {
    const { folder, vault } = await vaultIn(t);
    const [one, two] = [tree(join(folder, "1"), { "m/a": "x" }), tree(join(folder, "2"), { "m/a": "x" })];
    const digest = await vault.digestAt(one);
    utimesSync(join(two, "m/a"), 1, 1);
    chmodSync(join(two, "m/a"), 0o600);
    assert.equal(await vault.digestAt(two), digest);
    symlinkSync(two, join(folder, "link"));
    assert.equal(await vault.digestAt(join(folder, "link")), digest);
    const others = new Set([digest]);
    chmodSync(join(two, "m/a"), 0o700);
    others.add(await vault.digestAt(two));
    mkdirSync(join(two, "empty"));
    others.add(await vault.digestAt(two));
    renameSync(join(two, "m/a"), join(two, "m/b"));
    others.add(await vault.digestAt(two));
    others.add(await vault.digestAt(join(two, "m/b")));
    assert.equal(others.size, 5);
  });

  test("keeps a content once, read-only, under its own SHA-256", async (t) => {
    const { folder, vault, blobs } = await vaultIn(t);
    await vault.put("one", tree(join(folder, "1"), { a: "same", b: "same" }));
    await vault.put("two", tree(join(folder, "2"), { c: "same", d: "other" }));
    assert.equal(blobs().length, 2);
    for (const blob of blobs()) {
      assert.ok(blob.endsWith(createHash("sha256").update(readFileSync(blob)).digest("hex")));
      assert.equal(statSync(blob).mode & 0o777, 0o444);
    }
    const [two, one] = await vault.list();
    assert.deepEqual([two?.labels, two?.files, two?.bytes, one?.labels], [["two"], 2, 9, ["one"]]);
  });

  test("finds by label, digest and the beginning of one; a label never moves", async (t) => {
    const { folder, vault } = await vaultIn(t);
    const source = tree(join(folder, "1"), { a: "1" });
    const { digest } = await vault.put("credit-model 12", source);
    for (const reference of ["credit-model 12", digest, digest.slice(0, 19), digest.slice(7, 19)])
      assert.equal((await vault.find(reference))?.digest, digest, reference);
    for (const reference of ["credit-model 13", digest.slice(7, 18), "", "__proto__"])
      assert.equal(await vault.find(reference), undefined, reference);
    await vault.put("credit-model 12", source);
    writeFileSync(join(source, "a"), "2");
    await assert.rejects(vault.put("credit-model 12", source), /names [0-9a-f]{12}, and labels never move/);
    assert.equal((await vault.find("credit-model 12"))?.digest, digest);
    for (const label of ["", " x", "a\nb", "x".repeat(201), digest, "\u202e"])
      await assert.rejects(vault.put(label, source), { code: "REQUEST_INVALID" });
  });

  test("refuses symlinks, devices, sockets, pipes and names that are not text", async (t) => {
    const { folder, vault } = await vaultIn(t);
    const plant: readonly ((at: string) => unknown)[] = [
      (at) => symlinkSync("/etc/passwd", join(at, "link")),
      (at) => symlinkSync("a", join(at, "inner")),
      (at) => execFileSync("sh", ["-c", 'mkfifo "$0"', join(at, "pipe")]),
      (at) => writeFileSync(Buffer.concat([Buffer.from(`${at}/`), Buffer.from([0xff, 0xfe])]), ""),
      (at) => writeFileSync(join(at, "back\\slash"), ""),
    ];
    for (const [turn, make] of plant.entries()) {
      const at = tree(join(folder, `bad-${turn}`), { a: "1" });
      make(at);
      await assert.rejects(vault.put("bad", at), { code: "REQUEST_INVALID" }, String(make));
    }
    const server = createServer().listen(join(tree(join(folder, "sock"), { a: "1" }), "s"));
    t.after(() => server.close());
    await assert.rejects(vault.put("bad", join(folder, "sock")), { code: "REQUEST_INVALID" });
    await assert.rejects(vault.put("bad", "/dev/zero"), { code: "REQUEST_INVALID" });
    await assert.rejects(vault.put("bad", join(folder, "nowhere")), { code: "FILE_UNREADABLE" });
    assert.deepEqual(await vault.list(), []);
  });

  test("sees a change of the same size within the same second, also with the times set back", async (t) => {
    const { folder, vault } = await vaultIn(t);
    const file = join(folder, "prompt.txt");
    writeFileSync(file, "approve");
    utimesSync(file, 1000, 1000);
    const digests = new Set([await vault.digestAt(file)]);
    for (const text of ["decline", "deciide", "approve"]) {
      writeFileSync(file, text);
      utimesSync(file, 1000, 1000);
      digests.add(await vault.digestAt(file));
    }
    assert.equal(digests.size, 3);
  });

  test("finds every damaged and missing content, says whose it is, and mends it at the next put", async (t) => {
    const { folder, vault, blobs } = await vaultIn(t);
    const source = tree(join(folder, "1"), { a: "first", b: "second", c: "third" });
    const { digest } = await vault.put("one", source);
    assert.deepEqual((await vault.verify()).damaged, []);
    assert.equal(await vault.state(digest), "intact");
    const [one, two] = blobs() as [string, string];
    chmodSync(one, 0o644);
    writeFileSync(one, "fir5t");
    rmSync(two);
    assert.equal(await vault.state(digest), "damaged");
    const steps: number[] = [];
    const report = await vault.verify({ progress: ({ blobs: done }) => steps.push(done) });
    assert.deepEqual(steps, [1, 2, 3]);
    assert.deepEqual(report.damaged.map(({ revision, state }) => [revision, state]).sort(), [
      [digest, "damaged"],
      [digest, "missing"],
    ]);
    assert.deepEqual(await vault.lastVerified(), report);
    await assert.rejects(vault.materialise(digest, join(folder, "out"), OPEN));
    assert.deepEqual(
      readdirSync(folder).filter((name) => name.startsWith("out")),
      [],
      "nor anything half written",
    );
    await vault.put("one", source);
    assert.deepEqual((await vault.verify()).damaged, []);
  });

  test("a changed manifest is damage, and stops the removal of any content", async (t) => {
    const { folder, vault, blobs, clock } = await vaultIn(t);
    const { digest } = await vault.put("one", tree(join(folder, "1"), { a: "1" }));
    await vault.put("two", tree(join(folder, "2"), { b: "2" }));
    const manifest = join(folder, "vault/manifests", `${digest.slice(7)}.json`);
    chmodSync(manifest, 0o644);
    writeFileSync(manifest, readFileSync(manifest, "utf8").replace('"a"', '"../a"'));
    assert.equal(await vault.state(digest), "damaged");
    assert.deepEqual((await vault.verify()).damaged, [{ revision: digest, what: "manifest", state: "damaged" }]);
    writeFileSync(join(folder, "vault/blobs/stray"), "");
    const collected = await vault.collect();
    assert.deepEqual([collected.unreadable, collected.blobs, blobs().length], [[digest], 0, 2]);
    await assert.rejects(vault.materialise(digest, join(folder, "out"), OPEN), { code: "REQUEST_INVALID" });
    clock.ahead = 91 * DAY;
    assert.equal((await vault.collect()).revisions.length, 2);
    assert.equal(blobs().length, 0);
  });

  test("keeps its pace while it verifies, and stops when it is told to", async (t) => {
    const { folder, vault, clock } = await vaultIn(t);
    await vault.put("one", tree(join(folder, "1"), { a: "x".repeat(50_000), b: "y".repeat(50_000) }));
    await vault.verify({ bytesPerSecond: 100_000 });
    assert.ok(clock.slept > 800, `${clock.slept} ms of pauses`);
    await assert.rejects(vault.verify({ signal: AbortSignal.abort() }));
  });

  test("removes nothing before 90 days, and then only what nobody holds, names or shares", async (t) => {
    const { folder, vault, clock, blobs } = await vaultIn(t);
    const put = async (label: string, files: Record<string, string>) =>
      (await vault.put(label, tree(join(folder, label), files))).digest;
    const [old, held, named] = [
      await put("old", { a: "1", b: "s" }),
      await put("held", { a: "2" }),
      await put("named", { a: "3" }),
    ];
    await vault.hold(held, true);
    await assert.rejects(vault.put("short", join(folder, "old"), { retain: 89 * DAY }), /at least 90 days/);
    await assert.rejects(vault.remove(old), /retained until/);
    assert.deepEqual(await vault.collect(), { revisions: [], blobs: 0, unreadable: [] });
    clock.ahead = 89 * DAY;
    assert.deepEqual((await vault.collect()).revisions, []);
    const young = await put("young", { c: "s" });
    clock.ahead = 91 * DAY;
    await assert.rejects(vault.remove(held), /held as a restore point/);
    assert.deepEqual(await vault.collect([named]), { revisions: [old], blobs: 1, unreadable: [] });
    assert.deepEqual((await vault.list()).map(({ digest }) => digest).sort(), [held, named, young].sort());
    assert.equal(await vault.find("old"), undefined);
    assert.equal(blobs().length, 3);
    await vault.hold(held, false);
    await vault.remove(held);
    await vault.retain(named, Date.now() + 400 * DAY);
    clock.ahead = 300 * DAY;
    assert.deepEqual((await vault.collect()).revisions, [young]);
    assert.equal(await vault.state(named), "intact");
    await assert.rejects(vault.hold(`sha256:${"0".repeat(64)}`, true), { code: "NOT_FOUND" });
  });

  test("writers at the same time, in one vault or two, lose and double nothing while somebody collects", async (t) => {
    const { folder, vault, clock, blobs } = await vaultIn(t);
    const other = await openVault({ folder: join(folder, "vault"), clock });
    assert.equal(other.id, vault.id);
    const writers = Array.from({ length: 12 }, async (_, turn): Promise<Digest> => {
      const source = tree(join(folder, `s${turn % 4}`), { a: `${turn % 4}`, b: "shared" });
      return (await (turn % 2 ? vault : other).put(`w${turn}`, source)).digest;
    });
    const collector = (async () => {
      for (let turn = 0; turn < 5; turn++) await other.collect();
    })();
    const [digests] = await Promise.all([Promise.all(writers), collector]);
    assert.equal(new Set(digests).size, 4);
    assert.equal(blobs().length, 5);
    assert.deepEqual((await vault.verify()).damaged, []);
    const races = await Promise.allSettled(["s0", "s1", "s2"].map((source) => vault.put("race", join(folder, source))));
    assert.equal(races.filter(({ status }) => status === "fulfilled").length, 1);
  });

  test("keeps the access of what is replaced, and the execute bit", async (t) => {
    const { folder, vault } = await vaultIn(t);
    const source = tree(join(folder, "1"), { "bin/run": "#!", data: "x" });
    chmodSync(join(source, "bin/run"), 0o755);
    const { digest } = await vault.put("one", source);
    await vault.materialise(digest, join(folder, "out"), { mode: 0o640 });
    const mode = (path: string) => statSync(join(folder, "out", path)).mode & 0o777;
    assert.deepEqual([mode(""), mode("bin"), mode("bin/run"), mode("data")], [0o750, 0o750, 0o750, 0o640]);
  });
});
