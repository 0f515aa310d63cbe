import { isUnbounded, type Playbook, type Signal } from "../../core/playbook.ts";
import type { Stated } from "../assumption.ts";
import { nearestWord } from "../nearest-word.ts";
import { patterns } from "../patterns.ts";

const PER_SECOND: Readonly<Record<string, number>> = { s: 1, min: 1 / 60, h: 1 / 3600 };

/** `1000/s`, or `2000 decisions/min`, as answers a second. @throws RangeError that says what to write */
export function readTraffic(text: string): number {
  const [, number = "", unit = ""] = new RegExp(patterns.traffic).exec(text.trim()) ?? [];
  const rate = Number(number) * (PER_SECOND[unit] ?? 0);
  if (rate > 0 && rate <= 1e9) return rate;
  throw new RangeError(`"${text}" is no traffic: write for example 1000/s, 2000/min or 50/h`);
}

/** `errors=0.5%,sentiment=0.2`: levels of signals on their own scales. @throws RangeError that says what is wrong */
export function readStated(
  playbook: Pick<Playbook, "signals">,
  { baseline, harm }: { readonly baseline?: string | undefined; readonly harm?: string | undefined },
): Stated {
  return {
    ...(baseline === undefined ? {} : { baselines: readLevels(playbook, baseline, baselineOf) }),
    ...(harm === undefined ? {} : { harms: readLevels(playbook, harm, harmOf) }),
  };
}

type Reader = (text: string, signal: Signal) => number;

function readLevels({ signals }: Pick<Playbook, "signals">, text: string, read: Reader): ReadonlyMap<string, number> {
  return new Map(
    text.split(",").map((item) => {
      const [name = "", value] = item.trim().split("=", 2);
      if (value === undefined) throw new RangeError(`"${item.trim()}" says no level: write for example errors=0.5%`);
      const signal = signals.find((candidate) => candidate.name === name);
      if (signal) return [name, read(value.trim(), signal)] as const;
      const names = signals.map((candidate) => candidate.name);
      const close = nearestWord(name, names);
      const which = close === undefined ? `it has ${names.join(", ")}` : `is it ${close}?`;
      throw new RangeError(`The playbook has no signal "${name}"; ${which}`);
    }),
  );
}

function baselineOf(text: string, signal: Signal): number {
  if (signal.kind === "time")
    throw new RangeError(`${signal.name} is a time: it is compared with stable's own, and has no level to state`);
  return badnessOf(text, signal);
}

function harmOf(text: string, signal: Signal): number {
  return signal.kind === "time" ? percentOf(text, signal, "how much longer it takes", 100) : badnessOf(text, signal);
}

/** A level as its badness: 0 the best end of the scale. */
function badnessOf(text: string, signal: Signal): number {
  const { name, better, kind } = signal;
  if (kind === "share") {
    const share = percentOf(text, signal, "its share", 1);
    return better === "down" ? share : 1 - share;
  }
  if (isUnbounded(signal)) return ownLevelOf(text, signal);
  const [low, high] = signal.range ?? [0, 1];
  const value = new RegExp(patterns.number).test(text) ? Number(text) : Number.NaN;
  const bottom = kind === "count" ? 0 : low;
  if (!(value >= bottom && (kind === "count" || value <= high))) {
    const range = kind === "count" ? "a number of occurrences" : `a number from ${low} to ${high}`;
    throw new RangeError(`${name}=${text} is no level: write ${range}`);
  }
  return better === "down" ? (value - low) / (high - low) : (high - value) / (high - low);
}

/** Of a mean without ends the level itself. */
function ownLevelOf(text: string, { name }: Signal): number {
  if (new RegExp(patterns.number).test(text)) return Number(text);
  throw new RangeError(`${name}=${text} is no level: write a number in its unit`);
}

function percentOf(text: string, { name }: Signal, what: string, most: number): number {
  const [, number = ""] = new RegExp(patterns.percent).exec(text) ?? [];
  const value = Number(number) / 100;
  if (number !== "" && value <= most) return value;
  throw new RangeError(`${name}=${text} is no level: write ${what} in percent, for example ${name}=1.3%`);
}
