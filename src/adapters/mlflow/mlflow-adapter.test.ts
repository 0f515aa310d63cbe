import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, type TestContext, test } from "node:test";
import { setTimeout } from "node:timers/promises";
import fc from "fast-check";
import { type Digest, digestOf } from "../../core/digest.ts";
import type { RestoreAdapter } from "../../core/ports.ts";
import { describeRestoreAdapter } from "../../testing/index.ts";
import { createMlflowAdapter, type MlflowAdapterOptions } from "./index.ts";
import { type MlflowTwin, startMlflowTwin } from "./mlflow-twin.fixture.ts";
import { signatureChanges, signatureIn } from "./signature.ts";

const MODEL = "mlflow://models/loan@champion";
const PROMPT = "mlflow://prompts/explain@live";
const patience = () => AbortSignal.timeout(10_000);
const mlmodel = (...columns: object[]) =>
  `flavors: {}\nsignature:\n  inputs: '${JSON.stringify(columns)}'\n  outputs: '[{"type": "boolean"}]'\n  params: null\n`;
const SCORE = { type: "double", name: "score", required: true };

async function seeded(): Promise<MlflowTwin> {
  const twin = await startMlflowTwin();
  twin.model("loan", { MLmodel: mlmodel(SCORE), "data/model.pkl": "first" });
  twin.model("loan", { MLmodel: mlmodel(SCORE, { type: "string", name: "postcode" }), "data/model.pkl": "other" });
  twin.models.get("loan")!.aliases.set("champion", "1");
  twin.prompt("explain", "Explain {{decision}} kindly.");
  twin.prompt("explain", "Explain {{decision}} briefly.", { _mlflow_prompt_model_config: '{"temperature": 0.1}' });
  twin.models.get("explain")!.aliases.set("live", "1");
  return twin;
}

async function start(t: TestContext, more: Partial<MlflowAdapterOptions> = {}) {
  const twin = await seeded();
  t.after(() => twin.stop());
  const adapter = createMlflowAdapter({ scheme: "mlflow", url: twin.url, ...more });
  return { twin, adapter };
}

async function revision(adapter: RestoreAdapter, at: string, reference: string): Promise<Digest> {
  const found = await adapter.resolve!(at, reference, patience());
  assert.ok(found.kind === "revision", "reason" in found ? found.reason : "");
  return found.revision.digest;
}

async function live(adapter: RestoreAdapter, at = MODEL) {
  const found = await adapter.read(at, patience());
  assert.ok(found.kind === "live", "reason" in found ? found.reason : "");
  return { digest: found.digest, version: found.version };
}

async function move(adapter: RestoreAdapter, reference: string, more: { key?: string; fence?: number } = {}) {
  const [before, desired] = [await live(adapter), await revision(adapter, MODEL, reference)];
  return adapter.apply({ at: MODEL, desired, before, key: "key", fence: 1, ...more }, patience());
}

const said = (answer: { readonly reason?: string } | { readonly kind: string }) =>
  "reason" in answer ? String(answer.reason) : "";

for (const [what, at] of [
  ["a model", MODEL],
  ["a prompt", PROMPT],
] as const) {
  const setup = async () => {
    const twin = await seeded();
    const adapter = createMlflowAdapter({ scheme: "mlflow", url: twin.url });
    const revisions = [await revision(adapter, at, "1"), await revision(adapter, at, "v2")] as const;
    const { aliases } = twin.models.get(at === MODEL ? "loan" : "explain")!;
    const rival = async (digest: Digest) =>
      void aliases.set(at === MODEL ? "champion" : "live", String(revisions.indexOf(digest) + 1));
    return { adapter, at, revisions, unknown: digestOf("never"), reference: "2", rival, stop: twin.stop };
  };
  describeRestoreAdapter({ name: `the MLflow adapter (${what})`, setup });
  // Its guarantee is blind because of a moment that these tests do not meet: here nobody writes within it.
  describeRestoreAdapter({
    name: `the MLflow adapter (${what}), while nobody else writes at the same moment,`,
    setup: async () => {
      const world = await setup();
      return { ...world, adapter: { ...world.adapter, guarantee: "cas" } };
    },
  });
}

