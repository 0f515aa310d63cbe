import { shortDigest } from "../core/digest.ts";
import { phaseText } from "../core/phase-clock.ts";
import { formatDuration, type Milliseconds } from "../core/time.ts";
import type { Report } from "./report.ts";

const HEADLINES: Readonly<Record<Report["outcome"], string>> = {
  promoted: "PROMOTED: proved to do no harm",
  "rolled-back-verified": "ROLLED BACK and proved fixed",
  "rolled-back-unverified": "ROLLED BACK, not proved fixed",
  undecided: "UNDECIDED: neither promoted nor found harmful",
  stuck: "STUCK: contained, but people are needed",
  "observed-harm": "OBSERVED: would have rolled back",
  running: "RUNNING",
};

function headlineOf({ outcome, promotedOn }: Report): string {
  if (outcome !== "promoted" || !promotedOn) return HEADLINES[outcome];
  return `PROMOTED by ${promotedOn.by}, and ${promotedOn.verdict} then: ${promotedOn.reason}`;
}

/** The report as plain text for people. */
export function renderReport(report: Report): string {
  const lines = [
    `${report.system}: ${headlineOf(report)}`,
    `  candidate  ${report.candidate.label} (${shortDigest(report.candidate.id)})${report.candidate.quarantined ? ", in quarantine" : ""}`,
    `  stable     ${report.stable.label} (${shortDigest(report.stable.id)})`,
  ];
  if (report.unannounced)
    lines.push("  unannounced: somebody changed a component without Rollbook, so there was no gate");
  for (const { signal, n, of } of report.windows ?? [])
    lines.push(`  against    ${signal}: frozen window of ${of} (${n.toLocaleString("en-US")} observations)`);
  if (report.note !== undefined) lines.push(`  note       ${report.note}`);
  if (report.toDo !== undefined) lines.push(`  to do      ${report.toDo}`);
  if (report.because.length > 0) lines.push(`  because    ${report.because.join(", ")}`);
  lines.push("", "  Clocks", ...clockLines(report));
  const { badAnswers: bad } = report;
  lines.push(
    "",
    `  Bad answers served by the candidate: ${bad.served} of ${bad.of} (${bad.meaning}); ${bad.excess === undefined ? "stable had no answers to compare with" : `${bad.excess} more than stable would have`}`,
    "",
    "  Evidence",
    ...report.evidence.map((item) => `    ${item.name}: ${item.words}`),
  );
  if (report.fixed.length > 0) {
    lines.push("", "  Fixed?", ...report.fixed.map((item) => `    ${item.name.replace("fixed: ", "")}: ${item.words}`));
  }
  if (report.components.length > 0) lines.push("", "  One restore point", ...componentLines(report));
  lines.push(
    "",
    `  A fixed threshold (${report.article.rule}), on the same stream`,
    `    on technical errors:        ${report.article.onErrors}`,
    `    on ${report.badAnswers.signal}: `.padEnd(32) + report.article.onBusiness,
    `    on stable:                  ${report.article.onStable}`,
    `    its five-minute bar:        ${report.article.fiveMinutes}`,
    "",
    `  Ledger: ${report.ledger.size} entries, root ${report.ledger.root.slice(0, 16)}..., ${report.ledger.verified ? "verified" : "NOT VERIFIED"}`,
  );
  return lines.join("\n");
}

const NOT_CONTAINED: Readonly<Partial<Record<NonNullable<Report["containment"]>, string>>> = {
  "nothing-exposed": "nothing to contain: no request could reach the candidate",
  "nothing-else-served": "nothing to contain with: nothing else serves, and the candidate answers until the restore",
};

function clockLines({ clocks, containment, phases, movedOn }: Report): string[] {
  const line = (name: string, span: Milliseconds | undefined, what: string) =>
    span === undefined
      ? []
      : [`    ${name.padEnd(8)} ${(span < 1 ? "< 1 ms" : formatDuration(span)).padStart(8)}  ${what}`];
  return [
    ...line("detect", clocks.detect, "first exposure to decision"),
    ...line("contain", clocks.contain, "decision to the last request on the candidate"),
    ...(containment && NOT_CONTAINED[containment] ? [`    contain         -  ${NOT_CONTAINED[containment]}`] : []),
    ...line("restore", clocks.restore, "decision to every component read back"),
    ...line("fix", clocks.fix, "decision to proved fixed"),
    ...line("total", clocks.total, "first exposure to the end"),
    ...phases.filter(({ late }) => late).map((clock) => `    LATE     ${phaseText(clock, clock.until ?? 0)}`),
    ...(movedOn?.tried ?? []).map(
      ({ label, because }) => `    left     ${label}: restored, and harmful too (${because.join(", ")})`,
    ),
  ];
}

function componentLines(report: Report): string[] {
  return report.components.map((component) => {
    const same = component.found === component.wanted ? "read back" : "NOT READ BACK";
    const extra = component.note ? ` (${component.note})` : component.recovered ? " (recovered after a crash)" : "";
    return `    ${component.component.padEnd(8)} ${component.label.padEnd(28)} ${shortDigest(component.wanted)}  ${component.status}, ${same}${extra}`;
  });
}
