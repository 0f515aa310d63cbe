import type { Instant } from "../../core/time.ts";
import { countOf } from "./count-value.ts";
import { type Series, targetOf } from "./series.ts";

/** Lets through only scrapes of which every value is a count. */
export interface WholeScrapes {
  keep<T extends Readonly<Record<"of" | "part", readonly Series[]>>>(answers: T): T;
  /** What was wrong with scrapes that the last `keep` saw for the first time. */
  readonly flaws: ReadonlySet<string>;
}

/**
 * A scrape of a target in which one counter of a signal has no usable value is left out for all counters of the signal:
 * else `part` would be counted for a span whose `of` is unknown. Counters carry what happened, so the next whole scrape
 * tells it. Series that name no target are let through: nothing says which of them belong together.
 */
export function createWholeScrapes(): WholeScrapes {
  const flaws = new Set<string>();
  let told = Number.NEGATIVE_INFINITY;
  return {
    flaws,
    keep(answers) {
      flaws.clear();
      const broken = new Set<string>();
      let newest = told;
      for (const { labels, points } of [...answers.of, ...answers.part]) {
        const target = targetOf(labels);
        if (target === undefined) continue;
        for (const [at, text] of points) {
          const value = countOf(text);
          if (typeof value === "number") continue;
          broken.add(keyOf(target, at));
          if (at > told) flaws.add(value);
          newest = Math.max(newest, at);
        }
      }
      told = newest;
      if (broken.size === 0) return answers;
      const whole = ({ labels, points }: Series): Series => {
        const target = targetOf(labels);
        return target === undefined
          ? { labels, points }
          : { labels, points: points.filter(([at]) => !broken.has(keyOf(target, at))) };
      };
      return { ...answers, of: answers.of.map(whole), part: answers.part.map(whole) };
    },
  };
}

const keyOf = (target: string, at: Instant) => `${at} ${target}`;