describe("the identity of a version", () => {
  test("covers each artefact's path and bytes, and the registry's fields, and neither tags nor stage", async (t) => {
    const { twin, adapter } = await start(t, { artefacts: { believeMs: 0 } });
    const first = await live(adapter);
    const version = twin.models.get("loan")!.versions.get("1")!;
    version.tags.set("checked", "yes");
    version.current_stage = "Production";
    assert.deepEqual(await live(adapter), first);
    const file = "0/models/m-loan-1/artifacts/data/model.pkl";
    const changes: (() => unknown)[] = [
      () => twin.files.set(file, "First"),
      () => twin.files.delete(file),
      () => twin.files.set("0/models/m-loan-1/artifacts/more", ""),
      () => (version.run_id = "another"),
    ];
    const seen = new Set([first.digest]);
    for (const change of changes) {
      change();
      seen.add((await live(adapter)).digest);
    }
    assert.equal(seen.size, 1 + changes.length);
  });

  test("covers a prompt's template, type, response format and model configuration", async (t) => {
    const { twin, adapter } = await start(t);
    const { tags } = twin.models.get("explain")!.versions.get("1")!;
    const seen = new Set([(await live(adapter, PROMPT)).digest]);
    tags.set("author", "somebody");
    assert.ok(seen.has((await live(adapter, PROMPT)).digest), "a tag that only says something counts");
    for (const key of ["mlflow.prompt.text", "_mlflow_prompt_type", "_mlflow_prompt_response_format"]) {
      tags.set(key, "changed");
      seen.add((await live(adapter, PROMPT)).digest);
    }
    tags.set("_mlflow_prompt_model_config", "{}");
    seen.add((await live(adapter, PROMPT)).digest);
    assert.equal(seen.size, 5);
  });

  test("what changed in place is not held, and is refused, though it was read a moment ago", async (t) => {
    const { twin, adapter } = await start(t);
    const desired = await revision(adapter, MODEL, "2");
    assert.equal(await adapter.holds(MODEL, desired, patience()), true);
    twin.files.set("0/models/m-loan-2/artifacts/data/model.pkl", "OTHER");
    assert.equal(await adapter.holds(MODEL, desired, patience()), false);
    const before = await live(adapter);
    const answer = await adapter.apply({ at: MODEL, desired, before, key: "k", fence: 1 }, patience());
    assert.deepEqual([answer.kind, /content changed/.test(said(answer))], ["refused", true]);
    assert.equal((await live(adapter)).version, "1");
  });

  test("large files count by size, which is said; `none` asks for no artefact at all", async (t) => {
    const { twin, adapter } = await start(t, { artefacts: { upTo: 3 } });
    const first = await live(adapter);
    twin.files.set("0/models/m-loan-1/artifacts/data/model.pkl", "FIRST");
    assert.deepEqual(await live(adapter), first);
    const concerns = await adapter.concerns!(MODEL, first.digest, patience());
    assert.ok(concerns.some(({ text }) => text.includes("1 artefacts of loan 1 are compared by size only")));
    const none = createMlflowAdapter({ scheme: "mlflow", url: twin.url, artefacts: { look: "none" } });
    twin.calls.length = 0;
    await live(none);
    assert.deepEqual(twin.calls, ["GET registered-models/alias"]);
  });

  test("is found again by a new process among more versions than one page", async (t) => {
    const { twin, adapter } = await start(t);
    const desired = await revision(adapter, PROMPT, "2");
    for (let n = 0; n < 120; n++) twin.prompt("explain", `version ${n}`);
    const other = createMlflowAdapter({ scheme: "mlflow", url: twin.url });
    assert.equal(await other.holds(PROMPT, desired, patience()), true);
  });
});

