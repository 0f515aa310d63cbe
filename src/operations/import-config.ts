import { foreignKinds } from "../playbook/import/draft.ts";
import { type Imported, importConfig } from "../playbook/import/import-config.ts";
import type { ImportOptions } from "../playbook/import/playbook-text.ts";
import { renderIssues } from "../playbook/issue-frame.ts";
import { type LintAnswer, lintText } from "./lint.ts";

export { foreignKinds };

export interface ImportRequest extends ImportOptions {
  /** One of `foreignKinds`; absent: the file tells. */
  readonly kind?: (typeof foreignKinds)[number];
  /** What the playbook is called in what the linter says of it. */
  readonly playbookFile: string;
  readonly colour: boolean;
}

/** What `rollbook import` says of one file. */
export type ImportAnswer =
  | { readonly ok: false; readonly issues: readonly object[]; readonly text: string }
  | {
      readonly ok: true;
      readonly imported: Imported;
      readonly lint: LintAnswer;
      /** The losses and what is left to fill in, for people. */
      readonly text: string;
    };

/** Turns a config of Argo Rollouts, Flagger or Kayenta into a playbook, and lints what came out. */
export function importText(text: string, file: string, request: ImportRequest): ImportAnswer {
  const result = importConfig(text, file, request, request.kind);
  if (result.kind === "invalid") {
    const { issues } = result;
    return { ok: false, issues, text: renderIssues(issues, text, { colour: request.colour }) };
  }
  const lint = lintText(result.playbook, request.playbookFile, request.colour);
  return { ok: true, imported: result, lint, text: sayImport(result, file) };
}

function sayImport({ lost, toFill, rules }: Imported, file: string): string {
  const lines = [
    `${rules.length} triggers from ${file}.`,
    ...(lost.length === 0 ? [] : [`NOT TRANSLATED (${lost.length}):`]),
    ...lost.map(({ line, column, path, message }) => `  ${file}:${line}:${column} ${path}: ${message}`),
    ...(toFill.length === 0 ? [] : [`TO FILL IN (${toFill.length}), each marked FILL IN:`]),
    ...toFill.map((what) => `  ${what}`),
  ];
  return lines.join("\n");
}
