import { seededRandom } from "../component-service/seeded-random.ts";

/** A synthetic person who applies for a loan. Nobody here is real; docs/demo.md describes how they are made. */
export interface Applicant {
  /** Euros a year. */
  readonly annualIncome: number;
  /** Monthly debt payments as a share of monthly income. */
  readonly debtRatio: number;
  /** Late payments in the last 24 months. */
  readonly latePayments: number;
  readonly yearsEmployed: number;
}

/** How many applicants the demonstration's population has; an application is an index into it. */
export const POPULATION = 20_000;

/** Which draw of the population: those who apply now, and those of the past that models learn from. */
export const STREAMS = { applicants: 1, history: 2, newHistory: 3 } as const;

const MEDIAN_INCOME = 42_000;
const SHARE_EVER_LATE = 0.3;
const MOST_LATE = 6;

/** The synthetic applicant at an index; the same for the same seed, stream and index. */
export function applicantAt(seed: number, stream: number, index: number): Applicant {
  const random = seededRandom(seed, stream, index);
  const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  const annualIncome = Math.round(Math.min(250_000, Math.max(12_000, MEDIAN_INCOME * Math.exp(0.45 * normal))));
  const debtRatio = Math.round(1000 * (0.05 + 0.6 * random() ** 1.4)) / 1000;
  let latePayments = 0;
  if (random() < SHARE_EVER_LATE)
    for (latePayments = 1; latePayments < MOST_LATE && random() < 0.5; ) latePayments += 1;
  const yearsEmployed = Math.round(4 * Math.min(40, -7 * Math.log(1 - random()))) / 4;
  return { annualIncome, debtRatio, latePayments, yearsEmployed };
}

/**
 * The ground truth: the probability that this person does not pay a loan back. Logistic in log income, debt, late
 * payments and years employed, with one interaction (late payments weigh more on people with much debt).
 */
export function probabilityOfDefault(person: Applicant): number {
  const debt = person.debtRatio - 0.27;
  const logOdds =
    -2.65 -
    0.7 * Math.log(person.annualIncome / MEDIAN_INCOME) +
    2.2 * debt +
    1.35 * person.latePayments +
    1.2 * debt * person.latePayments -
    0.035 * (person.yearsEmployed - 7);
  return 1 / (1 + Math.exp(-logOdds));
}

/** The first applicants of the population. */
export function applicantPool(seed: number, size: number = POPULATION): readonly Applicant[] {
  return Array.from({ length: size }, (_, index) => applicantAt(seed, STREAMS.applicants, index));
}
