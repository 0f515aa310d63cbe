import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { cliDocs } from "../scripts/cli-docs.ts";
import { connectionDocs } from "../scripts/connection-docs.ts";
import { apiDocs } from "../scripts/generate-docs.ts";

const page = (name: string) => readFileSync(new URL(`../docs/${name}`, import.meta.url), "utf8");

test("docs/api.md says what the table of operations says", () => {
  assert.equal(page("api.md"), apiDocs(), "run: node scripts/generate-docs.ts");
});

test("docs/cli.md says what the table of commands says", () => {
  assert.equal(page("cli.md"), cliDocs(), "run: node scripts/generate-docs.ts");
});

test("docs/connections.md knows every kind of connection and its keys", () => {
  assert.equal(page("connections.md"), connectionDocs(page("connections.md")), "run: node scripts/generate-docs.ts");
});
