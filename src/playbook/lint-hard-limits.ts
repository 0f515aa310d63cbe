import type { HardLimit, Playbook, Signal } from "../core/playbook.ts";
import { formatDuration } from "../core/time.ts";
import { binomialTail } from "../statistics/index.ts";
import { assumedBaseline } from "./assumption.ts";
import { claimOf } from "./claim.ts";
import type { LintFinding } from "./lint-playbook.ts";

/** Windows with more observations are priced as if they had this many: the tail is far out already. */
const MOST_OBSERVATIONS = 100_000;

/** The price of each hard limit with a window: how often a healthy release breaches it by chance. */
export function lintHardLimits(playbook: Playbook): LintFinding[] {
  return playbook.hardLimits.flatMap((hard) => {
    const signal = playbook.signals.find((candidate) => candidate.name === hard.signal);
    if (signal?.kind !== "share") return [];
    if (hard.inARow !== undefined) return [priceRun(playbook, hard, signal, hard.inARow)];
    return hard.over === undefined ? [] : [price(playbook, hard, signal, hard.over)];
  });
}

/** The probability that one window of `n` healthy observations breaches the limit. */
export function falseAlarmPrice(hard: HardLimit, signal: Signal, badness: number, n: number): number {
  const part = signal.better === "down" ? badness : 1 - badness;
  // A limit of 5 % of 200 is 10: guard the product against 0.07 * 100 being 7.000000000000001.
  const edge = Number((hard.limit * n).toPrecision(12));
  if (hard.comparison === ">") return binomialTail(n, part, Math.floor(edge) + 1);
  if (hard.comparison === ">=") return binomialTail(n, part, Math.ceil(edge));
  const most = hard.comparison === "<=" ? Math.floor(edge) : Math.ceil(edge) - 1;
  return most < 0 ? 0 : binomialTail(n, 1 - part, n - most);
}

function price(playbook: Playbook, hard: HardLimit, signal: Signal, over: number): LintFinding {
  const assumed = assumedBaseline(playbook, signal);
  const first = playbook.how.steps[0] ?? 0;
  const perWindow = ((playbook.trafficPerSecond ?? 0) * (first / 100) * over) / 1000;
  const n = Math.min(MOST_OBSERVATIONS, Math.max(hard.min, Math.floor(perWindow)));
  const chance = falseAlarmPrice(hard, signal, assumed.badness, n);
  const perDay = chance * (86_400_000 / over);
  const dear = chance > playbook.falseAlarms;
  const said = `"${claimOf(hard, signal)}" is breached by chance in ${sayOdds(chance)} windows of ${n.toLocaleString("en-US")} observations (${sayRate(perDay)}), ${assumed.says}.`;
  return {
    level: dear ? "warning" : "note",
    name: "false-alarm-price",
    about: `when.${hard.name}`,
    message: said,
    hint: dear
      ? `That is more than the whole budget for the other triggers: raise the limit, \`min\` or the window of ${formatDuration(over)}.`
      : "Hard limits are priced apart from the false-alarm budget; a window that slides costs a few times more.",
  };
}

/**
 * The expected number of runs of at least `length` bad ones among `n` observations: each begins after a good one, or at
 * the very start. It is exact, and at least the chance that there is one.
 */
export function expectedRuns(n: number, badness: number, length: number): number {
  return n < length ? 0 : badness ** length * (1 + (n - length) * (1 - badness));
}

function priceRun(playbook: Playbook, hard: HardLimit, signal: Signal, length: number): LintFinding {
  const { badness, says } = assumedBaseline(playbook, signal);
  const { how, trafficPerSecond, falseAlarms } = playbook;
  const first = how.steps[0] ?? 0;
  const about = `when.${hard.name}`;
  const claim = `"${claimOf(hard, signal)}"`;
  if (trafficPerSecond === undefined) {
    const message = `${claim} comes up in a healthy release by chance, once in ${sayNumber(1 / badness ** length)} observations, ${says}.`;
    return {
      level: "note",
      name: "false-alarm-price",
      about,
      message,
      hint: "State `traffic` to see how often that is.",
    };
  }
  const perDay = expectedRuns((trafficPerSecond * 86_400 * first) / 100, badness, length);
  const canary = how.steps.reduce((sum, step) => sum + (trafficPerSecond * how.each * step) / 100_000, 0);
  const dear = expectedRuns(canary, badness, length) > falseAlarms;
  return {
    level: dear ? "warning" : "note",
    name: "false-alarm-price",
    about,
    message: `${claim} comes up in a healthy release by chance: ${sayRate(perDay)} at ${first}% of the stated traffic, ${says}, and each independent of the others.`,
    hint: dear
      ? "That is more in one release than the whole budget for the other triggers: ask for more in a row."
      : "Hard limits are priced apart from the false-alarm budget; bad outcomes that come in bursts make longer runs.",
  };
}

function sayNumber(value: number): string {
  return value < 1e15 ? Math.round(value).toLocaleString("en-US") : "more than 1,000,000,000,000,000";
}

function sayOdds(chance: number): string {
  if (chance <= 1e-12) return "fewer than 1 in 1,000,000,000,000";
  return chance >= 0.1
    ? `${Math.round(chance * 100)} of 100`
    : `1 in ${Math.round(1 / chance).toLocaleString("en-US")}`;
}

function sayRate(perDay: number): string {
  if (perDay >= 1) return `about ${Math.round(perDay).toLocaleString("en-US")} a day of canary`;
  return perDay < 1e-6
    ? "none to be expected"
    : `about one in ${Math.ceil(1 / perDay).toLocaleString("en-US")} days of canary`;
}
