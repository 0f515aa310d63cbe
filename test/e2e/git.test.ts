import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import {
  type GitRemote,
  NEW,
  OLD,
  type RemoteOptions,
  startRemote,
} from "../../src/adapters/git/git-remote.fixture.ts";
import { createGitAdapter, type GitRepository } from "../../src/adapters/git/index.ts";
import { type Digest, digestOf } from "../../src/core/digest.ts";
import type { RestoreAdapter } from "../../src/core/ports.ts";
import { describeRestoreAdapter } from "../../src/testing/index.ts";

const command = process.env["GIT"];
const skip = command ? false : "no git with http-backend: GIT names it";
const AT = "git://deploy/deploy/model";
const author = { name: "Rollbook", email: "rollbook@example.org" };
const signal = () => AbortSignal.timeout(60_000);
const FIXTURE = fileURLToPath(new URL("./git-process.fixture.ts", import.meta.url));

const start = (options: RemoteOptions = {}) => startRemote({ ...options, command: command as string });

function adapterOn(
  remote: GitRemote,
  more: Partial<GitRepository> = {},
  folder = "mirrors",
  atCrashPoint = () => {},
): RestoreAdapter {
  const repositories = { deploy: { url: remote.url, branch: "main", author, ...more } };
  const environment = { PATH: process.env["PATH"] ?? "" };
  const data = join(remote.folder, folder);
  return createGitAdapter({ scheme: "git", repositories, data, environment, command: command as string, atCrashPoint });
}

async function digests(adapter: RestoreAdapter) {
  const [old, fresh] = [await adapter.read(AT, signal()), await adapter.resolve!(AT, "v12", signal())];
  assert.ok(old.kind === "live" && fresh.kind === "revision", JSON.stringify([old, fresh]));
  return { old: old.digest, fresh: fresh.revision.digest, before: { digest: old.digest, version: old.version } };
}

async function liveAt(adapter: RestoreAdapter): Promise<Digest | undefined> {
  const live = await adapter.read(AT, signal());
  return live.kind === "live" ? live.digest : undefined;
}

if (command) {
  describeRestoreAdapter({
    name: "the git adapter on a smart-HTTP remote",
    setup: async () => {
      const remote = await start();
      const adapter = adapterOn(remote);
      const { old, fresh } = await digests(adapter);
      return {
        adapter,
        at: AT,
        revisions: [old, fresh],
        unknown: digestOf("never committed"),
        reference: "v12",
        rival: async (digest) => void remote.commit(digest === old ? OLD : NEW),
        stop: remote.stop,
      };
    },
  });
}

