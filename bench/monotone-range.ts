// Checks law 2 where no proof covers it: `node bench/monotone-range.ts [EACH]` looks at every EACH-th design
// (20 by default, under a minute; 1 takes about ten). See docs/decisions/0010.
import { type Design, type Form, harmDesign, safetyDesign } from "../src/statistics/design.ts";
import { increments } from "../src/statistics/increment.ts";

const NULLS = [
  [1, 0],
  [1.02, 0],
  [1.2, 0],
  [1.6, 0],
  [2, 0],
  [4, 0],
  [1, 0.001],
  [1, 0.005],
  [1, 0.02],
  [1, 0.1],
  [1, 0.3],
  [1.2, 0.002],
  [1.5, 0.02],
  [2, 0.1],
  [0.99, 0.01],
  [0.95, 0.05],
  [0.8, 0.2],
  [0.5, 0.1],
  [0.5, 0.5],
] as const;
const FORECASTS = [0, 0.0005, 0.002, 0.005, 0.01, 0.03, 0.08, 0.2, 0.4, 0.6, 0.85, 0.99];
const REFERENCES = [1, 2, 3, 5, 8, 10, 13, 20, 40, 95, 200, 950, 5000];
const CANDIDATES = [0, 1, 2, 3, 5, 8, 13, 20, 50, 130, 500, 3000, 20_000];
/** Shares of a block that were bad. */
const SHARES = [0, 0.005, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 1];

function designs(): readonly Design[] {
  const forms: readonly Form[] = ["poisson-tilt", "projected-bernoulli"];
  return forms.flatMap((form) =>
    NULLS.flatMap(([ratio, points]) =>
      FORECASTS.flatMap((forecast) => {
        try {
          const request = { form, null: { ratio, points }, forecast };
          return [harmDesign(request), safetyDesign(request)];
        } catch {
          return []; // No test exists for this null and forecast in this form.
        }
      }),
    ),
  );
}

/** The most by which one more bad candidate outcome helps the candidate, relative to the factor's size. */
function worstHelp(design: Design): { readonly help: number; readonly checks: number } {
  let [help, checks] = [0, 0];
  const sign = design.direction === "harm" ? 1 : -1;
  for (const n0 of REFERENCES) {
    for (const k0 of new Set(SHARES.map((share) => Math.round(share * n0)))) {
      for (const n1 of CANDIDATES) {
        for (const k1 of new Set(SHARES.map((share) => Math.round(share * n1)))) {
          const before = increments(design, { n1, k1, n0, k0 });
          const worse = [{ n1: n1 + 1, k1: k1 + 1, n0, k0 }];
          if (k1 < n1) worse.push({ n1, k1: k1 + 1, n0, k0 });
          for (const block of worse) {
            increments(design, block).forEach((log, j) => {
              checks++;
              help = Math.max(help, (sign * (before[j]! - log)) / Math.max(1, Math.abs(log)));
            });
          }
        }
      }
    }
  }
  return { help, checks };
}

const all = designs();
const part = Number(process.argv[2] ?? 20);
let [worst, checks] = [0, 0];
for (let index = 0; index < all.length; index += part) {
  const found = worstHelp(all[index]!);
  checks += found.checks;
  if (found.help > worst) {
    worst = found.help;
    const { form, direction, null: hypothesis, forecast } = all[index]!;
    process.stderr.write(`${form} ${direction} ${hypothesis.ratio} ${hypothesis.points} ${forecast}: ${worst}\n`);
  }
}
process.stdout.write(
  `${Math.ceil(all.length / part)} of ${all.length} designs, ${checks} comparisons, worst help ${worst.toExponential(1)}\n`,
);
