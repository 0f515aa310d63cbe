import type { Digest } from "./digest.ts";
import type { ComponentName } from "./release.ts";
import type { Milliseconds } from "./time.ts";

/** One AI system's declared answer to: what, when, how, fixed, who. Parsed, checked and frozen; see docs/playbook.md. */
export interface Playbook {
  /** Digest of the file's bytes: every record of a rollout names the playbook that it ran under. */
  readonly digest: Digest;
  readonly system: string;
  readonly owner: string;
  readonly risk: Risk;
  readonly authority: Authority;
  /** Where the playbook may act; it refuses to act anywhere else. Absent: nothing is checked. */
  readonly environment?: Environment;
  /** The traffic that the linter reckons with, in requests a second. */
  readonly trafficPerSecond?: number;
  readonly components: readonly ComponentSpec[];
  readonly signals: readonly Signal[];
  readonly triggers: readonly Trigger[];
  readonly hardLimits: readonly HardLimit[];
  /** Policies that may add a reason to go back; they never take one away. */
  readonly policies?: readonly PolicyTrigger[];
  /** Probability that a release that does no harm is ever rolled back by the triggers together. */
  readonly falseAlarms: number;
  readonly how: How;
  readonly fixed: Fixed;
  readonly who: Who;
  readonly drills?: Drills;
  /** What the file declares and this version does not act on. Refused under `act`, so only `observe` has some. */
  readonly idle?: readonly IdleKey[];
}

/** Something declared without effect. `about` is its path, for example `when.unfair.across`. */
export interface IdleKey {
  readonly about: string;
  readonly message: string;
  /** What to write instead. */
  readonly instead: string;
}

/** `is`: addresses of which each must identify itself as declared, for example `k8s://prod-eu/lending`, or `local`. */
export interface Environment {
  readonly name: string;
  readonly is: readonly string[];
}

export type Risk = "low" | "medium" | "high";

/** `act` rolls back; `observe` says what it would have done. */
export type Authority = "act" | "observe";

/** One restorable part: where it lives, and which way back it has. */
export interface ComponentSpec {
  readonly name: ComponentName;
  /** Where it lives, for example `http://127.0.0.1:7001/components/model`; the scheme picks the adapter. */
  readonly at: string;
  /**
   * A second place of the same component, where two copies run side by side: a release goes to the one that does not
   * serve, and after its promotion they have changed their parts. Absent: both sides read one place.
   */
  readonly beside?: string;
  /** What the playbook says; absent: what the adapter of its address declares. */
  readonly undo?: Undo;
}

/** The route is how traffic is contained, and no component that is restored: it is called so, or it is a gateway's. */
export function isRoute({ name, at }: ComponentSpec): boolean {
  return name === "route" || at.startsWith("gateway:");
}

/**
 * What a step that changes this component is: `compensatable` can be undone, `retriable` can only go on,
 * `pivot` is the point of no return, `irreversible` is refused in automatic plans.
 */
export type Undo = "compensatable" | "retriable" | "pivot" | "irreversible";

/** A named stream of counts or values with business meaning. */
export interface Signal {
  readonly name: string;
  /**
   * `share`: `part` of `of`, both named outcomes. `count`: occurrences of `part` for each `of`. `mean`: a reported score
   * called `part`, one observation each. `time`: how long something took, reported as `part`; from the gateway, its answer.
   */
  readonly kind: "share" | "count" | "mean" | "time";
  readonly part: string;
  readonly of: string;
  /** `gateway`: what our own edge sees. `events`: reported outcomes. Else the name of a connection. */
  readonly from: string;
  readonly better: "up" | "down";
  /** Of a mean: its least and greatest value, where it has any. */
  readonly range?: readonly [least: number, greatest: number];
  /** Of a mean without a range, which can only be judged approximately: not before so many observations of each side. */
  readonly min?: number;
  /** Of a time: the unit of what is reported. */
  readonly unit?: "seconds" | "milliseconds";
  /** What is one observation, where one person or application makes many requests: it is bad when one of them was. */
  readonly per?: string;
  /** How long after its request an outcome is known for certain: seconds of requests are compared when they are this old. */
  readonly labels?: Milliseconds;
  /** Address of the judge whose opinion is the outcome. No effect yet. */
  readonly judge?: string;
}

