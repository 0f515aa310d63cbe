import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { test } from "node:test";
import fc from "fast-check";
import { runs } from "../testing/runs.fixture.ts";
import { renderFindings, renderIssues } from "./issue-frame.ts";
import { type BlockSpec, language } from "./language.ts";
import { parsePlaybook } from "./parse-playbook.ts";

const root = `${import.meta.dirname}/../..`;
const good = globSync(["test/playbooks/good/*.yaml", "docs/examples/*.yaml"], { cwd: root }).map((file) =>
  readFileSync(`${root}/${file}`, "utf8"),
);
const examples = Object.values(language as Record<string, BlockSpec>).flatMap(({ keys }) =>
  Object.values(keys).map(({ example }) => example),
);
const pieces = [
  ...examples,
  "{ }",
  "[ ]",
  "~",
  "true",
  "{ a: { a: { a: 1 } } }",
  "- x",
  "? y",
  "'",
  '"',
  "{",
  "]",
  "#",
];

/** What people do to a file: they move, forget, repeat, indent and mistype lines. */
const edit = fc.record({
  at: fc.nat(),
  to: fc.nat(),
  piece: fc.constantFrom(...pieces),
  kind: fc.constantFrom("drop", "repeat", "move", "indent", "insert", "value", "slip"),
});
type Edit = typeof edit extends fc.Arbitrary<infer Value> ? Value : never;

function apply(text: string, { at, to, piece, kind }: Edit): string {
  const lines = text.split("\n");
  const from = at % lines.length;
  const line = lines[from]!;
  const where = to % lines.length;
  const column = to % (line.length + 1);
  switch (kind) {
    case "drop":
      return lines.toSpliced(from, 1).join("\n");
    case "repeat":
      return lines.toSpliced(where, 0, line).join("\n");
    case "move":
      return lines.toSpliced(from, 1).toSpliced(where, 0, line).join("\n");
    case "indent":
      return lines.with(from, `${" ".repeat(to % 5)}${line.trimStart()}`).join("\n");
    case "insert":
      return lines.toSpliced(where, 0, `${/^ */.exec(line)![0]}${piece}`).join("\n");
    case "value":
      return lines.with(from, line.replace(/: .*$/, `: ${piece.replace(/^[\w-]+: /, "")}`)).join("\n");
    case "slip":
      return lines.with(from, line.slice(0, column) + line.slice(column + 1)).join("\n");
  }
}

test("whatever people do to the lines of a playbook, each mistake has its place, its reason and what to do", () => {
  let refused = 0;
  fc.assert(
    fc.property(fc.constantFrom(...good), fc.array(edit, { minLength: 1, maxLength: 6 }), (base, edits) => {
      const text = edits.reduce(apply, base);
      const parsed = parsePlaybook(text, "a.yaml");
      if (parsed.kind === "parsed") {
        assert.ok(parsed.findings.every(({ about, line }) => about === undefined || (line ?? 0) >= 1));
        renderFindings(parsed.findings, "a.yaml", { colour: false });
        return;
      }
      refused++;
      assert.ok(parsed.issues.length > 0);
      const lines = text.split("\n");
      for (const { line, column, message, hint } of parsed.issues) {
        const length = lines[line - 1]?.length;
        assert.ok(length !== undefined && column >= 1 && column <= length + 1, `${line}:${column} ${message}\n${text}`);
        assert.match(message, /[.?]$/);
        assert.match(hint, /^[A-Z].{7,}[.?]$/s);
      }
      renderIssues(parsed.issues, text, { colour: false });
    }),
    { numRuns: runs(120) },
  );
  assert.ok(refused > runs(40));
});

test("text that makes naive patterns back-track for ever is answered with work that grows with its length only", () => {
  const base = good.find((text) => text.includes("traffic: ")) ?? "";
  const hostile = ["a: ", "://", ":", " ", "@", "-", "1", "p9", "for ", "0"].flatMap((part) => {
    const long = part.repeat(Math.floor(60_000 / part.length));
    return [
      base.replace(/^traffic: .*$/m, `traffic: "1 a${long}x"`),
      base.replace(/^owner: .*$/m, `owner: "x://${long}x"`),
      base.replace(/canary: \[[^\]]*\]/, `canary: ["5${long}x"]`),
      base.replace(/^when:$/m, `when:\n  odd: { hard: "a${long}> x" }`),
      base.replace(/holdback: [^,}]*/, `holdback: "5${long}%"`),
    ];
  });
  for (const text of hostile) {
    const before = process.cpuUsage().user;
    assert.equal(parsePlaybook(text, "a.yaml").kind, "invalid");
    // A quadratic pattern takes minutes here; a second is a hundred times what is needed.
    assert.ok(process.cpuUsage().user - before < 1_000_000);
  }
});
