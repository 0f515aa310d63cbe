// Writes docs/errors.md from the error catalogue. With --check it writes nothing and fails when the file differs.
import { readFileSync, writeFileSync } from "node:fs";
import { type ErrorCode, errorCatalogue } from "../src/core/errors.ts";

const file = new URL("../docs/errors.md", import.meta.url);

const CLASSES = {
  retryable: "the same call may succeed later",
  terminal: "the same call will not succeed",
  "needs-human": "people must decide",
} as const;

/** Details that show their own names, so that a message reads as its pattern. */
const placeholders = new Proxy<Readonly<Record<string, string>>>({}, { get: (_, name) => `<${String(name)}>` });

function sectionOf(code: ErrorCode): string {
  const { class: kind, exit, message, state, hint } = errorCatalogue[code];
  return [
    `## ${code}`,
    "",
    `\`${message(placeholders)}\``,
    "",
    `- **class**: ${kind} (${CLASSES[kind]})`,
    `- **exit code**: ${exit}`,
    `- **state**: ${state}`,
    `- **to do**: ${hint}`,
    "",
  ].join("\n");
}

function errorDocs(): string {
  const codes = Object.keys(errorCatalogue) as ErrorCode[];
  const head = [
    "# Errors",
    "",
    "Every error that Rollbook raises on purpose. Codes never change. What stands in `<angle brackets>` is filled in.",
    "This page is generated: `node scripts/generate-error-docs.ts`.",
    "",
  ].join("\n");
  return [head, ...codes.map(sectionOf)].join("\n");
}

if (!process.argv.includes("--check")) {
  writeFileSync(file, errorDocs());
} else if (readFileSync(file, "utf8") !== errorDocs()) {
  process.stderr.write("docs/errors.md is not what the catalogue says. Run: node scripts/generate-error-docs.ts\n");
  process.exitCode = 1;
}
