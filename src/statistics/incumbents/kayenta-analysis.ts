import { classifyKayenta } from "./kayenta.ts";
import { addTo, atIntervals, noSums, type OnlineJudge, type Sums } from "./online-judge.ts";

export interface KayentaAnalysisRequest {
  /** Seconds of one point of the series, and between two judgements. */
  readonly step: number;
  /** Points that are looked back on. */
  readonly lookback: number;
}

/**
 * Kayenta's judge with its defaults on the bad share of each step in percent, asked at every step over a sliding window.
 * The first label "high" goes back; canary stages that wait for the end of their interval do so later. Of scores it
 * knows nothing: one metric that is high fails them.
 */
export function createKayentaAnalysis({ step, lookback }: KayentaAnalysisRequest): OnlineJudge {
  const experiment: number[] = [];
  const control: number[] = [];
  let sums: Sums = noSums();
  const look = atIntervals(step, () => {
    experiment.push((100 * sums.k1) / sums.n1);
    control.push((100 * sums.k0) / sums.n0);
    sums = noSums();
    const metric = { name: "bad share", groups: [], direction: "increase" } as const;
    const series = { control: control.slice(-lookback), experiment: experiment.slice(-lookback) };
    return classifyKayenta(metric, series).label === "high";
  });
  return {
    take(counts, at) {
      addTo(sums, counts);
      return look(at);
    },
  };
}