/** A mean of which nobody can say how great its values may be: judged approximately. */
export function isUnbounded({ kind, range }: Pick<Signal, "kind" | "range">): boolean {
  return kind === "mean" && range === undefined;
}

/** The gateway counts each request at its end, and reports tell later which were `part`. */
export function isReportedLater({ from, kind, part }: Pick<Signal, "from" | "kind" | "part">): boolean {
  return from === "gateway" && (kind === "share" || kind === "count") && part !== "failed" && part !== "cancelled";
}

/** How old a second is when it is compared, where nobody said `labels` and outcomes are not all there when they come. */
export const UNIT_MATURITY: Milliseconds = 60_000;

/**
 * How old a second of requests is when it is compared: its outcomes are known for certain then. 0: as they come. What counts
 * is one person or application, which may turn bad later, or a request of which something is reported later: these wait.
 */
export function maturityOf(signal: Pick<Signal, "from" | "kind" | "part" | "labels" | "per">): Milliseconds {
  return signal.labels ?? (signal.per !== undefined || isReportedLater(signal) ? UNIT_MATURITY : 0);
}

/** Does it tell how requests ended, as the gateway saw it? That is known the later the longer a request took. */
export function isEnding({ from, kind, part }: Pick<Signal, "from" | "kind" | "part">): boolean {
  return from === "gateway" && (kind === "time" || part === "failed" || part === "cancelled");
}

/** Are the arms compared by when requests ended? Not where outcomes mature, or are of more than one request. */
export function isComparedByEnding(signal: Pick<Signal, "from" | "kind" | "part" | "labels" | "per">): boolean {
  return isEnding(signal) && maturityOf(signal) === 0;
}

/** Are outcomes reported, and compared as they come? Then those of one arm may come later than those of the other. */
export function isReportedAsItComes(signal: Pick<Signal, "from" | "kind" | "part" | "labels" | "per">): boolean {
  return signal.from === "events" && maturityOf(signal) === 0;
}

/** How much worse is still acceptable: `relative` 0.05 is 5 %, `points` 0.05 is 5 percentage points, or 0.05 of a mean. */
export type Margin =
  | { readonly kind: "relative"; readonly value: number }
  | { readonly kind: "points"; readonly value: number };

/** What a trigger may say besides its claim. */
export interface TriggerTerms {
  /** Only what was served within this span counts: a recent change, and no slow sum of small ones. */
  readonly within?: Milliseconds;
  /** What one more bad outcome costs. */
  readonly costs?: Money;
  /** Its threshold is found by dynamic programming, which is sooner and needs an assumption. */
  readonly threshold?: "calibrated";
  /** The label of segments: the claim is made of the whole and of each of them, so that harm to one alone is found. */
  readonly inAny?: string;
  /** People are asked before containment; what happens when nobody has answered after so long. No effect yet. */
  readonly ask?: { readonly containAfter: Milliseconds };
}

/** An amount in a currency of ISO 4217. */
export interface Money {
  readonly amount: number;
  readonly currency: string;
}

/** A claim that the statistics test; each compiles to one null hypothesis. */
export type Trigger =
  | (TriggerTerms & {
      readonly kind: "compare";
      readonly name: string;
      readonly signal: string;
      readonly move: "rises" | "falls";
      readonly by: Margin;
    })
  | (TriggerTerms & {
      readonly kind: "limit";
      readonly name: string;
      readonly signal: string;
      readonly side: "above" | "below";
      readonly limit: number;
    })
  /** Some group of `across` has a share that differs from the others' by more than this. */
  | (TriggerTerms & {
      readonly kind: "differ";
      readonly name: string;
      readonly signal: string;
      readonly across: string;
      readonly by: Margin;
    })
  /** The quantile of a time grows by more than this part; 0.95 is p95. Without one, some quantile of `TIME_QUANTILES` does. */
  | (TriggerTerms & {
      readonly kind: "slows";
      readonly name: string;
      readonly signal: string;
      readonly quantile?: number;
      readonly by: number;
    });

