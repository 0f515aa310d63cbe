import type { FeatureRow } from "./feature-schema.ts";

/** One additive term: the standardised product of its columns, the first one as a logarithm when `log` is set. */
export interface Term {
  readonly columns: readonly string[];
  readonly log: boolean;
  readonly mean: number;
  readonly scale: number;
  readonly weight: number;
}

/** A trained logistic regression: P(default) = sigmoid(intercept + sum of weight * (term - mean) / scale). */
export interface CreditModel {
  readonly name: string;
  readonly schema: number;
  readonly intercept: number;
  readonly terms: readonly Term[];
}

export interface TermSpec {
  readonly columns: readonly string[];
  readonly log?: boolean;
}

/** The features are not those that the model was trained on. */
export class UnknownFeatures extends Error {}

const ROUNDS = 25;
const RIDGE = 1e-3;

const sigmoid = (logOdds: number): number => 1 / (1 + Math.exp(-logOdds));

function termValue(columns: readonly string[], log: boolean, row: FeatureRow): number | undefined {
  let value = 1;
  for (const column of columns) {
    const cell = row[column];
    if (cell === undefined) return undefined;
    value *= cell;
  }
  return log ? Math.log(Math.max(1, value)) : value;
}

/** P(default) as the model sees it. Throws `UnknownFeatures` when a column that it was trained on is missing. */
export function predictDefault(model: CreditModel, row: FeatureRow): number {
  let logOdds = model.intercept;
  for (const { columns, log, mean, scale, weight } of model.terms) {
    const value = termValue(columns, log, row);
    if (value === undefined)
      throw new UnknownFeatures(
        `${model.name} does not know these features: it needs ${columns.join(", ")} (feature schema ${model.schema}), ` +
          `and gets ${Object.keys(row).join(", ")}`,
      );
    logOdds += (weight * (value - mean)) / scale;
  }
  return sigmoid(logOdds);
}

interface Design {
  readonly width: number;
  readonly cells: Float64Array;
  readonly means: readonly number[];
  readonly scales: readonly number[];
}

function designOf(rows: readonly FeatureRow[], specs: readonly TermSpec[]): Design {
  const width = specs.length + 1;
  const cells = new Float64Array(rows.length * width);
  const means: number[] = [];
  const scales: number[] = [];
  rows.forEach((_, index) => {
    cells[index * width] = 1;
  });
  specs.forEach((spec, place) => {
    const values = rows.map((row) => termValue(spec.columns, spec.log ?? false, row) ?? Number.NaN);
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const scale = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length) || 1;
    values.forEach((value, index) => {
      cells[index * width + place + 1] = (value - mean) / scale;
    });
    means.push(mean);
    scales.push(scale);
  });
  return { width, cells, means, scales };
}

/** Solves the symmetric positive definite system by Gaussian elimination, in place. */
function solve(matrix: Float64Array, right: Float64Array): Float64Array {
  const n = right.length;
  for (let pivot = 0; pivot < n; pivot += 1) {
    for (let row = pivot + 1; row < n; row += 1) {
      const factor = matrix[row * n + pivot]! / matrix[pivot * n + pivot]!;
      for (let column = pivot; column < n; column += 1)
        matrix[row * n + column]! -= factor * matrix[pivot * n + column]!;
      right[row]! -= factor * right[pivot]!;
    }
  }
  for (let row = n - 1; row >= 0; row -= 1) {
    for (let column = row + 1; column < n; column += 1) right[row]! -= matrix[row * n + column]! * right[column]!;
    right[row]! /= matrix[row * n + row]!;
  }
  return right;
}

/** One Newton step: gradient and Hessian of the penalised log-likelihood at these weights. */
function newtonStep({ width, cells }: Design, labels: readonly boolean[], weights: Float64Array): Float64Array {
  const hessian = new Float64Array(width * width);
  const gradient = new Float64Array(width);
  for (let row = 0; row < labels.length; row += 1) {
    const start = row * width;
    let logOdds = 0;
    for (let a = 0; a < width; a += 1) logOdds += weights[a]! * cells[start + a]!;
    const p = sigmoid(logOdds);
    const residual = (labels[row] ? 1 : 0) - p;
    const curve = p * (1 - p);
    for (let a = 0; a < width; a += 1) {
      const cell = cells[start + a]!;
      gradient[a]! += residual * cell;
      for (let b = a; b < width; b += 1) hessian[a * width + b]! += curve * cell * cells[start + b]!;
    }
  }
  for (let a = 0; a < width; a += 1) {
    gradient[a]! -= RIDGE * weights[a]!;
    hessian[a * width + a]! += RIDGE;
    for (let b = 0; b < a; b += 1) hessian[a * width + b] = hessian[b * width + a]!;
  }
  return solve(hessian, gradient);
}

/**
 * Trains a logistic regression by Newton's method (iteratively reweighted least squares; Hastie, Tibshirani, Friedman,
 * "The Elements of Statistical Learning", 4.4.1) until no weight moves by more than 1e-4 (convergence is quadratic).
 */
export function trainCreditModel(
  name: string,
  schema: number,
  rows: readonly FeatureRow[],
  defaulted: readonly boolean[],
  specs: readonly TermSpec[],
): CreditModel {
  const design = designOf(rows, specs);
  const weights = new Float64Array(design.width);
  for (let round = 0; round < ROUNDS; round += 1) {
    const step = newtonStep(design, defaulted, weights);
    let largest = 0;
    step.forEach((move, place) => {
      weights[place]! += move;
      largest = Math.max(largest, Math.abs(move));
    });
    if (largest < 1e-4) break;
  }
  const terms = specs.map((spec, place) => ({
    columns: spec.columns,
    log: spec.log ?? false,
    mean: design.means[place]!,
    scale: design.scales[place]!,
    weight: weights[place + 1]!,
  }));
  return { name, schema, intercept: weights[0]!, terms };
}
