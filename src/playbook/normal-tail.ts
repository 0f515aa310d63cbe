/**
 * P(Z > z) of a standard normal Z, to seven digits at any z.
 * Source: the rational Chebyshev fit of erfc in Press et al., Numerical Recipes (1992), section 6.2.
 */
export function normalTail(z: number): number {
  const x = Math.abs(z) / Math.SQRT2;
  const t = 1 / (1 + x / 2);
  const sum = FIT.reduceRight((total, coefficient) => total * t + coefficient, 0);
  const tail = (t * Math.exp(sum - x * x)) / 2;
  return z >= 0 ? tail : 1 - tail;
}

const FIT: readonly number[] = [
  -1.26551223, 1.00002368, 0.37409196, 0.09678418, -0.18628806, 0.27886807, -1.13520398, 1.48851587, -0.82215223,
  0.17087277,
];

/** The z that a standard normal exceeds with probability `tail`, in (0, 1). */
export function normalQuantile(tail: number): number {
  let [low, high] = [-40, 40];
  for (let round = 0; round < 60; round++) {
    const middle = (low + high) / 2;
    if (normalTail(middle) > tail) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}
