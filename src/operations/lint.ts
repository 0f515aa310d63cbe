import { renderFindings, renderIssues } from "../playbook/issue-frame.ts";
import type { LintContext } from "../playbook/lint-playbook.ts";
import { findRivals, type Rivalry, rivalFinding } from "../playbook/lint-rivals.ts";
import { type ParsedPlaybook, parsePlaybook } from "../playbook/parse-playbook.ts";
import { type Physics, physicsOf } from "../playbook/physics/physics.ts";

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
  /** What each trigger can do, as `check` has it; absent where that was not asked for, or no traffic is stated. */
  readonly physics?: Physics;
  /** The issues and findings for people, with code frames. */
  readonly text: string;
}

/** Lints playbooks one by one, and for what they do to one another; with what their triggers can do. */
export function lintTexts(
  files: readonly { text: string; file: string; context?: LintContext }[],
  colour: boolean,
): readonly LintAnswer[] {
  const parsed = files.map(({ text, file }) => parsePlaybook(text, file));
  const rivals = findRivals(parsed.flatMap((one) => (one.kind === "parsed" ? [one.playbook] : [])));
  return files.map(({ text, file, context }, at) => ({
    ...lintText(text, file, colour, rivals, context),
    ...physicsIn(parsed[at]!),
  }));
}

/** Parses and lints a playbook. `ok` means: no errors, so it may take effect. */
export function lintText(
  text: string,
  file: string,
  colour: boolean,
  rivals: readonly Rivalry[] = [],
  context: LintContext = {},
): LintAnswer {
  const parsed = parsePlaybook(text, file, context);
  if (parsed.kind === "invalid") {
    return {
      file,
      ok: false,
      issues: parsed.issues,
      findings: [],
      text: renderIssues(parsed.issues, text, { colour }),
    };
  }
  const findings = [
    ...parsed.findings,
    ...rivals.filter(({ second }) => second.digest === parsed.playbook.digest).map(rivalFinding),
  ];
  const ok = findings.every(({ level }) => level !== "error");
  const end = `${file}: ${ok ? "fine" : "refused"}; ${parsed.playbook.triggers.length} triggers, ${parsed.playbook.hardLimits.length} hard limits, digest ${parsed.playbook.digest}`;
  return { file, ok, issues: [], findings, text: [renderFindings(findings, file, { colour }), end].join("\n") };
}

/** Who only asks whether a playbook is fine does not wait for this. */
function physicsIn(parsed: ParsedPlaybook): Pick<LintAnswer, "physics"> {
  if (parsed.kind === "invalid" || parsed.playbook.trafficPerSecond === undefined) return {};
  return { physics: physicsOf(parsed.playbook, parsed.playbook.trafficPerSecond) };
}
