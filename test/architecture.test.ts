// biome-ignore-all lint/suspicious/noTemplateCurlyInString: planted sources are texts.
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, test } from "node:test";
import { isTest, readHouse, type SourceFile, violationsIn } from "./architecture/house.ts";
import { fileLimits } from "./architecture.ts";

const root = dirname(import.meta.dirname);

/** The violations of a house made of these files, read from a real folder. */
function violationsOf(files: Readonly<Record<string, string>>): readonly string[] {
  const folder = mkdtempSync(join(tmpdir(), "rollbook-house-"));
  try {
    for (const [path, source] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), source);
    }
    return readHouse(folder).flatMap(violationsIn);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const caught = (path: string, source: string) =>
  assert.notDeepEqual(violationsOf({ [path]: source }), [], `not caught in ${path}: ${source}`);
const allowed = (path: string, source: string) => assert.deepEqual(violationsOf({ [path]: source }), [], source);

describe("the house", () => {
  const house = readHouse(root);
  const sources = house.filter(({ path }) => !isTest(path));

  test("every import and every global is one that its folder may use", () => {
    assert.ok(house.length > 10, "the house is empty");
    assert.deepEqual(house.flatMap(violationsIn), []);
  });

  test("no file is too long", (context) => {
    const lines = ({ source }: SourceFile) => source.trimEnd().split("\n").length;
    const long = sources
      .filter((file) => lines(file) > fileLimits.longest)
      .map((file) => `${file.path}: ${lines(file)}`);
    assert.deepEqual(long, []);
    const sorted = sources.map(lines).sort((a, b) => a - b);
    const median = sorted[sorted.length >> 1] ?? 0;
    context.diagnostic(
      `median ${median} lines (aim: ${fileLimits.median}), longest ${sorted.at(-1)}, ${sorted.length} files`,
    );
    assert.ok(median <= fileLimits.median, `the median file has ${median} lines`);
  });

  test("files are named in kebab-case after something", () => {
    const odd = house
      .map(({ path }) => path)
      .filter((path) => {
        const name = path.split("/").at(-1) as string;
        return !/^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z-]+)*\.(ts|tsx)$/.test(name) || fileLimits.vague.test(name);
      });
    assert.deepEqual(odd, []);
  });
});

