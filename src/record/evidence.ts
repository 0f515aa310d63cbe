import type { Finding, Tally } from "../core/verdict.ts";

export interface Evidence {
  readonly name: string;
  readonly claim: string;
  readonly kind: Finding["kind"];
  readonly method: Finding["method"];
  readonly candidate: { readonly n: number; readonly k: number; readonly per100?: number };
  readonly reference: { readonly n: number; readonly k: number; readonly per100?: number };
  readonly logHarm: number;
  readonly logSafe: number;
  /** "21 of 100, against 8 of 100", and what the odds say. */
  readonly words: string;
}

/** One finding of a verdict, as reports show it. */
export function evidenceOf(finding: Finding): Evidence {
  const per100 = (tally: { n: number; k: number }) => (tally.n === 0 ? undefined : (100 * tally.k) / tally.n);
  const side = ({ n, k }: { n: number; k: number }) => {
    const share = per100({ n, k });
    return share === undefined ? { n, k } : { n, k, per100: Math.round(share * 10) / 10 };
  };
  const candidate = side(finding.candidate);
  const reference = side(finding.reference);
  const { name, claim, kind, method, logHarm, logSafe } = finding;
  return { name, claim, kind, method, candidate, reference, logHarm, logSafe, words: wordsOf(finding) };
}

/** Natural frequencies, and how strong the evidence is: the e-value, as a bet against the opposite would have paid. */
function wordsOf(finding: Finding): string {
  const of100 = ({ n, k, mean, group }: Tally) => {
    const who = group === undefined ? "" : `${group}: `;
    if (n === 0) return `${who}none seen`;
    return mean === undefined
      ? `${who}${((100 * k) / n).toFixed(1)} in 100 (${k} of ${n})`
      : `${who}a mean of ${mean.toFixed(3)} (${n})`;
  };
  const both = ({ candidate, reference }: { readonly candidate: Tally; readonly reference: Tally }) =>
    reference.n > 0 ? `${of100(candidate)}, against ${of100(reference)}` : of100(candidate);
  const segments = (finding.segments ?? []).map((one) => `; ${both(one)}, ${oddsOf(one.logHarm)} by itself`);
  const compared = `${both(finding)}${segments.join("")}`;
  if (finding.method === "run-length")
    return `the longest run was ${finding.candidate.k}; hard limit ${finding.kind === "harmful" ? "broken" : "kept"}`;
  if (finding.method === "hard-limit")
    return `${compared}; hard limit ${finding.kind === "harmful" ? "broken" : "kept"}`;
  const rests = finding.assumes === undefined ? "" : `; ${finding.assumes}`;
  if (finding.kind === "harmful")
    return `${compared}; evidence ${oddsOf(finding.logHarm)} for "${finding.claim}"${rests}`;
  if (finding.kind === "healthy")
    return `${compared}; evidence ${oddsOf(finding.logSafe)} against "${finding.claim}"${rests}`;
  return `${compared}; ${finding.doubts ? `doubted: ${finding.doubts.join("; ")}` : "not decided"}`;
}

function oddsOf(logE: number): string {
  if (logE > 27) return `over 10^${Math.floor(logE / Math.LN10)} to 1`;
  return `${Math.max(1, Math.floor(Math.exp(logE))).toLocaleString("en-US")} to 1`;
}
