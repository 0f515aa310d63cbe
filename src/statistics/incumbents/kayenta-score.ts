import {
  classifyKayenta,
  type KayentaClassification,
  type KayentaLabel,
  type KayentaMetric,
  type KayentaSeries,
} from "./kayenta.ts";

/** How labels become a score: the weights of groups, in percent, and what score passes. */
export interface KayentaScoring {
  readonly groupWeights?: Readonly<Record<string, number>>;
  readonly pass: number;
  readonly marginal: number;
}

export interface KayentaJudgement {
  readonly verdict: "pass" | "marginal" | "fail";
  /** 0 to 100, to two decimals; above 100 where the weights sum to more. */
  readonly score: number;
  readonly metrics: readonly (KayentaClassification & { readonly name: string })[];
}

type Scored = Pick<KayentaMetric, "groups" | "muted"> & Pick<KayentaClassification, "label" | "critical">;

/** From this percentage of metrics without data, everything fails. */
const NO_DATA_LIMIT = 50;

/**
 * Kayenta's judgement of a canary: labels of all metrics, group scores, weighted sum, thresholds, as NetflixACAJudge-v1.0
 * gives it (spinnaker/kayenta a69573be, Apache-2.0; semantics only). For comparison and migration only, with its faults:
 * a metric whose classification threw counts neither for nor against, so a group of only such metrics scores 100.
 */
export function judgeKayenta(
  metrics: readonly (KayentaMetric & KayentaSeries)[],
  scoring: KayentaScoring,
): KayentaJudgement {
  const classified = metrics.map((metric) => ({ ...metric, ...classifyKayenta(metric, metric) }));
  const score = kayentaScore(classified, scoring.groupWeights);
  const verdict = score >= scoring.pass ? "pass" : score >= scoring.marginal ? "marginal" : "fail";
  return {
    verdict,
    score,
    metrics: classified.map(({ name, label, critical, deviation }) => ({ name, label, critical, deviation })),
  };
}

/** The score of labels alone: 0 on a critical failure or too little data, else the weighted sum of the group scores. */
export function kayentaScore(all: readonly Scored[], groupWeights: Readonly<Record<string, number>> = {}): number {
  const metrics = all.filter((metric) => !metric.muted);
  if (metrics.some((metric) => metric.critical && metric.label !== "pass")) return 0;
  const silent = metrics.filter((metric) => metric.label === "nodata").length;
  if ((silent / metrics.length) * 100 >= NO_DATA_LIMIT) return 0;
  const groups = [...new Set(metrics.flatMap((metric) => metric.groups))];
  const given = Object.values(groupWeights).reduce((sum, weight) => sum + weight, 0);
  const rest = (100 - given) / groups.filter((group) => groupWeights[group] === undefined).length;
  const sum = groups.reduce((total, group) => {
    const labels = metrics.filter((metric) => metric.groups.includes(group)).map((metric) => metric.label);
    return total + (groupScore(labels) * (groupWeights[group] ?? rest)) / 100;
  }, 0);
  return Math.round(sum * 100) / 100;
}

/** The percentage of passes among the labels that count; 100 where none does. */
function groupScore(labels: readonly KayentaLabel[]): number {
  const counted = labels.filter((label) => label !== "nodata" && label !== "error");
  const passed = counted.filter((label) => label === "pass").length;
  return counted.length === 0 ? 100 : (passed / counted.length) * 100;
}