describe("what is not ready or not there", () => {
  test("is not held, and is refused with the reason", async (t) => {
    const { twin, adapter } = await start(t);
    const desired = await revision(adapter, MODEL, "2");
    const version = twin.models.get("loan")!.versions.get("2")!;
    const answerNow = async () => {
      const before = await live(adapter);
      const answer = await adapter.apply({ at: MODEL, desired, before, key: "k", fence: 1 }, patience());
      assert.equal(await adapter.holds(MODEL, desired, patience()), false);
      return `${answer.kind}: ${said(answer)}`;
    };
    Object.assign(version, { status: "FAILED_REGISTRATION", status_message: "disk full" });
    assert.match(await answerNow(), /^refused: loan 2 has status FAILED_REGISTRATION \(disk full\), not READY/);
    version.status = "READY";
    twin.models.get("loan")!.versions.delete("2");
    assert.match(await answerNow(), /^refused: no version of loan has this digest: deleted/);
  });

  test("a version without an MLmodel file has no name that can be resolved", async (t) => {
    const { twin, adapter } = await start(t);
    twin.files.delete("0/models/m-loan-2/artifacts/MLmodel");
    const found = await adapter.resolve!(MODEL, "2", patience());
    assert.deepEqual([found.kind, said(found)], ["unknown", "loan 2 has no MLmodel file among its 1 artefacts"]);
  });

  test("a move that ran out of time does not read again what it read a moment ago", async (t) => {
    const { twin, adapter } = await start(t);
    for (const path of ["a", "b", "c", "d", "e"]) twin.files.set(`0/models/m-loan-2/artifacts/${path}`, path);
    const other = createMlflowAdapter({ scheme: "mlflow", url: twin.url });
    const [desired, before] = [await revision(adapter, MODEL, "2"), await live(adapter)];
    const bytes = () => twin.calls.filter((call) => call === "GET get-artifact").length;
    twin.calls.length = 0;
    twin.hook = (call) => (call === "POST registered-models/set-tag" ? "cut" : undefined);
    const apply = () => other.apply({ at: MODEL, desired, before, key: "k", fence: 1 }, patience());
    assert.equal((await apply()).kind, "unknown");
    assert.equal(bytes(), 9);
    twin.hook = () => undefined;
    assert.equal((await apply()).kind, "applied");
    assert.equal(bytes(), 9);
  });

  test("an answer that never came is not a no", async (t) => {
    const { twin, adapter } = await start(t);
    const desired = await revision(adapter, MODEL, "2");
    const before = await live(adapter);
    // A new one each time, which has read nothing yet.
    const apply = () =>
      createMlflowAdapter({ scheme: "mlflow", url: twin.url }).apply(
        { at: MODEL, desired, before, key: "k", fence: 1 },
        patience(),
      );
    for (const call of ["GET registered-models/get", "GET model-versions/get", "GET get-artifact"]) {
      for (const failure of [503, 429, "cut"] as const) {
        twin.hook = (one) => (one === call ? failure : undefined);
        assert.equal((await apply()).kind, "unknown", `${call} ${failure}`);
      }
    }
    twin.hook = (one) => (one.startsWith("GET") ? undefined : 403);
    assert.equal((await apply()).kind, "refused");
    assert.equal(twin.models.get("loan")!.aliases.get("champion"), "1");
  });
});

