import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { Ajv } from "ajv";
import { parse } from "yaml";
import { playbookPage, schemaText } from "../scripts/generate-schema.ts";
import { playbookSchema } from "../src/playbook/json-schema.ts";

const root = join(import.meta.dirname, "..");
const read = (path: string) => readFileSync(join(root, path), "utf8");
const validate = new Ajv({ strict: false }).compile(playbookSchema());

/** Does the schema take this text? Undefined when it is no YAML at all. */
function taken(text: string): boolean | undefined {
  try {
    return validate(parse(text, { logLevel: "silent", uniqueKeys: false }));
  } catch {
    return undefined;
  }
}

const folder = (name: string) =>
  readdirSync(join(root, "test/playbooks", name))
    .filter((file) => file.endsWith(".yaml"))
    .map((file) => ({ file, text: read(`test/playbooks/${name}/${file}`) }));

test("docs/schema/v1.json and the tables of docs/playbook.md are what the language says", () => {
  assert.equal(read("docs/schema/v1.json"), schemaText(), "run: node scripts/generate-schema.ts");
  const page = read("docs/playbook.md");
  assert.equal(page, playbookPage(page), "run: node scripts/generate-schema.ts");
});

test("the schema takes every good playbook", () => {
  for (const { file, text } of folder("good")) {
    assert.equal(taken(text), true, `${file}: ${JSON.stringify(validate.errors)}`);
  }
});
