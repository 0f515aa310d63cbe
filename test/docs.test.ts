import assert from "node:assert/strict";
import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { parsePlaybook } from "../src/index.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const pages = globSync(["*.md", "docs/**/*.md"], { cwd: root }).map((path) => path.replaceAll("\\", "/"));
const read = (page: string) => readFileSync(join(root, page), "utf8");

/** Text without code, where brackets are no links. */
const proseOf = (page: string) => read(page).replaceAll(/^ *```[\s\S]*?^ *```/gm, "");

const linksIn = (page: string) => [...proseOf(page).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => target as string);

/** The anchor of a heading, as GitHub makes it. */
const anchorsIn = (page: string) =>
  [...proseOf(page).matchAll(/^#+ (.+)$/gm)].map(([, title]) =>
    (title as string)
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
      .replaceAll(/\s/g, "-"),
  );

test("every relative link leads to a file, and every anchor to a heading", () => {
  const broken = pages.flatMap((page) =>
    linksIn(page)
      .filter((link) => {
        if (/^[a-z]+:/.test(link)) return false;
        const [path = "", anchor] = link.split("#", 2);
        const target = path === "" ? page : join(dirname(page), path);
        // A picture is taken from a running page: it is checked where pictures are kept.
        if (target.startsWith(join("docs", "images")) && !existsSync(join(root, "docs", "images"))) return false;
        if (!existsSync(join(root, target))) return true;
        return anchor !== undefined && !anchorsIn(target).includes(anchor);
      })
      .map((link) => `${page}: ${link}`),
  );
  assert.deepEqual(broken, []);
});

test("the index names every page", () => {
  const linked = linksIn("docs/README.md").map((link) => join("docs", link));
  const missing = pages.filter((page) => page !== "docs/README.md" && !linked.includes(join(page)));
  assert.deepEqual(missing, []);
});

test("what docs/check.md shows is what `rollbook check` says", async () => {
  const said: string[] = [];
  const [, line = "", shown] = /```text\n\$ rollbook (.*)\n([\s\S]*?)\n```/.exec(read("docs/check.md")) ?? [];
  const { check } = await import("../src/cli/actions/check.ts");
  const [, file = ""] = line.split(" ");
  const silent = { out: (text: string) => void said.push(text), say: () => undefined, colour: false };
  const rest = { server: "", token: undefined, interrupted: () => new AbortController().signal, person: undefined };
  await check({ ...silent, ...rest, words: [join(root, file)], options: {}, async *lines() {} });
  assert.equal(said.join("\n"), shown);
});

test("the README has at most 800 words", () => {
  const words = read("README.md")
    .split(/\s+/)
    .filter((word) => /[\p{L}\p{N}]/u.test(word));
  assert.ok(words.length <= 800, `it has ${words.length}`);
});

test("the README's playbook is at most 20 lines long and nothing is wrong with it", () => {
  const text = /```yaml\n([\s\S]*?)```/.exec(read("README.md"))?.[1] ?? "";
  assert.ok(text.trimEnd().split("\n").length <= 20);
  const parsed = parsePlaybook(text, "README.md");
  assert.equal(parsed.kind, "parsed");
  assert.deepEqual(parsed.kind === "parsed" ? parsed.findings.filter(({ level }) => level !== "note") : [], []);
});

test("decision records are dated, have their four parts and at most 60 lines", () => {
  for (const page of pages.filter((path) => path.startsWith("docs/decisions/"))) {
    const text = read(page);
    assert.match(text, /^---\nstatus: (accepted|superseded)\ndate: \d{4}-\d{2}-\d{2}\n---\n/, page);
    const parts = [...text.matchAll(/^## (.+)$/gm)].map(([, title]) => title);
    assert.deepEqual(
      parts.filter((part) => part !== "Options"),
      ["Background", "Decision", "Consequences"],
      page,
    );
    assert.ok(text.trimEnd().split("\n").length <= 60, page);
  }
});