describe("a rival", () => {
  test("that moves the alias before our write, or after it, is answered with conflict", async (t) => {
    for (const after of [1, 2, 3]) {
      const { twin, adapter } = await start(t);
      twin.model("loan", { MLmodel: mlmodel(SCORE) });
      const { aliases } = twin.models.get("loan")!;
      let writes = 0;
      let reads = 0;
      const desired = await revision(adapter, MODEL, "2");
      const before = await live(adapter);
      // Reads of the model: planning, before the write, after the write.
      twin.hook = (call) => {
        if (call === "POST registered-models/alias") writes++;
        if (call === "GET registered-models/get" && ++reads === after) aliases.set("champion", "3");
        return undefined;
      };
      const answer = await adapter.apply({ at: MODEL, desired, before, key: "k", fence: 1 }, patience());
      assert.equal(answer.kind, "conflict", said(answer));
      assert.equal(aliases.get("champion"), "3");
      assert.equal(writes, after === 3 ? 1 : 0);
    }
  });

  test("in the one moment that MLflow leaves open is overwritten unseen: that is what blind means", async (t) => {
    const { twin, adapter } = await start(t);
    twin.model("loan", { MLmodel: mlmodel(SCORE) });
    const { aliases } = twin.models.get("loan")!;
    const [desired, before] = [await revision(adapter, MODEL, "2"), await live(adapter)];
    twin.hook = (call) => {
      if (call === "POST registered-models/alias") aliases.set("champion", "3");
      return undefined;
    };
    const answer = await adapter.apply({ at: MODEL, desired, before, key: "k", fence: 1 }, patience());
    assert.deepEqual([answer.kind, aliases.get("champion")], ["applied", "2"]);
  });

  test("that is a newer Rollbook, and claimed while we prepared, makes us stale", async (t) => {
    const { twin, adapter } = await start(t);
    const [desired, before] = [await revision(adapter, MODEL, "2"), await live(adapter)];
    twin.hook = (call) => {
      if (call === "POST registered-models/set-tag") {
        queueMicrotask(() => twin.models.get("loan")!.tags.set("rollbook.fence.champion", "9"));
      }
      return undefined;
    };
    const answer = await adapter.apply({ at: MODEL, desired, before, key: "k", fence: 5 }, patience());
    assert.deepEqual([answer.kind, twin.models.get("loan")!.aliases.get("champion")], ["stale", "1"]);
    assert.match(said(answer), /fence 9 has written, and this is 5 \(tag rollbook\.fence\.champion of loan\)/);
  });

  test("`fence: false` leaves no tag behind", async (t) => {
    const { twin, adapter } = await start(t, { fence: false });
    assert.equal((await move(adapter, "2")).kind, "applied");
    assert.equal(twin.models.get("loan")!.tags.size, 0);
  });
});

describe("a write without a clear answer", () => {
  test("is unknown when the connection breaks before or after it, and reading says which", async (t) => {
    for (const at of ["POST registered-models/alias", "GET registered-models/get"]) {
      const { twin, adapter } = await start(t);
      const [desired, before] = [await revision(adapter, MODEL, "2"), await live(adapter)];
      let written = false;
      twin.hook = (call) => {
        if (call === at && (written || call.startsWith("POST"))) return "cut";
        written ||= call === "POST registered-models/alias";
        return undefined;
      };
      const answer = await adapter.apply({ at: MODEL, desired, before, key: "k", fence: 1 }, patience());
      assert.equal(answer.kind, "unknown");
      twin.hook = () => undefined;
      assert.equal((await live(adapter)).version, written ? "2" : "1");
      const again = await adapter.apply({ at: MODEL, desired, before, key: "k", fence: 1 }, patience());
      assert.equal(again.kind, written ? "conflict" : "applied");
    }
  });

  test("a key that had its effect does not undo what somebody did since", async (t) => {
    const { adapter } = await start(t);
    const before = await live(adapter);
    const desired = await revision(adapter, MODEL, "2");
    const request = { at: MODEL, desired, before, key: "k", fence: 1 };
    assert.equal((await adapter.apply(request, patience())).kind, "applied");
    assert.equal((await adapter.apply(request, patience())).kind, "already");
    assert.equal((await move(adapter, "1", { key: "person" })).kind, "applied");
    const late = await adapter.apply(request, patience());
    assert.match(`${late.kind}: ${said(late)}`, /^conflict: this move was made before/);
  });
});

