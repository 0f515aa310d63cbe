import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { test } from "node:test";
import type { Playbook } from "../src/core/playbook.ts";
import { type LintFinding, lintPlaybook } from "../src/playbook/lint-playbook.ts";
import { parsePlaybook } from "../src/playbook/parse-playbook.ts";
import { renderRunbook } from "../src/playbook/render-runbook.ts";

const examples = globSync("docs/examples/*.yaml").sort();
const tutorials = globSync("docs/tutorial/**/*.yaml").filter((file) => !file.endsWith("connections.yaml"));

/** Connections that the examples speak of. */
const schemes = [
  ...["dvc", "email", "flyway", "git", "hosted", "k8s", "launchdarkly", "mlflow", "opa", "pagerduty", "prometheus"],
  ...["slack", "sql-schema", "vault", "webhook"],
];

function read(
  file: string,
  text = readFileSync(file, "utf8"),
): { playbook: Playbook; findings: readonly LintFinding[] } {
  const parsed = parsePlaybook(text, file);
  assert.ok(parsed.kind === "parsed", JSON.stringify(parsed, undefined, 1));
  return parsed;
}

test("there are examples, and the article's own rules are among them", () => {
  assert.ok(examples.length >= 8);
  assert.ok(examples.filter((file) => file.includes("article-")).length >= 4);
});

for (const file of [...examples, ...tutorials])
  test(`${file} can decide what it claims, and its connections are ones that exist`, () => {
    const { playbook, findings } = read(file);
    const level = playbook.authority === "act" ? ["error", "warning"] : ["error"];
    const wrong = [...findings, ...lintPlaybook(playbook, { schemes })].filter((finding) =>
      level.includes(finding.level),
    );
    const unwanted = wrong.filter(({ name }) => file.startsWith("docs/examples") || name === "unserved-address");
    assert.deepEqual(unwanted, []);
    assert.ok(renderRunbook(playbook, { format: "markdown", date: "2027-01-01" }).length > 1000);
  });

for (const file of globSync("{README.md,docs/**/*.md}").sort()) {
  const blocks = [...readFileSync(file, "utf8").matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, text]) => text!);
  const whole = blocks.filter((text) => /^rollbook: v1$/m.test(text));
  if (whole.length > 0)
    test(`the ${whole.length} whole playbooks of ${file} are accepted`, () => {
      for (const text of whole) {
        const { findings } = read(file, text);
        assert.deepEqual(
          findings.filter(({ level }) => level === "error"),
          [],
        );
      }
    });
}
