import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { describe, test } from "node:test";
import { digestOf } from "../../core/digest.ts";
import { type GitRemote, NEW, startRemote } from "./git-remote.fixture.ts";
import { createGitAdapter, type GitRepository } from "./index.ts";

const present = spawnSync("git", ["http-backend"], { stdio: "ignore" }).error === undefined;
const skip = present ? false : "git is not on PATH";
const AT = "git://deploy/deploy/model";
const author = { name: "Rollbook", email: "rollbook@example.org" };
const signal = () => AbortSignal.timeout(20_000);

function adapterOn(remote: GitRemote, more: Partial<GitRepository> = {}, extra: object = {}) {
  const repositories = { deploy: { url: remote.url, branch: "main", author, ...more } };
  const environment = { PATH: process.env["PATH"] ?? "" };
  return createGitAdapter({ scheme: "git", repositories, data: join(remote.folder, "mirrors"), environment, ...extra });
}

async function digests(adapter: ReturnType<typeof adapterOn>) {
  const [old, fresh] = [await adapter.read(AT, signal()), await adapter.resolve!(AT, "v12", signal())];
  assert.ok(old.kind === "live" && fresh.kind === "revision");
  return { old: old.digest, fresh: fresh.revision.digest, before: { digest: old.digest, version: old.version } };
}

describe("the git adapter", { skip }, () => {
  test("restores one path in one new commit on top, with its author, key, fence and source, and nothing else", async () => {
    const remote = await startRemote();
    const adapter = adapterOn(remote);
    const { fresh, before } = await digests(adapter);
    const pinned = await adapter.read(`${AT}@9f2c1e0`, signal());
    assert.equal(pinned.kind === "live" && pinned.digest, before.digest);
    const head = remote.commit({ "deploy/other/x": "2", "deploy/model/kept.txt": undefined });
    const request = { at: AT, desired: fresh, before, key: "saga-1.model", fence: 3 };
    assert.deepEqual(await adapter.apply(request, signal()), { kind: "applied" });
    assert.equal(remote.git(["rev-parse", "main^"]), head);
    assert.equal(remote.git(["diff", "--name-only", "main^", "main"]), Object.keys(NEW).join("\n"));
    assert.equal(remote.git(["diff", "v12", "main", "--", "deploy/model"]), "");
    const message = remote.git(["log", "-1", "--format=%an <%ae>%n%B", "main"]);
    assert.match(message, /^Rollbook <rollbook@example\.org>\nRestore deploy\/model as of [0-9a-f]{12}\n/);
    assert.match(message, /\nRollbook-Key: saga-1\.model\nRollbook-Fence: 3\nRollbook-Digest: sha256:/);
    // Somebody who knows nothing of this process finds it done.
    assert.deepEqual(await adapterOn(remote, {}, { data: join(remote.folder, "elsewhere") }).apply(request, signal()), {
      kind: "already",
    });
    await remote.stop();
  });

  test("a hook of the server refuses, in its own words, and nothing is changed", async () => {
    const remote = await startRemote();
    remote.hook("pre-receive", "echo 'main is protected: open a merge request' >&2; exit 1");
    const adapter = adapterOn(remote);
    const { old, fresh, before } = await digests(adapter);
    const answer = await adapter.apply({ at: AT, desired: fresh, before, key: "k", fence: 1 }, signal());
    assert.ok(answer.kind === "refused");
    assert.match(answer.reason, /pre-receive hook declined.*main is protected: open a merge request/);
    const found = await adapter.read(AT, signal());
    assert.equal(found.kind === "live" && found.digest, old);
    await remote.stop();
  });

  test("takes no address that leaves its repository or its declared paths", async () => {
    const remote = await startRemote();
    const adapter = adapterOn(remote, { paths: ["deploy/model"] });
    const bad = [
      "git://other/x",
      "git://deploy/deploy/other",
      "git://deploy/..",
      "git://deploy/deploy/model/%2e%2e/other",
    ];
    const worse = [
      "git://deploy",
      "git://deploy/",
      "git://__proto__/x",
      "git://deploy/deploy//model",
      "git://deploy/%zz",
    ];
    for (const at of [...bad, ...worse]) {
      assert.equal((await adapter.read(at, signal())).kind, "unreachable", at);
      const before = { digest: digestOf("a"), version: "1" };
      const answer = await adapter.apply({ at, desired: digestOf("b"), before, key: "k", fence: 1 }, signal());
      assert.equal(answer.kind, "refused", at);
    }
    for (const reference of ["--upload-pack=x", "main..v12", "@{u}", "v12:README.md", "HEAD~1", "", "a\nb"])
      assert.equal((await adapter.resolve!(AT, reference, signal())).kind, "unknown", reference);
    for (const url of ["https://user:secret@host/x", "ext::sh -c x", "/srv/repo", "ftp://host/x"])
      assert.throws(() => adapterOn(remote, { url }), { code: "REQUEST_INVALID" }, url);
    assert.throws(() => adapterOn(remote, { branch: "--force" }), { code: "REQUEST_INVALID" });
    await remote.stop();
  });
});