describe("addresses", () => {
  test("that are none are refused before anything is called", async (t) => {
    const { twin, adapter } = await start(t);
    const desired = digestOf("x");
    for (const at of [
      "loan@champion",
      "models/loan",
      "models/loan/12",
      "models/@champion",
      "models/loan@latest",
    ].concat(["models/loan@v12", "models/a%3Ab@c", "models/loan@a b", "models/%@c", "runs/loan@c", "models/loan@"])) {
      const request = { at: `mlflow://${at}`, desired, before: { digest: desired, version: "1" }, key: "k", fence: 1 };
      assert.equal((await adapter.apply(request, patience())).kind, "refused", at);
      assert.equal((await adapter.read(`mlflow://${at}`, patience())).kind, "unreachable", at);
    }
    assert.deepEqual(twin.calls, []);
  });

  test("a prompt is not a model, and the other way round", async (t) => {
    const { adapter } = await start(t);
    const found = await adapter.read("mlflow://models/explain@live", patience());
    assert.equal(said(found), "explain is a prompt; write mlflow://prompts/explain@live");
    const other = await adapter.read("mlflow://prompts/loan@champion", patience());
    assert.equal(said(other), "loan is a model; write mlflow://models/loan@champion");
  });

  test("names that need encoding or quoting reach the registry as they are", async (t) => {
    const { twin, adapter } = await start(t);
    await fc.assert(
      fc.asyncProperty(fc.stringMatching(/^[\w '@%.é-]{1,20}$/), async (name) => {
        twin.models.clear();
        twin.prompt(name, "text");
        twin.models.get(name)!.aliases.set("live", "1");
        const at = `mlflow://prompts/${encodeURIComponent(name)}@live`;
        const other = createMlflowAdapter({ scheme: "mlflow", url: twin.url });
        assert.equal(await other.holds(at, await revision(adapter, at, "1"), patience()), true);
      }),
      { numRuns: 30 },
    );
  });
});

describe("what serves", () => {
  /** A process that has loaded a version, and loads the alias anew when told. */
  async function process(t: TestContext, twin: MlflowTwin, reloads = true) {
    const state = { version: "1", reloads: 0 };
    const server = createServer((request, response) => {
      if (request.method === "POST") {
        state.reloads++;
        if (reloads) state.version = twin.models.get("loan")!.aliases.get("champion")!;
        response.writeHead(reloads ? 200 : 500).end();
      } else {
        response.setHeader("x-version", `models:/loan/${state.version}`);
        response.end(JSON.stringify({ model: { version: Number(state.version) } }));
      }
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    t.after(() => server.close());
    return { state, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` };
  }

  test("is seen when every process says the version; without a reload it stays as it is", async (t) => {
    const { twin } = await start(t);
    const [one, two] = [await process(t, twin), await process(t, twin)];
    const says = { field: "model.version" };
    const serving = { "loan@champion": { urls: [one.url, two.url], says } };
    const adapter = createMlflowAdapter({ scheme: "mlflow", url: twin.url, serving });
    assert.deepEqual([MODEL, `${MODEL}2`, "mlflow://"].map(adapter.sees!), [true, false, false]);
    const desired = await revision(adapter, MODEL, "2");
    assert.match(said(await adapter.seen!(MODEL, desired, patience())), /^the alias points at version 1/);
    assert.equal((await move(adapter, "2")).kind, "applied");
    assert.match(said(await adapter.seen!(MODEL, desired, patience())), /has 1, not version 2$/);
    one.state.version = "2";
    assert.match(said(await adapter.seen!(MODEL, desired, patience())), /has 1, not version 2$/);
    two.state.version = "2";
    assert.deepEqual(await adapter.seen!(MODEL, desired, patience()), { kind: "seen" });
  });

  test("is told to reload once the alias has moved", async (t) => {
    const { twin } = await start(t);
    const { state, url } = await process(t, twin);
    const serving = { "loan@champion": { urls: [url], says: { header: "X-Version" } } };
    const reload = { "loan@champion": { urls: [url], method: "POST" as const } };
    const adapter = createMlflowAdapter({ scheme: "mlflow", url: twin.url, serving, reload });
    const desired = await revision(adapter, MODEL, "2");
    assert.equal((await move(adapter, "2")).kind, "applied");
    for (let n = 0; n < 100 && (await adapter.seen!(MODEL, desired, patience())).kind !== "seen"; n++) {
      await setTimeout(5);
    }
    assert.deepEqual(await adapter.seen!(MODEL, desired, patience()), { kind: "seen" });
    assert.equal(state.reloads, 1);
  });

  test("is told by `seen` too, after a crash between the move and the reload; a reload that fails is named", async (t) => {
    const { twin } = await start(t);
    const { state, url } = await process(t, twin, false);
    const serving = { "loan@champion": { urls: [url], says: { field: "model.version" } } };
    const reload = { "loan@champion": { urls: [url], method: "POST" as const } };
    const adapter = createMlflowAdapter({ scheme: "mlflow", url: twin.url, serving, reload });
    twin.models.get("loan")!.aliases.set("champion", "2");
    const desired = await revision(adapter, MODEL, "2");
    let reason = "";
    for (let n = 0; n < 100 && !reason.includes("reload"); n++) {
      reason = said(await adapter.seen!(MODEL, desired, patience()));
      await setTimeout(5);
    }
    assert.match(reason, /has 1, not version 2; its reload answers 500$/);
    assert.equal(state.reloads, 1, "it is not told again with every look");
  });

  test("that says nothing, or nothing useful, is unreachable; where nobody is named nothing is claimed", async (t) => {
    const { twin, adapter: silent } = await start(t);
    assert.equal(silent.seen, undefined);
    const { url } = await process(t, twin);
    const digest = await revision(silent, MODEL, "1");
    for (const [urls, field, reason] of [
      [[url], "model.revision", /without the field model\.revision/],
      [[`${twin.url}/health`], "version", /answers 404/],
      [["http://127.0.0.1:1/"], "version", /cannot be asked/],
    ] as const) {
      const serving = { "loan@champion": { urls, says: { field } } };
      const adapter = createMlflowAdapter({ scheme: "mlflow", url: twin.url, serving });
      const seen = await adapter.seen!(MODEL, digest, patience());
      assert.equal(seen.kind, "unreachable");
      assert.match(said(seen), reason);
    }
  });
});

describe("concerns", () => {
  test("name the columns that differ, who shares the version, and what cannot be known", async (t) => {
    const { twin, adapter } = await start(t);
    const desired = await revision(adapter, MODEL, "2");
    twin.models.get("loan")!.aliases.set("shadow", "1");
    twin.models.get("loan")!.versions.get("2")!.current_stage = "Archived";
    const texts = (await adapter.concerns!(MODEL, desired, patience())).map(({ text }) => text).join("\n");
    assert.match(texts, /version 2 differs from live version 1: inputs: postcode \(string\) is in the target only/);
    assert.match(texts, /@shadow points at live version 1 too and stays there/);
    assert.match(texts, /loan 2 is in stage Archived/);
    assert.match(texts, /MLflow has no precondition/);
    assert.match(texts, /a moved alias does not reload what runs/);
    const gone = await adapter.concerns!(MODEL, digestOf("never"), patience());
    assert.deepEqual(
      gone.map(({ level }) => level),
      ["blocking"],
    );
  });

  test("a server that does not answer is one", async (t) => {
    const { twin, adapter } = await start(t);
    twin.hook = () => 500;
    const [concern] = await adapter.concerns!(MODEL, digestOf("x"), patience());
    assert.equal(concern?.level, "blocking");
    assert.match(concern.text, /^MLflow answers 500/);
  });
});

describe("signatures", () => {
  test("are read from the MLmodel file, and compared column by column", () => {
    const live = signatureIn(
      mlmodel(SCORE, { type: "long", name: "age", required: true }, { type: "string", name: "x" }),
    );
    const then = signatureIn(mlmodel(SCORE, { type: "double", name: "age", required: false }));
    assert.ok(live && then);
    assert.deepEqual(signatureChanges(live, then), [
      "inputs: age is long in live and double, optional in the target",
      "inputs: x (string) is in live only",
    ]);
    assert.deepEqual(signatureChanges(live, live), []);
    const tensor = signatureIn(mlmodel({ type: "tensor", "tensor-spec": { dtype: "float32", shape: [-1, 2] } }));
    assert.equal(tensor?.inputs.get("#0"), 'tensor {"tensor-spec":{"dtype":"float32","shape":[-1,2]}}');
  });

  test("a file that has none, or is none, has no signature", () => {
    for (const text of ["", "flavors: {}", "signature: null", ": [", "signature: { inputs: '{' }"]) {
      assert.equal(signatureIn(text), undefined, text);
    }
  });
});