describe("a planted import is caught", () => {
  const flavours: Readonly<Record<string, (specifier: string) => string>> = {
    static: (from) => `import { x } from "${from}";`,
    default: (from) => `import x, { y as z } from '${from}';`,
    "over lines": (from) => `import {\n  x,\n  type Y, // from "elsewhere"\n} from\n  "${from}";`,
    type: (from) => `import type { X } from "${from}";`,
    namespace: (from) => `import * as x from "${from}";`,
    bare: (from) => `import "${from}";`,
    "re-export": (from) => `export { x } from "${from}";`,
    "re-export of all": (from) => `export * from "${from}";`,
    "re-export of types": (from) => `export type * as X from "${from}";`,
    "re-export by text": (from) => `export { "odd name" as x } from "${from}";`,
    dynamic: (from) => `const x = await import("${from}");`,
    "dynamic with a template": (from) => `const x = await import(\`${from}\`);`,
    "dynamic inside a template": (from) => `const x = \`\${await import("${from}")}\`;`,
    "type of an import": (from) => `type X = import("${from}").X;`,
    require: (from) => `const x = require("${from}");`,
    "after a regular expression": (from) => `const quote = /["'\`]/;\nimport x from "${from}";`,
    "after a division": (from) => `const half = (a) / 2; const q = "/";\nimport x from "${from}";`,
  };
  for (const [flavour, write] of Object.entries(flavours)) {
    test(flavour, () => {
      caught("src/core/planted.ts", write("../store/sqlite/store.ts"));
      caught("src/watch/deep/planted.ts", write("../../decide/plan.ts"));
      caught("src/restore/planted.ts", write("undici"));
      caught("src/statistics/planted.ts", write("node:fs"));
      allowed("src/watch/planted.ts", write("../core/plan.ts"));
      allowed("src/playbook/planted.ts", write("zod/v4"));
      allowed("src/core/planted.ts", write("node:crypto"));
    });
  }

  test("a computed import", () => {
    caught("src/control/planted.ts", "const x = await import(name);");
    caught("src/control/planted.ts", "const x = await import(`./${name}.ts`);");
    caught("src/control/planted.ts", 'const x = await import("./" + name);');
  });

  test("by detours, unknown folders, other people's tests and Node without its prefix", () => {
    caught("src/core/planted.ts", 'import "./../../src/app/main.ts";');
    caught("src/core/planted.ts", 'import "../core-extra/x.ts";');
    caught("src/watch/planted.ts", 'import "../core/plan.test.ts";');
    caught("src/anything/planted.ts", "export const x = 1;");
    caught("src/store/planted.ts", 'import "fs";');
    caught("src/store/planted.ts", 'import { env } from "node:process";');
    caught("src/traffic/provider/planted.ts", 'import "../gateway/gateway.ts";');
    caught("demo/planted.ts", 'import "../src/watch/evaluator.ts";');
    allowed("demo/planted.ts", 'import "../src/core/plan.ts"; import "../src/testing/index.ts"; import "yaml";');
    allowed("bench/planted.ts", 'import "../src/index.ts";');
    allowed("test/planted.ts", 'import "../src/watch/evaluator.ts"; import "playwright-core";');
  });

  test("a test may use the worlds and the contracts, and still not another stage", () => {
    allowed("src/restore/saga.test.ts", 'import "../simulation/clock.ts"; import "fast-check"; import "node:fs";');
    caught("src/restore/saga.test.ts", 'import "../watch/evaluator.ts";');
    caught("src/restore/saga.ts", 'import "../simulation/clock.ts";');
  });
});

describe("a planted global is caught", () => {
  const forbidden = [
    "Date.now()",
    "Date\n  .now()",
    'Date["now"]()',
    "Math.random()",
    "new Date()",
    "performance.now()",
    "AbortSignal.timeout(5)",
    "setTimeout(f, 1)",
    "globalThis.setInterval(f, 1)",
    "crypto.randomUUID()",
    'fetch("http://x")',
    "options.fetch ?? fetch",
    "process.env.HOME",
    "process?.env",
    'process["env"]',
    "`${Date.now()}`",
    "`${`${Math.random()}`}`",
    "/`/.test(x) || Date.now()",
  ];
  for (const code of forbidden) {
    test(JSON.stringify(code), () => {
      caught("src/control/planted.ts", `export const x = ${code};`);
      if (!code.includes("env")) allowed("src/adapters/planted.ts", `export const x = ${code};`);
      allowed("src/control/planted.test.ts", `export const x = ${code};`);
      allowed("src/app/planted.ts", `export const x = ${code};`);
    });
  }

  test("the environment, outside the composition root, even where other globals are fine", () => {
    caught("src/server/planted.ts", "export const x = process.env.HOME;");
    caught("src/cli/planted.ts", "const { env } = process;");
    allowed("demo/planted.ts", "export const x = process.env.HOME;");
  });

  test("comments, texts, types, names and members of our own objects are not", () => {
    allowed(
      "src/control/planted.ts",
      "// Date.now() and import x from '../store/x.ts'\n/* fetch(x)\n Math.random() */",
    );
    allowed("src/control/planted.ts", `const x = "Date.now()" + 'import "undici"' + \`fetch(\${1}) process.env\`;`);
    allowed("src/control/planted.ts", "interface X { readonly fetch?: typeof fetch; setTimeout: number; env: string }");
    allowed("src/control/planted.ts", "clock.setTimeout(1); options.fetch(url); this.random.next(); new Date(at);");
    allowed("src/control/planted.ts", "const text = /Date.now()/.test(x) ? 'it\\'s' : \"from 'x'\"; // don't");
    allowed(
      "src/control/planted.ts",
      "const from = 1; const x = [from, 'text']; f(from); const y = { from: 'undici' };",
    );
  });
});
