import { formatDuration } from "../core/time.ts";

// How the pages about triggers say numbers.

export function between(
  { atLeast, atMost }: { readonly atLeast: number; readonly atMost: number },
  what: string,
): string {
  const [low, high] = [share(atLeast), share(atMost)];
  return low === high ? part(atMost, what) : `${low} to ${part(atMost, what)}`;
}

export function span(seconds: number | undefined): string {
  return seconds === undefined ? "later than anybody waits" : `within ${duration(seconds)}`;
}

/** Without the noughts that `formatDuration` keeps. */
export function duration(seconds: number): string {
  return formatDuration(Math.round(seconds * 1000)).replace(/\.0(?= s)| 0 (?:s|min|h)$/g, "");
}

export function count(value: number | undefined): string {
  return value === undefined ? "more" : Math.ceil(value).toLocaleString("en-US");
}

export function number(value: number): string {
  return Number(value.toPrecision(2)).toLocaleString("en-US", { maximumFractionDigits: 12 });
}

/** A chance as people say it. */
export function share(chance: number): string {
  if (chance > 0.9995) return "practically all";
  return chance >= 0.01 ? `${Number((chance * 100).toPrecision(3))} %` : odds(chance);
}

export function part(chance: number, what: string): string {
  return `${share(chance)} ${chance >= 0.01 && chance <= 0.9995 ? "of " : ""}${what}`;
}

export function odds(chance: number): string {
  return chance <= 1e-12 ? "1 in a trillion" : `1 in ${Math.floor(1 / chance + 1e-6).toLocaleString("en-US")}`;
}

const products = { argo: "Argo Rollouts", flagger: "Flagger", kayenta: "Kayenta" } as const;

/** A rule of another product, as far as it says when it gives up. */
export function ruleWords(rule: {
  readonly product: keyof typeof products;
  readonly every?: number;
  readonly failureLimit: number;
}): string {
  if (rule.product === "kayenta") return "Kayenta, the ranks of both arms' values at 98 %";
  const often = rule.every === undefined ? "measured once" : `measured every ${duration(rule.every / 1000)}`;
  return rule.product === "argo"
    ? `${products.argo}, ${often}, failureLimit ${rule.failureLimit}`
    : `${products.flagger}, ${often}, threshold ${rule.failureLimit + 1}`;
}
