import { renderIssues } from "../playbook/issue-frame.ts";
import { parsePlaybook } from "../playbook/parse-playbook.ts";
import { type RunbookOptions, renderRunbook } from "../playbook/render-runbook.ts";

/** A playbook's text as the runbook that people print; or what is wrong with it, with code frames. */
export function runbookOf(
  text: string,
  file: string,
  options: RunbookOptions & { readonly colour: boolean },
): { readonly kind: "rendered" | "invalid"; readonly text: string } {
  const parsed = parsePlaybook(text, file);
  if (parsed.kind === "invalid") return { kind: "invalid", text: renderIssues(parsed.issues, text, options) };
  return { kind: "rendered", text: renderRunbook(parsed.playbook, options) };
}
