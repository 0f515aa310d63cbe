import type { Applicant } from "./population.ts";

/** One person's features as the columns of a schema; models know columns by name only. */
export type FeatureRow = Readonly<Record<string, number>>;

/** How a release names and encodes what it knows of a person. */
export interface FeatureSchema {
  readonly version: 1 | 2;
  readonly columns: readonly string[];
  encode(person: Applicant): FeatureRow;
}

export const schema1: FeatureSchema = {
  version: 1,
  columns: ["annual_income", "debt_ratio", "late_payments", "years_employed"],
  encode: (person) => ({
    annual_income: person.annualIncome,
    debt_ratio: person.debtRatio,
    late_payments: person.latePayments,
    years_employed: person.yearsEmployed,
  }),
};

/** Other names and other units: income by the month, debt in percent, employment in months. */
export const schema2: FeatureSchema = {
  version: 2,
  columns: ["monthly_income", "debt_percent", "late_payments_24m", "months_employed"],
  encode: (person) => ({
    monthly_income: Math.round((person.annualIncome * 100) / 12) / 100,
    debt_percent: Math.round(person.debtRatio * 1000) / 10,
    late_payments_24m: person.latePayments,
    months_employed: Math.round(person.yearsEmployed * 12),
  }),
};

/** The DDL that makes a schema live: one view over whatever snapshot is live. These bytes are the schema's revision. */
export function schemaDdl(schema: FeatureSchema): string {
  return [
    `-- Feature schema ${schema.version} of the synthetic lender`,
    "DROP VIEW IF EXISTS features_live;",
    `CREATE VIEW features_live AS SELECT applicant, ${schema.columns.join(", ")} FROM applicants_live;`,
    "",
  ].join("\n");
}
