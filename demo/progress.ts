import { styleText } from "node:util";
import type { RolloutEvent } from "../src/index.ts";

type Verdict = NonNullable<RolloutEvent["verdict"]>;

const EVERY_MS = 2000;

/**
 * Says what happens, one line each: a judgement every two seconds at most, or when it turns good; a component when
 * it is restored or stuck.
 */
export function createProgress(write: (text: string) => void, colour: boolean): (event: RolloutEvent) => void {
  let zero: number | undefined;
  let saidAt = 0;
  let saidKind = "";
  const paint = (style: Parameters<typeof styleText>[0], text: string) =>
    colour ? styleText(style, text, { validateStream: false }) : text;
  const say = (event: RolloutEvent, text: string) => {
    zero ??= event.at;
    const style = STYLES[event.kind];
    write(`${stamp(event.at - zero)}  ${style ? paint(style, text) : text}\n`);
  };
  return (event) => {
    const { kind, verdict, at, text } = event;
    if (kind === "step") return stepLine(event, say);
    if (verdict && (kind === "judged" || kind === "blind" || kind === "proving")) {
      const news = kind === "proving" && verdict.kind === "healthy" && saidKind !== "healthy";
      if (at - saidAt < EVERY_MS && !news) return;
      saidKind = verdict.kind;
      saidAt = at;
      return say(event, kind === "blind" ? text : `${text}: ${judgement(verdict, kind)}`);
    }
    saidAt = at;
    say(event, text);
  };
}

const STYLES: Partial<Record<RolloutEvent["kind"], Parameters<typeof styleText>[0]>> = {
  blind: "yellow",
  harm: ["red", "bold"],
  contained: "yellow",
  restored: "green",
  promoted: ["green", "bold"],
  ended: "bold",
  resumed: "cyan",
};

function stepLine(event: RolloutEvent, say: (event: RolloutEvent, text: string) => void): void {
  const { step } = event;
  if (!step || step.status === "intent") return;
  const again = step.recovered ? " (recovered after a crash)" : "";
  if (step.status === "done") say(event, `  ${step.step} is back${again}${step.note ? `: ${step.note}` : ""}`);
  else say(event, `  ${step.step} is STUCK${again}: ${step.note ?? "no reason given"}`);
}

function stamp(ms: number): string {
  return `${(ms / 1000).toFixed(1).padStart(6)} s`;
}

/** Natural frequencies of each claim that statistics test, and the odds against those at which Rollbook acts. */
function judgement(verdict: Verdict, kind: RolloutEvent["kind"]): string {
  const per100 = ({ n, k }: { readonly n: number; readonly k: number }) =>
    n === 0 ? "none yet" : `${((100 * k) / n).toFixed(1)} in 100`;
  const findings = verdict.findings
    .filter(({ method }) => method !== "hard-limit")
    .map(({ signal, candidate, reference }) => `${signal} ${per100(candidate)} (stable ${per100(reference)})`);
  const odds = (logE: number) => Math.max(1, Math.round(Math.exp(Math.min(logE, 27)))).toLocaleString("en-US");
  const { logEvidence, logThreshold } = verdict;
  if (kind === "judged")
    findings.push(`evidence for harm ${odds(logEvidence)} to 1, acts at ${odds(logThreshold)} to 1`);
  return findings.join(", ");
}
