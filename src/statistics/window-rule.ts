import { binomialTail, logBinomial } from "./binomial.ts";

/** A raw threshold as people write it: alarm when at least `least` of the `n` observations of a window were bad. */
export interface WindowRule {
  readonly n: number;
  readonly least: number;
  /** How often the window is looked at while it slides by its own length, at least once. */
  readonly looks: number;
}

/** Bounds of a probability, and a good guess between them. */
export interface Bounds {
  readonly atLeast: number;
  readonly about: number;
  readonly atMost: number;
}

/** The chance that one window alarms at this true rate: exact. */
export function windowAlarm({ n, least }: WindowRule, rate: number): number {
  return binomialTail(n, rate, least);
}

/** Up to so many bad ones in a window two windows are walked exactly. */
const STATES = 100;
/** Up to so many two halves of a window are; of more, only windows that do not overlap are reckoned with. */
const WALKED = 2000;
/** After so many halves the chance of an alarm in the next one, without any before, has long settled. */
const SETTLED = 24;

/**
 * The chance that a window which slides over `windows` of its own lengths ever alarms. The numbers of neighbouring windows
 * depend on one another, so only bounds are known. Below: the window is looked at twice in its length only, which is a
 * Markov chain in one count. Above: alarms of different spans speak for one another (they all grow with the same counts), so
 * that silence is at least as likely as if spans were independent; where counts are small the span is two windows long and
 * computed exactly, else it is one look. `about` is the product of conditional chances (Naus 1982) of the two spans.
 * @param windows at least 1
 */
export function slidingAlarm(rule: WindowRule, rate: number, windows: number): Bounds {
  const once = windowAlarm(rule, rate);
  const atLeast = alarmedAfter(rule, rate, Math.max(1, Math.floor(2 * windows) - 1));
  const looks = Math.max(1, Math.floor((windows - 1) * rule.looks) + 1);
  if (rule.least > STATES || looks === 1) {
    const atMost = looks === 1 ? once : chanceInAll(once, looks);
    return { atLeast, about: (atLeast + atMost) / 2, atMost };
  }
  const span = rule.looks + 1;
  const silent = silentTwice(rule, rate);
  const atMost = Math.min(chanceInAll(once, looks), chanceInAll(1 - silent, Math.max(1, looks / span)));
  const about = 1 - silent * (silent / (1 - once)) ** Math.max(0, (looks - span) / rule.looks);
  return { atLeast: Math.min(atLeast, atMost), about: Math.min(Math.max(about, atLeast), atMost), atMost };
}

function alarmedAfter(rule: WindowRule, rate: number, halves: number): number {
  const found = firstAlarms(rule, rate, Math.min(halves, SETTLED));
  // Halves take turns, so it is two of them that repeat.
  const [before = 0, , last = 0] = found.slice(-3);
  if (halves <= SETTLED || last >= 1) return found.at(-1)!;
  return 1 - (1 - last) * (1 - (last - before) / (1 - before)) ** ((halves - SETTLED) / 2);
}

/** The chance of at least one in so many independent trials. */
export function chanceInAll(chance: number, trials: number): number {
  return chance >= 1 ? 1 : -Math.expm1(trials * Math.log1p(-chance));
}

/**
 * For each of `halves` looks, half a window apart and the first at a full window: the chance that the rule has alarmed by
 * then. Looking more often alarms no later, so these are upper bounds of how long a rule takes.
 */
export function firstAlarms(rule: WindowRule, rate: number, halves: number): readonly number[] {
  const { n, least } = rule;
  if (least > WALKED) {
    const once = windowAlarm(rule, rate);
    return Array.from({ length: halves }, (_, look) => chanceInAll(once, Math.floor(look / 2) + 1));
  }
  if (least <= 0) return new Array<number>(halves).fill(1);
  const size = Math.min(least, Math.ceil(n / 2) + 1);
  const [early, late] = [Math.floor(n / 2), Math.ceil(n / 2)].map((half) =>
    Array.from({ length: size }, (_, k) => (k > half ? 0 : Math.exp(logBinomial(half, k, rate)))),
  ) as [number[], number[]];
  // Halves of an odd window differ by one observation, and take turns.
  const halvesFrom = [late, early].map((chances) => ({ chances, upTo: tails(chances) }));
  let alive = early;
  let alarmed = 1 - early.reduce((sum, chance) => sum + chance, 0);
  const found: number[] = [];
  for (let look = 0; look < halves; look++) {
    const { chances, upTo } = halvesFrom[look % 2]!;
    const next = new Array<number>(size).fill(0);
    alive.forEach((mass, k) => {
      if (mass < 1e-300) return;
      const most = Math.min(size, least - k);
      alarmed += mass * (1 - upTo[most - 1]!);
      for (let more = 0; more < most; more++) next[more]! += mass * chances[more]!;
    });
    alive = next;
    found.push(Math.min(1, alarmed));
  }
  return found;
}

/** Sums up to each index. */
function tails(chances: readonly number[]): readonly number[] {
  let sum = 0;
  return chances.map((chance) => (sum += chance));
}

/**
 * The chance of no alarm at all while the window slides by its own length, both ends included: exact. What leaves the window
 * and what enters it are counted in steps of one look; a state is what is left of the first window and what has come since.
 */
function silentTwice({ n, least, looks }: WindowRule, rate: number): number {
  const step = n / looks;
  const chances = Array.from({ length: least }, (_, k) => {
    const whole = Math.floor(step);
    const part = (step - whole) * rate;
    const at = (count: number) => (count < 0 || count > whole ? 0 : Math.exp(logBinomial(whole, count, rate)));
    return at(k) * (1 - part) + at(k - 1) * part;
  });
  const likely = chances.filter((chance) => chance > 1e-15).length;
  // left * least + come; every total of the first window begins alike, and ends with nothing left of it.
  let alive = new Float64Array(least * least);
  for (let total = 0; total < least; total++) alive[total * least] = 1;
  for (let look = 0; look < looks; look++) {
    const next = new Float64Array(alive.length);
    for (let left = 0; left < least; left++) {
      for (let come = 0; left + come < least; come++) {
        const mass = alive[left * least + come]!;
        if (mass === 0) continue;
        for (let gone = 0; gone <= Math.min(left, likely); gone++) {
          const most = Math.min(likely, least - 1 - come - left + gone);
          const kept = mass * chances[gone]!;
          for (let more = 0; more <= most; more++) next[(left - gone) * least + come + more]! += kept * chances[more]!;
        }
      }
    }
    alive = next;
  }
  return alive.subarray(0, least).reduce((sum, mass) => sum + mass, 0);
}