describe("a real git remote", { skip }, () => {
  test("a rival at the same second: another path is no conflict, the same path is one, and nobody's work is lost", async () => {
    for (const [files, kind] of [
      [{ "deploy/other/x": "by a rival" }, "applied"],
      [{ "deploy/model/prompt.txt": "by a rival" }, "conflict"],
    ] as const) {
      const remote = await start();
      let rivals = 0;
      const adapter = adapterOn(remote, {}, "mirrors", () => void (rivals++ === 0 && remote.commit(files)));
      const { fresh, before } = await digests(adapter);
      const answer = await adapter.apply({ at: AT, desired: fresh, before, key: "k", fence: 1 }, signal());
      assert.equal(answer.kind, kind);
      const [[path, text]] = Object.entries(files) as [[string, string]];
      assert.equal(remote.git(["show", `main:${path}`]), text);
      await remote.stop();
    }
  });

  test("says what it cannot bring back as it was, and what it cannot know", async () => {
    const remote = await start();
    remote.commit({
      "deploy/model/weights.bin": "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
    });
    const adapter = adapterOn(remote);
    const live = await adapter.read(AT, signal());
    assert.ok(live.kind === "live");
    const levels = async (at: string, digest = live.digest) =>
      (await adapter.concerns!(at, digest, signal())).map(({ level, text }) => `${level}: ${text}`).join("\n");
    assert.match(await levels(AT), /warning: weights\.bin: Git LFS comes back as a pointer/);
    assert.match(await levels(AT), /warning: whether main is protected shows only when/);
    assert.match(await levels(AT), /warning: what runs follows when its delivery tool next looks/);
    assert.match(await levels("git://deploy/nothing"), /blocking: nothing lies at "nothing"/);
    assert.match(await levels(AT, digestOf("x")), /blocking: no commit in reach/);
    remote.git(["config", "http.receivepack", "false"]);
    assert.match(await levels(AT), /blocking: the server would not take a push/);
    await remote.stop();
  });

  test("credentials go to the server and nowhere else; wrong ones are refused without the secret", async () => {
    const remote = await start({ credentials: "robot:hunter2-hunter2" });
    const adapter = adapterOn(remote, { username: "robot", password: () => "hunter2-hunter2" });
    const { fresh, before } = await digests(adapter);
    const request = { at: AT, desired: fresh, before, key: "k", fence: 1 };
    for (const more of [{}, { username: "robot", password: () => "wrong-secret" }]) {
      const stranger = adapterOn(remote, more, "stranger");
      const answer = await stranger.apply(request, signal());
      assert.ok(answer.kind === "refused", JSON.stringify(answer));
      assert.doesNotMatch(answer.reason, /wrong-secret|d3Jvbmc/);
      assert.equal((await stranger.read(AT, signal())).kind, "unreachable");
    }
    assert.equal((await adapter.apply(request, signal())).kind, "applied");
    await remote.stop();
  });

  test("a remote that dies in the middle of a push is unknown, and the same key has one effect afterwards", async () => {
    for (const [mood, landed] of [
      ["break-before", false],
      ["break-after", true],
    ] as const) {
      const remote = await start();
      const adapter = adapterOn(remote);
      const { fresh, before } = await digests(adapter);
      const request = { at: AT, desired: fresh, before, key: "k", fence: 1 };
      remote.onRequest = (path) => (path.endsWith("/git-receive-pack") ? mood : "serve");
      const answer = await adapter.apply(request, signal());
      assert.equal(answer.kind, "unknown", JSON.stringify(answer));
      remote.onRequest = () => "serve";
      assert.equal((await liveAt(adapter)) === fresh, landed);
      assert.equal((await adapter.apply(request, signal())).kind, landed ? "already" : "applied");
      assert.equal(await liveAt(adapter), fresh);
      assert.equal(remote.git(["rev-list", "--count", "main"]), "3");
      await remote.stop();
      assert.equal((await adapter.read(AT, signal())).kind, "unreachable");
    }
  });

  test("a process that is killed between commit and push leaves nothing at the remote; the next one does it once", async () => {
    const remote = await start();
    const { fresh, before } = await digests(adapterOn(remote, {}, "probe"));
    const args = [FIXTURE, remote.url, join(remote.folder, "mirrors"), command as string];
    const child = spawn(process.execPath, [...args, fresh, before.digest, before.version], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const [said] = await once(child.stdout, "data");
    assert.equal(String(said), "committed\n");
    child.kill("SIGKILL");
    await once(child, "close");
    assert.equal(remote.git(["rev-list", "--count", "main"]), "2");
    const next = adapterOn(remote);
    const request = { at: AT, desired: fresh, before, key: "saga-1.model", fence: 2 };
    assert.equal((await next.apply(request, signal())).kind, "applied");
    assert.equal((await next.apply(request, signal())).kind, "already");
    assert.equal(remote.git(["rev-list", "--count", "main"]), "3");
    await remote.stop();
  });

  test("six at the same second: one of those who restore the path wins, and all who wrote elsewhere are kept", async () => {
    const remote = await start();
    const { fresh, before } = await digests(adapterOn(remote));
    const restores = [0, 1, 2].map((turn) => {
      const request = { at: AT, desired: fresh, before, key: `key-${turn}`, fence: 1 };
      return adapterOn(remote, {}, `mirror-${turn}`).apply(request, signal());
    });
    for (let turn = 0; turn < 3; turn++) {
      await new Promise((resolve) => setTimeout(resolve, 40));
      try {
        remote.commit({ [`elsewhere/${turn}`]: String(turn) });
      } catch {
        // A rival may lose too: fast-import does not try again.
        remote.commit({ [`elsewhere/${turn}`]: String(turn) });
      }
    }
    const kinds = (await Promise.all(restores)).map(({ kind }) => kind).sort();
    assert.deepEqual(kinds, ["applied", "conflict", "conflict"]);
    assert.equal(remote.git(["log", "--format=%s", "main"]).match(/Restore deploy\/model/g)?.length, 1);
    for (let turn = 0; turn < 3; turn++) assert.equal(remote.git(["show", `main:elsewhere/${turn}`]), String(turn));
    assert.equal(remote.git(["diff", "v12", "main", "--", "deploy/model"]), "");
    await remote.stop();
  });

  test("a lower fence is stale for whoever asks, until the settings forget the commits of a lost data folder", async () => {
    const remote = await start();
    const { old, fresh, before } = await digests(adapterOn(remote));
    const first = { at: AT, desired: fresh, before, key: "k1", fence: 900 };
    assert.equal((await adapterOn(remote).apply(first, signal())).kind, "applied");
    const rebuilt = adapterOn(remote, {}, "rebuilt");
    const live = await rebuilt.read(AT, signal());
    assert.ok(live.kind === "live");
    const second = {
      at: AT,
      desired: old,
      before: { digest: live.digest, version: live.version },
      key: "k2",
      fence: 1,
    };
    assert.equal((await rebuilt.apply(second, signal())).kind, "stale");
    const forgetful = adapterOn(remote, { forget: live.version }, "rebuilt");
    assert.equal((await forgetful.apply(second, signal())).kind, "applied");
    await remote.stop();
  });

  test("names of any letters, modes and a whole tree come back; a tag outside the branch counts as history", async () => {
    const remote = await start();
    remote.commit({ "odd/ä b%/x'\".txt": "1", "odd/*": "2" }, "side");
    remote.git(["tag", "side-1", "side"]);
    remote.commit({ "odd/ä b%/x'\".txt": "broken", "odd/*": "2", "odd/extra": "3" });
    const adapter = adapterOn(remote);
    const at = "git://deploy/odd";
    const wanted = await adapter.resolve!(at, "side-1", signal());
    const live = await adapter.read(at, signal());
    assert.ok(wanted.kind === "revision" && live.kind === "live");
    const before = { digest: live.digest, version: live.version };
    const request = { at, desired: wanted.revision.digest, before, key: "k", fence: 1 };
    assert.equal((await adapter.apply(request, signal())).kind, "applied");
    assert.equal(remote.git(["diff", "side", "main", "--", "odd"]), "");
    const inner = await adapter.read(
      `git://deploy/odd/${encodeURIComponent("ä b%")}/${encodeURIComponent("x'\".txt")}`,
      signal(),
    );
    assert.ok(inner.kind === "live");
    const root = await adapter.resolve!("git://deploy/", "v12", signal());
    const now = await adapter.read("git://deploy/", signal());
    assert.ok(root.kind === "revision" && now.kind === "live");
    const whole = { at: "git://deploy/", desired: root.revision.digest, before: now, key: "all", fence: 1 };
    assert.equal((await adapter.apply(whole, signal())).kind, "applied");
    assert.equal(remote.git(["diff", "v12", "main"]), "");
    await remote.stop();
  });
});