/** As people write it: p95, p99.9. */
export function percentile(quantile: number): string {
  return `p${Number((quantile * 100).toPrecision(6))}`;
}

/** What a claim about a time is made of where it names no quantile: all of it, and its tail. */
export const TIME_QUANTILES: readonly number[] = [0.5, 0.75, 0.9, 0.95, 0.99];

/** The label by whose values a trigger tells outcomes apart, if it does. */
export function labelOf(trigger: Trigger): string | undefined {
  return trigger.kind === "differ" ? trigger.across : trigger.inAny;
}

/** A policy, asked on every judgement: each reason that it answers speaks for going back. */
export interface PolicyTrigger {
  readonly name: string;
  /** For example `opa://lending/back`. */
  readonly at: string;
}

/** A plain threshold: no statistics, at once, never overridden. */
export interface HardLimit {
  readonly name: string;
  readonly signal: string;
  readonly comparison: ">" | ">=" | "<" | "<=";
  readonly limit: number;
  /** A share is judged over this window with at least `min` observations; a count over the whole rollout. */
  readonly over?: Milliseconds;
  readonly min: number;
  /** Instead of a limit: so many observations in a row, all bad. */
  readonly inARow?: number;
}

export interface How {
  /** Percent of traffic on the candidate, rising; the last one is the promotion less the holdback. */
  readonly steps: readonly number[];
  readonly each: Milliseconds;
  /** What is served so soon after the first exposure is no evidence: caches are cold. Hard limits see it. */
  readonly warmUp?: Milliseconds;
  readonly holdback: number;
  /** How long the holdback stays on the last known good, watched, before the release takes its place; 0 without one. */
  readonly holdbackFor?: Milliseconds;
  /** A policy that every step forward needs; undefined and unreachable mean no. */
  readonly allow?: string;
  /** Where traffic goes when harm is decided. */
  readonly contain: "stable";
  /** The deadline of containment and restore together. */
  readonly within: Milliseconds;
  /** Where traffic goes when stable cannot serve or is sick too. */
  readonly else?: string;
  /** What takes over when nothing can: `people`, or an address. */
  readonly safe?: string;
}

/** What must be proved before a rollback counts as fixed. */
export type Criterion =
  | { readonly kind: "within"; readonly signal: string; readonly margin: Margin }
  | { readonly kind: "below" | "above"; readonly signal: string; readonly limit: number };

export interface Fixed {
  readonly criteria: readonly Criterion[];
  readonly for: Milliseconds;
}

export interface Who {
  readonly now: readonly string[];
  /** Who else is told when a rollback is not over after so long. */
  readonly later?: readonly { readonly after: Milliseconds; readonly audience: readonly string[] }[];
  /** Clocks of the law that start with a rollback. No effect yet. */
  readonly clocks?: readonly string[];
  /** How many people of which teams must approve a release. No effect yet. */
  readonly forward?: { readonly approve: number; readonly from: readonly string[] };
}

/** Rehearsals of the way back. No effect yet. */
export interface Drills {
  readonly every: "week" | "month" | "quarter" | "year";
  readonly run: readonly string[];
  /** `shadow`: on a copy of this percentage of traffic. `synthetic`: on so many made-up requests. */
  readonly in?: { readonly shadow: number } | { readonly synthetic: number };
  readonly pass?: { readonly contained?: Milliseconds; readonly restored?: Milliseconds; readonly fixed?: boolean };
}
