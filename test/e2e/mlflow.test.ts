import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
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

async function twoPrompts(): Promise<string> {
  const name = `explain-${++count}`;
  await server.run("prompt", { name, template: "Explain {{decision}} kindly." });
  const chat = [{ role: "system", content: "Explain {{decision}} briefly." }];
  await server.run("prompt", { name, template: chat, model_config: { temperature: 0.1 } });
  await server.run("prompt_alias", { name, alias: "live", version: "1" });
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

for (const [kind, alias] of [
  ["models", "champion"],
  ["prompts", "live"],
] as const) {
  describe(`on a real server, for ${kind}`, { skip }, () => {
    describeRestoreAdapter({
      name: `the MLflow adapter (${kind})`,
      setup: async () => {
        const name = kind === "models" ? (await twoModels()).name : await twoPrompts();
        const at = `mlflow://${kind}/${name}@${alias}`;
        const adapter = adapterOf();
        const revisions = await digestsOf(adapter, at);
        const rival = async (digest: Digest) =>
          void (await server.run("alias", { name, alias, version: String(revisions.indexOf(digest) + 1) }));
        // A fresh adapter: nothing is remembered from setting up.
        return {
          adapter: adapterOf(),
          at,
          revisions,
          unknown: digestOf("never"),
          reference: "2",
          rival,
          stop: async () => {},
        };
      },
    });
  });
}
