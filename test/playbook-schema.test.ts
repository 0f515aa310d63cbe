import assert from "node:assert/strict";
import { globSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { Ajv } from "ajv";
import fc from "fast-check";
import { parse } from "yaml";
import { playbookPage, schemaText } from "../scripts/generate-schema.ts";
import { playbookSchema } from "../src/playbook/json-schema.ts";
import { type BlockSpec, language } from "../src/playbook/language.ts";
import { parsePlaybook } from "../src/playbook/parse-playbook.ts";
import { runs } from "../src/testing/runs.fixture.ts";

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

test("the schema takes every example and every playbook of the tutorial", () => {
  const files = globSync("docs/{examples,tutorial}/**/*.yaml", { cwd: root }).filter((file) =>
    /^rollbook: v1$/m.test(read(file)),
  );
  assert.ok(files.length >= 10);
  for (const file of files) assert.equal(taken(read(file)), true, `${file}: ${JSON.stringify(validate.errors)}`);
});

/** What is wrong with these no schema can know: it lies between two places of the file, or in how YAML is written. */
const onlyTheParserKnows = new Set([
  "anchors.yaml",
  "canary-order.yaml",
  "canary-without-room.yaml",
  "count-claims.yaml",
  "counts.yaml",
  "directive.yaml",
  "duplicate-keys.yaml",
  "good-news.yaml",
  "latin-1.yaml",
  "places-twice.yaml",
  "slowing-shares.yaml",
  "tag.yaml",
  "times-elsewhere.yaml",
  "two-documents.yaml",
  "two-routes.yaml",
  "units-elsewhere.yaml",
  "unknown-signals.yaml",
  "recent-and-warm.yaml",
  "wrong-indent.yaml",
]);

test("the schema refuses every broken playbook of which a schema can know", () => {
  const accepted = folder("broken").filter(({ text }) => taken(text) === true);
  assert.deepEqual(new Set(accepted.map(({ file }) => file)), onlyTheParserKnows);
});

/** Lines of whole playbooks in new company: what is left are playbooks that nobody thought of. */
const bases = [...folder("good").map(({ text }) => text), ...globSync("docs/examples/*.yaml", { cwd: root }).map(read)];
const values = [
  ...Object.values(language as Record<string, BlockSpec>).flatMap(({ keys }) =>
    Object.values(keys).map(({ example }) => example),
  ),
  ...[
    "5",
    "05",
    "0.5",
    "5%",
    "5 %",
    '"5"',
    "p99.9",
    "true",
    "'true'",
    "-0.3",
    "0.2",
    "[0, 1]",
    "errors 9 in a row",
    "30s",
    '" 30s "',
    "1e3",
    "0",
    "100",
    "act",
  ],
  ...["observe", "gateway://x", "flags://x", "[ ]", "{ }", "contain after 1h", "[ k8s://a/b ]", "events", "stable"],
];

test("what the parser accepts the schema accepts, whatever is swapped, dropped or put in", () => {
  const edit = fc.record({
    at: fc.nat(),
    kind: fc.constantFrom("drop", "value", "line"),
    put: fc.constantFrom(...values),
  });
  let accepted = 0;
  fc.assert(
    fc.property(fc.constantFrom(...bases), fc.array(edit, { minLength: 1, maxLength: 3 }), (base, edits) => {
      const text = edits.reduce((current, { at, kind, put }) => {
        const lines = current.split("\n");
        const index = at % lines.length;
        const line = lines[index]!;
        if (kind === "drop") return lines.toSpliced(index, 1).join("\n");
        if (kind === "line") return lines.toSpliced(index, 0, `${/^ */.exec(line)?.[0]}${put}`).join("\n");
        const spots = [...line.matchAll(/(?<=[:[,] )[^\s{}[\],][^{}[\],]*/g)];
        const spot = spots[at % Math.max(1, spots.length)];
        const value = put.replace(/^[a-z-]+: /, "");
        if (!spot) return current;
        return lines
          .with(index, line.slice(0, spot.index) + value + line.slice(spot.index + spot[0].length))
          .join("\n");
      }, base);
      if (parsePlaybook(text, "a.yaml").kind === "invalid") return;
      accepted++;
      assert.equal(taken(text), true, `${text}\n${JSON.stringify(validate.errors)}`);
    }),
    { numRuns: runs(120) },
  );
  assert.ok(accepted > 0, `only ${accepted} were playbooks at all`);
});
