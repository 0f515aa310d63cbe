import { type Issue, visible } from "./issue.ts";
import type { LintFinding } from "./lint-playbook.ts";
import { withoutMark } from "./parse-playbook.ts";

interface FrameOptions {
  /** Use ANSI colours. */
  readonly colour: boolean;
}

/** More frames than this help nobody. */
const MOST_FRAMES = 50;
const WIDTH = 100;

/** Shows each issue with its line of the file, a caret, what is wrong and what to do. Safe to print in a terminal. */
export function renderIssues(issues: readonly Issue[], text: string, options: FrameOptions): string {
  const paint = painter(options.colour);
  const lines = withoutMark(text).split("\n");
  const frames = issues.slice(0, MOST_FRAMES).map((issue) => {
    const head = `${paint.strong(`${issue.file}:${issue.line}:${issue.column}`)}  ${paint.red(issue.code)}`;
    const frame = frameOf(lines[issue.line - 1] ?? "", issue.line, issue.column, paint);
    return `${head}\n${frame}\n  ${issue.message}\n  ${paint.dim("to do:")} ${issue.hint}\n`;
  });
  const more = issues.length - frames.length;
  return frames.join("\n") + (more > 0 ? `\n... and ${more} more.\n` : "");
}

/** Shows what the linter found, errors first; findings without a place stand under the file's name alone. */
export function renderFindings(findings: readonly LintFinding[], file: string, options: FrameOptions): string {
  const paint = painter(options.colour);
  const levels = { error: paint.red, warning: paint.yellow, note: paint.dim };
  return (["error", "warning", "note"] as const)
    .flatMap((level) => findings.filter((finding) => finding.level === level))
    .map((finding) => {
      const place = finding.line === undefined ? file : `${file}:${finding.line}:${finding.column}`;
      const head = `${paint.strong(place)}  ${levels[finding.level](`${finding.level} ${finding.name}`)}`;
      return `${head}\n  ${finding.message}\n  ${paint.dim("to do:")} ${finding.hint}\n`;
    })
    .join("\n");
}

function frameOf(line: string, number: number, column: number, paint: Painter): string {
  const clean = withoutSecrets(visible(line.replace(/\r$/, "")).replace(/\t/g, " "));
  // A very long line is shown as the part around the caret.
  const start = column > WIDTH ? column - Math.floor(WIDTH / 2) : 0;
  const shown = clean.slice(start, start + WIDTH);
  const gutter = String(number);
  const blank = " ".repeat(gutter.length);
  return [
    paint.dim(`  ${gutter} | `) + shown,
    paint.dim(`  ${blank} | `) + " ".repeat(Math.max(0, column - 1 - start)) + paint.red("^"),
  ].join("\n");
}

/** A password that should not stand in a playbook should not stand in a build's log either. */
function withoutSecrets(line: string): string {
  return line.replace(/:\/\/[^/\s@]*@/g, (user) => `://${"*".repeat(user.length - 4)}@`);
}

type Paint = (text: string) => string;
interface Painter {
  readonly red: Paint;
  readonly yellow: Paint;
  readonly dim: Paint;
  readonly strong: Paint;
}

function painter(colour: boolean): Painter {
  const code =
    (open: number): Paint =>
    (text) =>
      colour ? `\u001b[${open}m${text}\u001b[0m` : text;
  return { red: code(31), yellow: code(33), dim: code(2), strong: code(1) };
}
