import assert from "node:assert/strict";
import { test } from "node:test";
import { importConfig } from "./import-config.ts";

/** Nine of the line before, again and again. */
function laughs(levels: number): string {
  const line = (level: number) => `l${level}: &l${level} [${`*l${level - 1}, `.repeat(9)}]\n`;
  return `kind: Canary\nl0: &l0 ha\n${Array.from({ length: levels }, (_, at) => line(at + 1)).join("")}`;
}

const wrong: readonly (readonly [about: string, text: string, place: string, code: string])[] = [
  ["nothing", "", "1:1", "EMPTY"],
  ["a comment", "# later\n", "1:1", "EMPTY"],
  ["another object", "kind: Service\nmetadata: { name: x }\n", "1:1", "UNKNOWN_WORD"],
  ["broken YAML", "kind: Canary\nspec: [1, 2\n", "3:1", "YAML_SYNTAX"],
  ["broken JSON", '{ "metrics": [,] }', "1:15", "YAML_SYNTAX"],
  ["a number that is none", "kind: Canary\nspec:\n  analysis:\n    threshold: many\n", "4:5", "BAD_VALUE"],
  ["a list that is none", "kind: Canary\nspec:\n  analysis:\n    metrics: { a: 1 }\n", "4:5", "WRONG_KIND"],
  ["a value that is a block", "kind: Canary\nmetadata: { name: { a: 1 } }\n", "2:13", "WRONG_KIND"],
  ["merge keys", "kind: Canary\nspec:\n  <<: { a: 1 }\n", "3:3", "YAML_ALIAS"],
  ["an alias of nothing", "kind: Canary\nspec: *gone\n", "2:7", "YAML_ALIAS"],
  ["an alias of itself", "kind: Canary\nspec: &s [*s]\n", "2:11", "TOO_DEEP"],
  ["a key that stands twice", "kind: Canary\nspec: { a: 1, a: 2 }\n", "2:15", "DUPLICATE_KEY"],
  ["aliases that grow without end", laughs(12), "", "TOO_DEEP"],
  ["nesting without end", `kind: Canary\nspec: ${"[".repeat(100)}${"]".repeat(100)}\n`, "2:71", "TOO_DEEP"],
  ["more than a config", `kind: Canary\nspec: [${"1,".repeat(60_000)}]\n`, "", "TOO_DEEP"],
  ["more than a megabyte", "#".repeat(1_100_000), "1:1", "TOO_LARGE"],
];

for (const [about, input, place, code] of wrong) {
  test(`${about} is refused with its place`, () => {
    const result = importConfig(input, "wrong.yaml");
    assert.equal(result.kind, "invalid");
    const [issue] = result.issues;
    assert.equal(issue?.code, code, JSON.stringify(result.issues));
    if (place !== "") assert.equal(`${issue?.line}:${issue?.column}`, place);
  });
}
