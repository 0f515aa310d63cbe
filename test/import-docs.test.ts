import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { importConfig } from "../src/playbook/import/import-config.ts";

const page = readFileSync(new URL("../docs/import.md", import.meta.url), "utf8");

function block(kind: "input" | "output", of: string): string {
  const found = new RegExp(`<!-- ${kind} ${of} -->\n\`\`\`\\w+\n([\\s\\S]*?)\n\`\`\``).exec(page);
  assert.ok(found, `${kind} of ${of}`);
  return `${found[1]}\n`;
}

for (const kind of ["argo", "flagger", "kayenta"]) {
  test(`docs/import.md: the example of ${kind} becomes what the page shows`, () => {
    const result = importConfig(block("input", kind), `${kind}.yaml`);
    assert.equal(result.kind, "imported", JSON.stringify(result));
    const lines = result.playbook.split("\n");
    for (const line of block("output", kind).trimEnd().split("\n")) {
      assert.ok(lines.includes(line), `${line}\n\n${result.playbook}`);
    }
  });
}
