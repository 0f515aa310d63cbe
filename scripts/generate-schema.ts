// Writes docs/schema/v1.json and the marked tables of docs/playbook.md from the table of the playbook language. With
// --check it writes nothing and fails when a file differs.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import type { Json } from "../src/core/digest.ts";
import { playbookSchema } from "../src/playbook/json-schema.ts";
import { type BlockSpec, language } from "../src/playbook/language.ts";

const schemaFile = new URL("../docs/schema/v1.json", import.meta.url);
const pageFile = new URL("../docs/playbook.md", import.meta.url);
const blocks: Readonly<Record<string, BlockSpec>> = language;

export function schemaText(): string {
  return `${layOut(playbookSchema(), 0, 0)}\n`;
}

const WIDTH = 120;

/** JSON as the formatter of this repository lays it out: short lists on one line, blocks never. */
function layOut(value: Json, depth: number, before: number): string {
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const inner = "  ".repeat(depth + 1);
  const outer = "  ".repeat(depth);
  if (Array.isArray(value)) {
    const items = value.map((item: Json) => layOut(item, depth + 1, 0));
    const line = `[${items.join(", ")}]`;
    const short = !line.includes("\n") && depth * 2 + before + line.length < WIDTH;
    return short ? line : `[\n${items.map((item) => inner + item).join(",\n")}\n${outer}]`;
  }
  const fields = Object.entries(value).map(
    ([key, field]) => `${JSON.stringify(key)}: ${layOut(field as Json, depth + 1, key.length + 4)}`,
  );
  return fields.length === 0 ? "{}" : `{\n${fields.map((field) => inner + field).join(",\n")}\n${outer}}`;
}

/** The page with its tables made anew: each stands between `<!-- keys of NAME -->` and `<!-- end -->`. */
export function playbookPage(page: string): string {
  return page
    .replaceAll(/(<!-- keys of (\w+) -->\n)[\s\S]*?(<!-- end -->)/g, (_, head, name, tail) => {
      const spec = blocks[name];
      if (!spec) throw new Error(`docs/playbook.md asks for the keys of ${name}, which the language does not have`);
      return `${head}${keyTable(spec)}${tail}`;
    })
    .replace(
      /(<!-- keys without effect -->\n)[\s\S]*?(<!-- end -->)/,
      (_, head, tail) => `${head}${idleTable()}${tail}`,
    );
}

function keyTable({ keys }: BlockSpec): string {
  const rows = Object.entries(keys).map(([key, { need, said, meaning, instead }]) => {
    const note = instead === undefined ? "" : " *No effect yet.*";
    return `| \`${key}\` | ${said ?? (need === "must" ? "required" : "optional")} | ${meaning}.${note} |`;
  });
  return ["| key | | what it says |", "|---|---|---|", ...rows, ""].join("\n");
}

function idleTable(): string {
  const rows = Object.values(blocks).flatMap(({ where, keys }) =>
    Object.entries(keys).flatMap(([key, { instead, example }]) =>
      instead === undefined ? [] : [`| ${where} | \`${key}\` | \`${example}\` | ${instead} |`],
    ),
  );
  return ["| in | key | written | instead |", "|---|---|---|---|", ...rows, ""].join("\n");
}

if (import.meta.main) {
  const page = readFileSync(pageFile, "utf8");
  mkdirSync(new URL(".", schemaFile), { recursive: true });
  for (const [file, text] of [
    [schemaFile, schemaText()],
    [pageFile, playbookPage(page)],
  ] as const) {
    if (!process.argv.includes("--check")) writeFileSync(file, text);
    else if (readFileSync(file, "utf8") !== text) {
      process.stderr.write(`${file.pathname} is not what the language says. Run: node scripts/generate-schema.ts\n`);
      process.exitCode = 1;
    }
  }
}
