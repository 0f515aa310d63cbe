import assert from "node:assert/strict";
import { test } from "node:test";
import { startMlflowTwin } from "../../adapters/mlflow/mlflow-twin.fixture.ts";
import { systemClock } from "../system-clock.ts";
import { mlflow } from "./mlflow.ts";

const sound = { url: "https://mlflow.example/prefix" };
const serving = { url: "http://scoring:8080/version", field: "model.version" };

test("the settings are closed, and say what is wrong", () => {
  assert.ok(mlflow.settings.safeParse(sound).success);
  assert.ok(mlflow.settings.safeParse({ ...sound, serving: { "loan@champion": serving } }).success);
  for (const [flaw, said] of [
    [{ url: "mlflow.example" }, /must be an http:\/\/ or https:\/\/ address/],
    [{ url: "https://me:secret@mlflow.example" }, /must carry no user or password/],
    [{ url: "https://mlflow.example/?workspace=x" }, /neither query nor fragment/],
    [{ auth: { token: "abc" } }, /is either \{ token: ... \} or \{ user: ..., password: ... \}/],
    [{ auth: { user: "me" } }, /is either/],
    [{ artefacts: "some" }, /bytes/],
    [{ timeout: "5" }, /must be a time such as 5s/],
    [{ serving: { loan: serving } }, /is written NAME@ALIAS/],
    [{ serving: { "loan@champion": { url: serving.url } } }, /needs either field or header/],
    [{ serving: { "loan@champion": { field: "version" } } }, /needs either url or urls/],
    [{ reload: { "loan@champion": { url: serving.url, method: "GET" } } }, /POST/],
    [{ token: { env: "X" } }, /token/],
  ] as const) {
    const { error } = mlflow.settings.safeParse({ ...sound, ...flaw });
    assert.match(JSON.stringify(error?.issues ?? []).replaceAll("\\", ""), said);
  }
});

test("a connection serves its own name, sends what it was given, and asks who serves", async (t) => {
  const twin = await startMlflowTwin();
  t.after(() => twin.stop());
  twin.prompt("explain", "Explain {{decision}}.");
  twin.models.get("explain")!.aliases.set("live", "1");
  const sent: string[] = [];
  twin.hook = (_call, authorization) => void sent.push(authorization);
  const secret = (reference: object) => ("env" in reference ? `<${String(reference.env)}>` : "");
  const world = { folder: "/", data: "/", clock: systemClock, secret };
  const at = "mlflow-eu://prompts/explain@live";
  for (const auth of [undefined, { token: { env: "TOKEN" } }, { user: "me", password: { env: "PASSWORD" } }]) {
    const settings = mlflow.settings.parse({ url: `${twin.url}/`, ...(auth ? { auth } : {}) });
    const { restore } = mlflow.connect("mlflow-eu", settings, world);
    assert.ok(restore);
    assert.ok(restore.serves(at) && !restore.serves("mlflow://prompts/explain@live"));
    const found = await restore.read(at, AbortSignal.timeout(5000));
    assert.ok(found.kind === "live" && found.label === "explain 1");
    assert.equal(restore.seen, undefined);
  }
  assert.deepEqual(sent, ["", "Bearer <TOKEN>", `Basic ${Buffer.from("me:<PASSWORD>").toString("base64")}`]);
  const asking = mlflow.settings.parse({ url: twin.url, serving: { "explain@live": serving } });
  assert.ok(mlflow.connect("mlflow", asking, world).restore?.seen);
});
