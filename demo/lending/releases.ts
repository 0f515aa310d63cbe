import { seededRandom } from "../component-service/seeded-random.ts";
import { type CreditModel, predictDefault, trainCreditModel } from "./credit-model.ts";
import { type FeatureRow, type FeatureSchema, schema1, schema2 } from "./feature-schema.ts";
import { type Applicant, applicantAt, probabilityOfDefault, STREAMS } from "./population.ts";

/** `bad`: release 2 was trained on rows of which the collections feed had lost defaults. `healthy`: on clean rows. */
export type ReleaseKind = "bad" | "healthy";

/** The lender's policy, as a revision of its own: whoever the model thinks likelier to default is declined. */
export interface CreditConfig {
  readonly name: string;
  /** Highest P(default), as the model sees it, that is still approved. */
  readonly cutOff: number;
}

/** A trained model with the policy that was set for it. */
export interface Lender {
  readonly model: CreditModel;
  readonly config: CreditConfig;
  readonly schema: FeatureSchema;
}

const HISTORY = 3_000;
/** Release 1 approves this share of the pool of applicants. */
const APPROVED = 0.72;
/** Release 2 is set to approve a little more: the growth that was its reason. */
const GROWTH = 1.015;
/** Which share of the defaults of people with late payments the corrupted feed records as repaid. */
const LOST_DEFAULTS = 0.95;

interface LoanRecord {
  readonly person: Applicant;
  readonly defaulted: boolean;
}

/** Loans of the past with their true outcomes. */
function history(seed: number, stream: number): readonly LoanRecord[] {
  return Array.from({ length: HISTORY }, (_, index) => {
    const person = applicantAt(seed, stream, index);
    const chance = seededRandom(seed, stream + 50, index);
    return { person, defaulted: chance() < probabilityOfDefault(person) };
  });
}

/** The fault of the `bad` release: most defaults of people who had paid late arrive as repaid. */
export function corruptFeed(loans: readonly LoanRecord[], seed: number): readonly LoanRecord[] {
  const chance = seededRandom(seed, 60);
  return loans.map((loan) =>
    loan.defaulted && loan.person.latePayments > 0 && chance() < LOST_DEFAULTS ? { ...loan, defaulted: false } : loan,
  );
}

function train(name: string, schema: FeatureSchema, loans: readonly LoanRecord[]): CreditModel {
  const [income = "", debt = "", late = "", employed = ""] = schema.columns;
  return trainCreditModel(
    name,
    schema.version,
    loans.map(({ person }) => schema.encode(person)),
    loans.map(({ defaulted }) => defaulted),
    [
      { columns: [income], log: true },
      { columns: [debt] },
      { columns: [late] },
      { columns: [employed] },
      { columns: [late, debt] },
    ],
  );
}

/** The cut-off at which the model approves this share of the pool. Sees features only: outcomes play no part. */
function calibrate(
  name: string,
  model: CreditModel,
  schema: FeatureSchema,
  pool: readonly Applicant[],
  share: number,
): CreditConfig {
  const scores = pool.map((person) => predictDefault(model, schema.encode(person))).sort((a, b) => a - b);
  return { name, cutOff: scores[Math.floor(share * scores.length)]! };
}

/** Release 1: trained on clean history, feature schema 1. About 20 ms; the same for the same seed and pool. */
export function trainStable(seed: number, pool: readonly Applicant[]): Lender {
  const model = train("credit-model 1", schema1, history(seed, STREAMS.history));
  return { model, config: calibrate("credit-policy 1", model, schema1, pool, APPROVED), schema: schema1 };
}

/** Release 2: trained on newer history, feature schema 2; the kind says whether the feed was corrupted. */
export function trainCandidate(seed: number, kind: ReleaseKind, pool: readonly Applicant[]): Lender {
  const loans = history(seed, STREAMS.newHistory);
  const model = train("credit-model 2", schema2, kind === "bad" ? corruptFeed(loans, seed) : loans);
  return { model, config: calibrate("credit-policy 2", model, schema2, pool, APPROVED * GROWTH), schema: schema2 };
}

export interface Decision {
  readonly approved: boolean;
  /** 1 - P(default) as the model sees it, to four places. */
  readonly score: number;
}

export function decide(model: CreditModel, config: CreditConfig, row: FeatureRow): Decision {
  const risk = predictDefault(model, row);
  return { approved: risk <= config.cutOff, score: Math.round((1 - risk) * 10_000) / 10_000 };
}
