import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { inspect } from "node:util";
import { shareMemory } from "../simulation/memory-exchange.ts";
import { createMemoryStore } from "../simulation/memory-store.ts";
import { givenLedgerKey, ledgerKey, sharedRequestKey } from "./secrets.ts";
import { serveFolder } from "./serve-folder.ts";
import { agreeOnKey } from "./shared-store.ts";

const ed25519 = () => generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" }).toString();

test("a store that is away, or that is none, is one sentence without the password", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "rollbook-shared-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const serve = (store: string) =>
    serveFolder({
      folder,
      store,
      secretOf: (name) => ({ AWAY: "postgres://u:geh%2Feim@127.0.0.1:9/x" })[name],
      say: () => {},
    });
  const refused = async (store: string) =>
    serve(store).then(
      () => assert.fail("it began"),
      (error: Error) => error,
    );
  // What was waited is no matter of the time of day.
  const now = Date.now;
  let back = 0;
  t.mock.method(Date, "now", () => now() - back);
  setTimeout(() => {
    back = 3_600_000;
  }, 500);
  const away = await refused("env:AWAY");
  assert.match(away.message, /^The shared store does not answer: Postgres at 127\.0\.0\.1:9\/x does not answer/);
  const [none, missing] = [await refused("mysql://u:geheim@h/x"), await refused("env:NOWHERE")];
  assert.match(none.message, /not of the form postgres:/);
  assert.equal(missing.message, "the environment variable NOWHERE is not set");
  for (const error of [away, none, missing]) assert.doesNotMatch(inspect(error), /geheim|geh%2Feim|geh\/eim/);
});

test("replicas with one ledger key agree, and have one key for request ids; another key is refused", async (t) => {
  const hub = shareMemory(createMemoryStore(), Date.now);
  await agreeOnKey(hub.replica().exchange, "rollbook+a");
  await agreeOnKey(hub.replica().exchange, "rollbook+a");
  await assert.rejects(agreeOnKey(hub.replica().exchange, "rollbook+b"), { code: "LEDGER_KEY_FOREIGN" });
  const [pem, other] = [ed25519(), ed25519()];
  assert.deepEqual(sharedRequestKey(givenLedgerKey(pem)), sharedRequestKey(givenLedgerKey(pem)));
  assert.notDeepEqual(sharedRequestKey(givenLedgerKey(pem)), sharedRequestKey(givenLedgerKey(other)));
  const rsa = generateKeyPairSync("rsa", { modulusLength: 1024 }).privateKey.export({ type: "pkcs8", format: "pem" });
  for (const wrong of ["geheim", rsa.toString()])
    assert.throws(
      () => givenLedgerKey(wrong),
      (error: Error) =>
        /not an Ed25519 private key/.test(error.message) && !inspect(error).includes(wrong.slice(30, 60) || wrong),
    );
  const folder = mkdtempSync(join(tmpdir(), "rollbook-key-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const made = [ledgerKey(folder), ledgerKey(folder)].map((key) => key.export({ type: "pkcs8", format: "pem" }));
  assert.equal(made[0], made[1]);
  assert.deepEqual(readdirSync(folder), ["ledger.key"]);
});
