import { renderFindings, renderIssues } from "../playbook/issue-frame.ts";
import { parsePlaybook } from "../playbook/parse-playbook.ts";

/** What `rollbook lint` says of one file. */
export interface LintAnswer {
  readonly file: string;
  readonly ok: boolean;
  readonly issues: readonly object[];
  readonly findings: readonly {
    readonly level: string;
    readonly name: string;
    readonly message: string;
    readonly hint: string;
  }[];
  /** The same for people, with code frames. */
  readonly text: string;
}

/** Parses and lints a playbook. `ok` means: no errors, so it may take effect. */
export function lintText(text: string, file: string, colour: boolean): LintAnswer {
  const parsed = parsePlaybook(text, file);
  if (parsed.kind === "invalid") {
    return {
      file,
      ok: false,
      issues: parsed.issues,
      findings: [],
      text: renderIssues(parsed.issues, text, { colour }),
    };
  }
  const { findings } = parsed;
  const ok = findings.every(({ level }) => level !== "error");
  const end = `${file}: ${ok ? "fine" : "refused"}; ${parsed.playbook.triggers.length} triggers, ${parsed.playbook.hardLimits.length} hard limits, digest ${parsed.playbook.digest}`;
  return { file, ok, issues: [], findings, text: [renderFindings(findings, file, { colour }), end].join("\n") };
}
