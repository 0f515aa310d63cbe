import type { Random } from "../../core/ports.ts";
import type { Sample } from "../../core/sample.ts";
import { drawInteger, drawPoisson } from "../../simulation/draws.ts";
import { CANDIDATE, STABLE, START } from "../stream.fixture.ts";

export interface StickyTraffic {
  readonly seconds: number;
  /** Requests a second, on average. */
  readonly rate: number;
  /** The share of persons that really get the candidate in a second. */
  readonly share: (second: number) => number;
  /** Requests of one person at most; they make 1 to so many, evenly. */
  readonly most: number;
  /** Seconds between two requests of a person, 0 to so many, evenly. */
  readonly gap?: number;
}

/**
 * Requests that each second serves, as [all, the candidate's], of persons that stay with their arm: a person has a place
 * in the range for ever, so a growing share keeps those it had.
 */
export function* stickyTraffic(random: Random, traffic: StickyTraffic): Generator<readonly [n: number, k: number]> {
  const { rate, share, most, gap = 10 } = traffic;
  const ring = Array.from({ length: most * (gap + 1) + 1 }, (): number[] => []);
  // Persons are there from before, so that the first seconds are like the others.
  for (let second = -ring.length; second < traffic.seconds; second++) {
    const slot = (at: number) => ring[(at + ring.length) % ring.length]!;
    for (let people = drawPoisson(random, rate / ((1 + most) / 2)); people > 0; people--) {
      const place = random.next();
      let at = second;
      for (let left = drawInteger(random, 1, most); left > 0; left--) {
        slot(at).push(place);
        at += drawInteger(random, 0, gap);
      }
    }
    const served = slot(second);
    if (second >= 0) yield [served.length, served.filter((place) => place < share(second)).length];
    served.length = 0;
  }
}

/** The batch of one node about one second: what both arms were asked. */
export function batchOf(second: number, n: number, k: number, fields: Partial<Sample> = {}): readonly Sample[] {
  const row = { node: "node-1", sequence: second + 1, bucket: START + 1000 * second, signal: "errors", k: 0 };
  return [
    { ...row, release: CANDIDATE, n: k, ...fields },
    { ...row, release: STABLE, n: n - k, ...fields },
  ].filter((sample) => sample.n > 0);
}
