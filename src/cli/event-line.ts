/** An event of the live stream, as far as a line shows it. */
export interface ShownEvent {
  readonly kind: string;
  readonly at: number;
  readonly text: string;
  readonly candidatePpm?: number;
  readonly rollout: { readonly id: string; readonly system: string; readonly phase: string; readonly endedAt?: number };
  readonly verdict?: { readonly kind: string; readonly logEvidence: number; readonly logThreshold: number };
}

const BAR = 20;
const ALARMING = ["harm", "observed-harm", "late", "blind", "drifted"];

/** One event as one line: when, what, the candidate's share, how much of the needed evidence there is, and why. */
export function eventLine(event: ShownEvent, colour: boolean): string {
  const { kind, at, text, candidatePpm = 0, verdict } = event;
  const time = new Date(at).toISOString().slice(11, 19);
  const share = `${(candidatePpm / 10_000).toString().slice(0, 5)} %`;
  const said = verdict && verdict.kind !== text ? `${text} (${verdict.kind})` : text;
  const line = `${time}Z  ${kind.padEnd(13)} ${share.padStart(7)}  ${evidenceBar(verdict).padEnd(BAR + 8)}  ${said.replaceAll(/\s*\n\s*/g, " ")}`;
  return colour && ALARMING.includes(kind) ? `\u001b[31m${line}\u001b[0m` : line;
}

/** How far the evidence for harm is on its way to the threshold; in logarithms, as evidence multiplies. */
export function evidenceBar(verdict: ShownEvent["verdict"]): string {
  if (!verdict || !(verdict.logThreshold > 0)) return "";
  const part = evidencePart(verdict);
  const full = part === 1 ? BAR : Math.min(BAR - 1, Math.round(part * BAR));
  return `[${"#".repeat(full)}${".".repeat(BAR - full)}] ${String(Math.floor(part * 100)).padStart(3)} %`;
}

const QUIET_MS = 10_000;
/** So much of the needed evidence, as a part of it, is worth a line. */
const NEWS = 0.1;

/** Does the second event say nothing new? Judgements come twice a second, and say the same for long. */
export function isRepeat(before: ShownEvent | undefined, event: ShownEvent): boolean {
  return (
    before !== undefined &&
    ["judged", "proving", "blind"].includes(event.kind) &&
    before.kind === event.kind &&
    before.rollout.id === event.rollout.id &&
    before.text === event.text &&
    before.candidatePpm === event.candidatePpm &&
    before.verdict?.kind === event.verdict?.kind &&
    Math.abs(evidencePart(event.verdict) - evidencePart(before.verdict)) < NEWS &&
    event.at - before.at < QUIET_MS
  );
}

function evidencePart(verdict: ShownEvent["verdict"]): number {
  if (!verdict || !(verdict.logThreshold > 0)) return 0;
  return Math.min(1, Math.max(0, verdict.logEvidence / verdict.logThreshold)) || 0;
}
