import { styleText } from "node:util";
import type { RolloutEvent } from "../src/index.ts";

/** Says on stderr what happens, one line each; a judgement only twice a second and only when something changed. */
export function createProgress(write: (text: string) => void, colour: boolean): (event: RolloutEvent) => void {
  let zero: number | undefined;
  let lastJudged = "";
  const paint = (style: Parameters<typeof styleText>[0], text: string) => (colour ? styleText(style, text) : text);
  return (event) => {
    zero ??= event.at;
    if (event.kind === "judged" || event.kind === "proving") {
      const text = judgement(event);
      if (text === lastJudged) return;
      lastJudged = text;
      return write(`${stamp(event.at - zero)}  ${text}\n`);
    }
    const style = STYLES[event.kind];
    write(`${stamp(event.at - zero)}  ${style ? paint(style, event.text) : event.text}\n`);
  };
}

const STYLES: Partial<Record<RolloutEvent["kind"], Parameters<typeof styleText>[0]>> = {
  harm: ["red", "bold"],
  contained: "yellow",
  restored: "green",
  promoted: ["green", "bold"],
  ended: "bold",
  resumed: "cyan",
};

function stamp(ms: number): string {
  return `${(ms / 1000).toFixed(1).padStart(6)} s`;
}

function judgement(event: RolloutEvent): string {
  const findings = (event.verdict?.findings ?? [])
    .filter((finding) => finding.method !== "hard-limit")
    .map(({ signal, candidate }) => `${signal} ${candidate.k} of ${candidate.n}`);
  return findings.length === 0 ? event.text : `${event.text}: ${findings.join(", ")}`;
}
