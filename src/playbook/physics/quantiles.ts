/** What half of all cases, and nine of ten, do not exceed; absent where that is not known. */
export interface Quantiles {
  readonly median?: number;
  readonly p90?: number;
}

/** To six digits: more would be noise. */
export function quantiles(median: number | undefined, p90: number | undefined): Quantiles {
  return {
    ...(median === undefined ? {} : { median: rounded(median) }),
    ...(p90 === undefined ? {} : { p90: rounded(p90) }),
  };
}

export function rounded(value: number): number {
  return Number(value.toPrecision(6));
}
