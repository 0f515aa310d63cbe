import { type Design, harmDesign } from "./design.ts";

/** The design of the published vectors: 16 effects with equal weights, log-spaced between 1.3 and 12. */
export function publishedDesign(): Design {
  const design = harmDesign({ form: "poisson-tilt", null: { ratio: 1, points: 0 }, forecast: 0.005 });
  const alternatives = Array.from({ length: 16 }, (_, index) => {
    const effect = 1.3 * (12 / 1.3) ** (index / 15);
    return { effect, rate: effect * 0.005, weight: 1 / 16, atMarks: 1 / 16, between: 1 / 16, calm: 1 };
  });
  return { ...design, alternatives };
}

/** A small seeded generator (mulberry32): the tests must not depend on chance. */
export function seeded(seed: number): () => number {
  let at = seed >>> 0;
  return () => {
    at = (at + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(at ^ (at >>> 15), at | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** How many of n at rate p, by waiting times: quick for rare outcomes. */
export function draw(random: () => number, n: number, p: number): number {
  let count = -1;
  for (let at = 0; at <= n; count++) at += 1 + Math.floor(Math.log(1 - random()) / Math.log1p(-p));
  return count;
}

/** The chances of 0 to n of n at rate p. */
export function binomial(n: number, p: number): readonly number[] {
  let row = [1];
  for (let i = 0; i < n; i++) {
    row = Array.from({ length: row.length + 1 }, (_, k) => (row[k] ?? 0) * (1 - p) + (row[k - 1] ?? 0) * p);
  }
  return row;
}
