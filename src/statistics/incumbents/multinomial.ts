import type { OnlineJudge } from "./online-judge.ts";
import { sampleRatioEvidence } from "./sample-ratio.ts";

export interface MultinomialRequest {
  readonly alpha: number;
  /** The candidate's planned share at this second. */
  readonly share: (at: number) => number;
}

/**
 * The test of counts that Netflix published: of all bad outcomes the candidate's part against its share of the traffic,
 * by a Dirichlet-multinomial mixture with k = 100, one factor for each planned share (Lindon and Malek, Anytime-Valid
 * Inference for Multinomial Count Data, NeurIPS 2022). It is two-sided: it goes back only when the part is above the share.
 */
export function createMultinomialTest({ alpha, share }: MultinomialRequest): OnlineJudge {
  const threshold = -Math.log(alpha);
  let past = 0;
  let epoch = { share: Number.NaN, k1: 0, k0: 0, log: 0 };
  let excess = 0;
  return {
    take({ k1, k0 }, at) {
      const planned = share(at);
      if (planned !== epoch.share) {
        past += epoch.log;
        epoch = { share: planned, k1: 0, k0: 0, log: 0 };
      }
      if (k1 + k0 > 0) {
        epoch.k1 += k1;
        epoch.k0 += k0;
        excess += k1 - planned * (k1 + k0);
        epoch.log = sampleRatioEvidence([{ counts: [epoch.k1, epoch.k0], shares: [planned, 1 - planned] }]);
      }
      return excess > 0 && past + epoch.log >= threshold;
    },
  };
}
