import assert from "node:assert/strict";
import { appendFileSync, globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { createMlflowAdapter, type MlflowAdapterOptions } from "../../src/adapters/mlflow/index.ts";
import { type Digest, digestOf } from "../../src/core/digest.ts";
import type { RestoreAdapter } from "../../src/core/ports.ts";
import { describeRestoreAdapter } from "../../src/testing/index.ts";
import { type MlflowServer, startMlflow } from "./mlflow-server.ts";

const VENV = process.env["MLFLOW_VENV"];
const skip = VENV ? false : "no MLflow: `npm run test:all` installs it, or name a virtual environment with MLFLOW_VENV";
const patience = () => AbortSignal.timeout(20_000);

let server: MlflowServer;
let count = 0;
before(async () => {
  if (VENV) server = await startMlflow(VENV);
});
after(() => server?.stop());

type Columns = Readonly<Record<string, string>>;
interface Pair {
  readonly name: string;
  readonly models: readonly string[];
}

/** A registered model of its own with two versions that MLflow's client logged; `champion` points at the first. */
async function twoModels(from = server, second: Columns = { score: "double" }): Promise<Pair> {
  const name = `loan-approval-${++count}`;
  const models: string[] = [];
  for (const [limit, columns] of [[600, { score: "double" }] as const, [640, second] as const]) {
    models.push((await from.run<{ model: string }>("model", { name, limit, columns })).model);
  }
  await from.run("alias", { name, alias: "champion", version: "1" });
  return { name, models };
}

async function twoPrompts(on = server): Promise<string> {
  const name = `explain-${++count}`;
  await on.run("prompt", { name, template: "Explain {{decision}} kindly." });
  const chat = [{ role: "system", content: "Explain {{decision}} briefly." }];
  await on.run("prompt", { name, template: chat, model_config: { temperature: 0.1 } });
  await on.run("prompt_alias", { name, alias: "live", version: "1" });
  return name;
}

const adapterOf = (more: Partial<MlflowAdapterOptions> = {}) =>
  createMlflowAdapter({ scheme: "mlflow", url: server.url, ...more });

async function digestsOf(adapter: RestoreAdapter, at: string): Promise<[Digest, Digest]> {
  const found = await Promise.all(["1", "v2"].map((version) => adapter.resolve!(at, version, patience())));
  return found.map((one) => {
    assert.ok(one.kind === "revision", "reason" in one ? one.reason : "");
    return one.revision.digest;
  }) as [Digest, Digest];
}

async function liveAt(adapter: RestoreAdapter, at: string) {
  const found = await adapter.read(at, patience());
  assert.ok(found.kind === "live", "reason" in found ? found.reason : "");
  return found;
}

const move = async (adapter: RestoreAdapter, at: string, reference: string, more: object = {}) => {
  const [before, target] = [await liveAt(adapter, at), await adapter.resolve!(at, reference, patience())];
  assert.ok(target.kind === "revision");
  const desired = target.revision.digest;
  return adapter.apply({ at, desired, before, key: `move-${++count}`, fence: 1, ...more }, patience());
};

const said = (answer: object) => ("reason" in answer ? String(answer.reason) : "");

for (const [kind, alias, command] of [
  ["models", "champion", "alias"],
  ["prompts", "live", "prompt_alias"],
] as const) {
  const setup = async () => {
    const name = kind === "models" ? (await twoModels()).name : await twoPrompts();
    const at = `mlflow://${kind}/${name}@${alias}`;
    const revisions = await digestsOf(adapterOf(), at);
    const rival = async (digest: Digest) =>
      void (await server.run(command, { name, alias, version: String(revisions.indexOf(digest) + 1) }));
    // A new adapter: nothing is remembered from setting up.
    const adapter = adapterOf();
    return { adapter, at, revisions, unknown: digestOf("never"), reference: "2", rival, stop: async () => {} };
  };
  describe(`on a real MLflow server, ${kind}`, { skip }, () => {
    describeRestoreAdapter({ name: `the MLflow adapter (${kind})`, setup });
    // Blind because of one moment, in which nobody writes here.
    describeRestoreAdapter({
      name: `the MLflow adapter (${kind}), while nobody else writes at the same moment,`,
      setup: async () => {
        const world = await setup();
        return { ...world, adapter: { ...world.adapter, guarantee: "cas" } };
      },
    });
  });
}

describe("on a real MLflow server", { skip }, () => {
  test("a rival at the same second is seen, but for the moment that MLflow leaves open", async (t) => {
    const { name } = await twoModels();
    await server.run("model", { name, limit: 700, columns: { score: "double" } });
    const at = `mlflow://models/${name}@champion`;
    const adapter = adapterOf();
    const tally: Record<string, number> = {};
    const rounds = 40;
    const quiet: number[] = [];
    const [first, second] = await digestsOf(adapter, at);
    for (let round = 0; round < 5; round++) {
      const [before, desired] = [await liveAt(adapter, at), round % 2 === 0 ? second : first];
      const began = performance.now();
      await adapter.apply({ at, desired, before, key: `quiet-${round}`, fence: 1 }, patience());
      quiet.push(performance.now() - began);
    }
    // The rivals come from our first read until after our answer.
    const span = 1.2 * (quiet.toSorted((a, b) => a - b)[2] as number);
    t.diagnostic(`a move takes ${Math.min(...quiet).toFixed(0)} to ${Math.max(...quiet).toFixed(0)} ms`);
    const moments = Array.from({ length: rounds }, (_, round) => (round / rounds) * span);
    for (const [round, moment] of moments.entries()) {
      await setAlias(name, "1");
      const before = await liveAt(adapter, at);
      // When everything is written, and by whom last, is chance: from before our first read to after our last.
      let rivalEnded = false;
      const rival = setTimeout(moment)
        .then(() => setAlias(name, "3"))
        .then(() => {
          rivalEnded = true;
        });
      const answer = await adapter.apply({ at, desired: second, before, key: `race-${round}`, fence: 1 }, patience());
      const order = rivalEnded ? "the rival ended first" : "we ended first";
      await rival;
      const end = (await liveAt(adapter, at)).version;
      const what = `${order}: ${answer.kind}, and the alias points at ${end === "3" ? "the rival's" : "our"} version`;
      tally[what] = (tally[what] ?? 0) + 1;
      assert.ok(["applied", "conflict"].includes(answer.kind), `${answer.kind}: ${said(answer)}`);
      if (answer.kind === "conflict") assert.equal(end, "3", "a conflict, and yet the rival's move is lost");
    }
    for (const [what, times] of Object.entries(tally)) t.diagnostic(`${times} of ${rounds}: ${what}`);
    const conflicts = Object.entries(tally).filter(([what]) => what.includes(": conflict"));
    assert.ok(conflicts.length > 0, "no race was met");
  });

  test("two controllers: the newer fence wins, and the older one is stale", async () => {
    const { name } = await twoModels();
    const at = `mlflow://models/${name}@champion`;
    assert.equal((await move(adapterOf(), at, "2", { fence: 8 })).kind, "applied");
    const older = await move(adapterOf(), at, "1", { fence: 7 });
    assert.equal(older.kind, "stale", said(older));
    assert.equal((await move(adapterOf(), at, "1", { fence: 8 })).kind, "applied");
  });

  test("a connection that ends after the alias was sent: unknown, then read, and nothing is written twice", async () => {
    const { name } = await twoModels();
    const at = `mlflow://models/${name}@champion`;
    const dying: typeof fetch = async (input, init) => {
      const response = await fetch(input, init);
      if (init?.method === "POST" && String(input).endsWith("/alias")) throw new TypeError("the connection ended");
      return response;
    };
    const [before, [, desired]] = [await liveAt(adapterOf(), at), await digestsOf(adapterOf(), at)];
    const request = { at, desired, before, key: "crash", fence: 1 };
    assert.equal((await adapterOf({ fetch: dying }).apply(request, patience())).kind, "unknown");
    assert.equal((await liveAt(adapterOf(), at)).digest, desired);
  });

  test("a deleted version: not held, refused, and its alias is gone with it", async () => {
    const { name } = await twoModels();
    const at = `mlflow://models/${name}@champion`;
    const adapter = adapterOf();
    const [first, second] = await digestsOf(adapter, at);
    await server.run("delete_version", { name, version: "2" });
    assert.equal(await adapter.holds(at, second, patience()), false);
    const before = await liveAt(adapter, at);
    const answer = await adapter.apply({ at, desired: second, before, key: "k", fence: 1 }, patience());
    assert.match(`${answer.kind}: ${said(answer)}`, /^refused: no version of .* has this digest: deleted/);
    await server.run("delete_version", { name, version: "1" });
    const read = await adapter.read(at, patience());
    assert.match(said(read), /MLflow answers 400 .* alias champion not found/);
    assert.equal(await adapter.holds(at, first, patience()), false);
  });

  test("an artefact changed in place, size unchanged: not held, refused, and another identity when it is live", async () => {
    const { name, models } = await twoModels();
    const at = `mlflow://models/${name}@champion`;
    const adapter = adapterOf({ artefacts: { believeMs: 0 } });
    const [first, second] = await digestsOf(adapter, at);
    const flip = (model: string) => {
      const [file] = globSync(join(server.artefacts, "**", model, "artifacts", "python_model.pkl"));
      const bytes = readFileSync(file!);
      bytes[bytes.length >> 1]! ^= 1;
      writeFileSync(file!, bytes);
    };
    flip(models[1]!);
    assert.equal(await adapter.holds(at, second, patience()), false);
    const before = await liveAt(adapter, at);
    assert.equal(
      (await adapter.apply({ at, desired: second, before, key: "k", fence: 1 }, patience())).kind,
      "refused",
    );
    flip(models[0]!);
    assert.notEqual((await liveAt(adapter, at)).digest, first);
    flip(models[0]!);
    assert.equal((await liveAt(adapter, at)).digest, first);
    const [folder] = globSync(join(server.artefacts, "**", models[1]!, "artifacts"));
    rmSync(folder!, { recursive: true });
    const concerns = await adapter.concerns!(at, second, patience());
    assert.match(concerns[0]!.text, /no version of .* has this digest any more/);
    assert.match(said(await adapter.resolve!(at, "2", patience())), /has no MLmodel file among its 0 artefacts/);
  });

  test("a prompt's template that was changed in place, which MLflow lets happen, is another identity", async () => {
    const name = await twoPrompts();
    const at = `mlflow://prompts/${name}@live`;
    const adapter = adapterOf();
    const [first, second] = await digestsOf(adapter, at);
    const tag = { name, version: "2", key: "mlflow.prompt.text", value: "[]" };
    await post("/api/2.0/mlflow/model-versions/set-tag", tag);
    assert.equal(await adapter.holds(at, second, patience()), false);
    assert.equal((await liveAt(adapter, at)).digest, first);
  });

  test("concerns name changed columns, a deleted logged model, a stage and another alias", async () => {
    const { name, models } = await twoModels(server, { score: "double", postcode: "string" });
    const at = `mlflow://models/${name}@champion`;
    const [, second] = await digestsOf(adapterOf(), at);
    await server.run("alias", { name, alias: "shadow", version: "1" });
    await server.run("delete_logged_model", { model: models[1] });
    const stage = { name, version: "2", stage: "Staging", archive_existing_versions: false };
    await post("/api/2.0/mlflow/model-versions/transition-stage", stage);
    const adapter = adapterOf();
    assert.equal(await adapter.holds(at, second, patience()), true, "until mlflow gc it is there");
    const texts = (await adapter.concerns!(at, second, patience())).map(({ level, text }) => `${level}: ${text}`);
    const expected = [
      /^warning: the signature of version 2 .* version 1: inputs: postcode \(string\) is in the target only$/,
      /^warning: the logged model that .* comes from is deleted: mlflow gc/,
      /^warning: .* is in stage Staging/,
      /^warning: @shadow points at live version 1 too/,
      /^warning: MLflow has no precondition/,
    ];
    for (const pattern of expected)
      assert.ok(
        texts.some((text) => pattern.test(text)),
        `${pattern} in ${texts}`,
      );
    assert.ok(texts.every((text) => text.startsWith("warning")));
  });

  test("artefacts of a run with folders, as MLflow 2 registered them, and a deleted run", async () => {
    const name = `of-runs-${++count}`;
    const files = { MLmodel: "flavors: {}\n", "data/deep/weights.txt": "1 2 3" };
    const { run } = await server.run<{ run: string }>("run_model", { name, files });
    await server.run("run_model", { name, files: { ...files, "data/deep/weights.txt": "1 2 4" } });
    await server.run("alias", { name, alias: "champion", version: "2" });
    const at = `mlflow://models/${name}@champion`;
    const [first] = await digestsOf(adapterOf(), at);
    await server.run("delete_run", { run });
    const texts = (await adapterOf().concerns!(at, first, patience())).map(({ text }) => text);
    assert.ok(
      texts.some((text) => /^the run that .* comes from is deleted/.test(text)),
      String(texts),
    );
    const [weights] = globSync(join(server.artefacts, "**", run, "**", "weights.txt"));
    appendFileSync(weights!, "4");
    assert.equal(await adapterOf().holds(at, first, patience()), false);
  });

  test("the serving process keeps its version until it is told to reload, and is seen when it has the new one", async () => {
    const { name } = await twoModels();
    const key = `${name}@champion`;
    const at = `mlflow://models/${key}`;
    const url = await server.serve(key);
    const decide = async () => {
      const response = await fetch(url, { method: "POST", body: JSON.stringify({ score: 620.5 }) });
      return ((await response.json()) as { approved: boolean }).approved;
    };
    const serving = { [key]: { urls: [url], says: { field: "model.version" } } };
    const [, second] = await digestsOf(adapterOf(), at);
    const asking = adapterOf({ serving });
    assert.equal((await move(asking, at, "2")).kind, "applied");
    await setTimeout(300);
    const seen = await asking.seen!(at, second, patience());
    assert.match(`${seen.kind}: ${said(seen)}`, /^pending: .* has 1, not version 2$/);
    assert.equal(await decide(), true, "620.5 passes the limit of version 1");

    const reload = { [key]: { urls: [`${url}/reload`], method: "POST" as const } };
    const header = { [key]: { urls: [url], says: { header: "x-model-version" } } };
    const telling = adapterOf({ serving: header, reload });
    const started = performance.now();
    for (let tries = 0; (await telling.seen!(at, second, patience())).kind !== "seen"; tries++) {
      assert.ok(tries < 400, "not seen in time");
      await setTimeout(20);
    }
    assert.equal(await decide(), false, "and not that of version 2");
    assert.equal((await move(telling, at, "1")).kind, "applied");
    const [first] = await digestsOf(telling, at);
    for (let tries = 0; (await telling.seen!(at, first, patience())).kind !== "seen"; tries++) {
      assert.ok(tries < 400, "not seen in time");
      await setTimeout(20);
    }
    assert.equal(await decide(), true);
    assert.ok(performance.now() - started < 20_000);
  });
});

describe("other real MLflow servers", { skip }, () => {
  test("one that does not proxy artefacts lists them itself; its identity survives a restart and is its own", async (t) => {
    const other = await startMlflow(VENV as string, { proxied: false });
    t.after(() => other.stop());
    const { name } = await twoModels(other);
    const at = `mlflow://models/${name}@champion`;
    const adapter = createMlflowAdapter({ scheme: "mlflow", url: other.url });
    const [first, second] = await digestsOf(adapter, at);
    assert.equal((await move(adapter, at, "2")).kind, "applied");
    const runs = `of-runs-${++count}`;
    await other.run("run_model", { name: runs, files: { MLmodel: "flavors: {}\n", "data/deep/weights.txt": "1" } });
    await other.run("alias", { name: runs, alias: "champion", version: "1" });
    const there = await liveAt(adapter, `mlflow://models/${runs}@champion`);

    const mine = await adapter.identify!(at, patience());
    const theirs = await adapterOf().identify!(at, patience());
    assert.ok(mine.kind === "identified" && theirs.kind === "identified");
    assert.notEqual(mine.identity, theirs.identity);
    await other.restart();
    const again = createMlflowAdapter({ scheme: "mlflow", url: other.url });
    assert.deepEqual(await again.identify!(at, patience()), mine);
    assert.equal((await liveAt(again, at)).digest, second);
    assert.deepEqual(await digestsOf(again, at), [first, second]);
    assert.equal((await liveAt(again, `mlflow://models/${runs}@champion`)).digest, there.digest);
  });

  test("one with sign-in: EDIT on a name and READ on its experiment are enough; a reader is refused; a wrong password is unreachable", async (t) => {
    const admin = { user: "admin", password: "a long password 123" };
    const folder = mkdtempSync(join(tmpdir(), "rollbook-mlflow-auth-"));
    t.after(() => rmSync(folder, { recursive: true }));
    // Without its cache MLflow hashes the password anew for each call, which takes most of a second.
    const lines = ["[mlflow]", "default_permission = NO_PERMISSIONS", "database_uri = sqlite:///basic_auth.db"].concat([
      "admin_username = admin",
      "authorization_function = mlflow.server.auth:authenticate_request_basic_auth",
      "auth_cache_ttl_seconds = 60",
    ]);
    writeFileSync(join(folder, "auth.ini"), lines.join("\n"));
    const other = await startMlflow(VENV as string, {
      args: ["--app-name", "basic-auth"],
      env: {
        MLFLOW_AUTH_CONFIG_PATH: join(folder, "auth.ini"),
        MLFLOW_FLASK_SERVER_SECRET_KEY: "for this test only",
        MLFLOW_AUTH_ADMIN_PASSWORD: admin.password,
        MLFLOW_TRACKING_USERNAME: admin.user,
        MLFLOW_TRACKING_PASSWORD: admin.password,
      },
    });
    t.after(() => other.stop());
    const prompt = await twoPrompts(other);
    const model = `of-runs-${++count}`;
    for (const weights of ["1", "2"]) {
      await other.run("run_model", { name: model, files: { MLmodel: "flavors: {}\n", weights } });
    }
    await other.run("alias", { name: model, alias: "champion", version: "1" });
    const basic = (user: string, password: string) => `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
    const as = (user: string, password: string) =>
      createMlflowAdapter({ scheme: "mlflow", url: other.url, authorization: basic(user, password) });
    const tell = async (path: string, body: object) => {
      const headers = { authorization: basic(admin.user, admin.password), "content-type": "application/json" };
      const response = await fetch(`${other.url}/api/${path}`, {
        method: "POST",
        headers,
        body: JSON.stringify(body),
      });
      assert.equal(response.status, 200, await response.text());
    };
    for (const [user, permission] of [
      ["rollbook", "EDIT"],
      ["reader", "READ"],
    ]) {
      await tell("2.0/mlflow/users/create", { username: user, password: "long enough 123" });
      for (const [resource_type, resource_id, may] of [
        ["prompt", prompt, permission],
        ["registered_model", model, permission],
        ["experiment", "0", "READ"],
      ]) {
        const grant = { username: user, resource_type, resource_id, permission: may };
        await tell("3.0/mlflow/users/permissions/grant", grant);
      }
    }
    for (const at of [`mlflow://prompts/${prompt}@live`, `mlflow://models/${model}@champion`]) {
      const moved = await move(as("rollbook", "long enough 123"), at, "2");
      assert.equal(moved.kind, "applied", said(moved));
      const reader = as("reader", "long enough 123");
      const refused = await move(reader, at, "1");
      assert.match(`${refused.kind}: ${said(refused)}`, /^refused: MLflow answers 403/);
      assert.equal((await liveAt(reader, at)).version, "2");
      const wrong = await as("rollbook", "wrong").read(at, patience());
      assert.match(`${wrong.kind}: ${said(wrong)}`, /^unreachable: MLflow answers 401/);
      const [, second] = await digestsOf(reader, at);
      const concerns = await as("rollbook", "long enough 123").concerns!(at, second, patience());
      assert.ok(
        concerns.every(({ level }) => level === "warning"),
        JSON.stringify(concerns),
      );
    }
  });
});

async function post(path: string, body: object): Promise<void> {
  const headers = { "content-type": "application/json" };
  const response = await fetch(`${server.url}${path}`, { method: "POST", headers, body: JSON.stringify(body) });
  assert.equal(response.status, 200, await response.text());
}

/** As a rival does it: straight at the server. */
const setAlias = (name: string, version: string) =>
  post("/api/2.0/mlflow/registered-models/alias", { name, alias: "champion", version });
