import type { Milliseconds } from "../../core/time.ts";
import { reservedNames } from "../language.ts";
import type { ForeignNode } from "./foreign-file.ts";

/** Whose configs can be imported. */
export const foreignKinds = ["argo", "flagger", "kayenta"] as const;
export type ForeignKind = (typeof foreignKinds)[number];

/** The incumbent's rule behind a trigger, for comparisons: what it looks at, how often, and when it gives up. */
export interface IncumbentRule {
  readonly product: ForeignKind;
  readonly trigger: string;
  readonly signal: string;
  /** Argo, Flagger: a measurement fails where the share is beyond this. The signal's own direction, from 0 to 1. */
  readonly threshold?: { readonly side: "above" | "below"; readonly limit: number };
  /** Kayenta: a rank test of the arms' values; the size of the effect that must be reached, if one is asked for. */
  readonly ranks?: {
    readonly direction: "increase" | "decrease" | "either";
    readonly measure: "meanRatio" | "cles";
    readonly size?: number;
  };
  /** Between measurements; absent: one only. */
  readonly every?: Milliseconds;
  /** How far back a measurement looks, as the query says. */
  readonly window?: Milliseconds;
  /** How many measurements; absent: as long as the release runs. */
  readonly count?: number;
  /** So many failed measurements are tolerated, whenever they were; one more ends the release. */
  readonly failureLimit: number;
}

/** Counters for one signal in the connection's settings. */
export interface DraftCounters {
  readonly of: string;
  readonly part: string;
  /** The label that tells the arms apart; absent where the config does not say it. */
  readonly release?: string;
  readonly values: Readonly<Record<string, "stable" | "candidate">>;
  readonly missingZero: boolean;
}

/** A signal with its trigger and criterion, each as a playbook has it, and where all of it comes from. */
export interface DraftSignal {
  readonly name: string;
  /** For example `{ share: failed, of: requests, from: metrics, better: down }`. */
  readonly signal: string;
  readonly trigger: string;
  readonly claim: string;
  /** For example `{ above: 95% }`; absent where no criterion can be written about such a signal. */
  readonly criterion?: string;
  readonly fromSignal: string;
  readonly fromClaim: string;
  /** What a person must know or fill in about it. */
  readonly remarks: readonly string[];
  readonly counters?: DraftCounters;
  /** Their query, where it is kept for people. */
  readonly query?: string;
  readonly rule: IncumbentRule;
}

/** Where the metrics come from, as far as a connection needs it. */
export interface DraftServer {
  readonly url?: string;
  readonly remarks: readonly string[];
}

export interface DraftSteps {
  readonly weights: readonly number[];
  readonly each: Milliseconds;
  readonly from: string;
}

/** Something of the config that the playbook does not say. */
export interface Lost {
  readonly path: string;
  readonly offset: number;
  readonly message: string;
}

/** A config of somebody else in the words of a playbook. */
export interface Draft {
  readonly kind: ForeignKind;
  readonly name: string;
  readonly nameFrom: string;
  /** The object whose pods are released. */
  readonly workload?: { readonly at: string; readonly from: string };
  readonly signals: readonly DraftSignal[];
  readonly steps?: DraftSteps;
  readonly warmUp?: Milliseconds;
  readonly server?: DraftServer;
  readonly lost: readonly Lost[];
  /** What is still a placeholder. */
  readonly placeholders: readonly string[];
}

export function lostAt(node: ForeignNode, message: string): Lost {
  return { path: node.path, offset: node.offset, message };
}

/** A name of the playbook language from any text; `otherwise` where nothing is left of it. */
export function nameOf(text: string, otherwise: string): string {
  const words = text
    .normalize("NFKD")
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-");
  const name = words
    .replaceAll(/^-+|-+$/g, "")
    .replace(/^(?=\d)/, "metric-")
    .slice(0, 48)
    .replace(/-$/, "");
  return name === "" ? otherwise : reservedNames.includes(name) ? `${name}-signal` : name;
}

const label = "[a-z0-9](?:[-a-z0-9]*[a-z0-9])?";
const inCluster = new RegExp(`^${label}/${label}(?:\\.${label})*$`);

/** Where a workload lives; absent where Kubernetes could have no object of such a name (RFC 1123). */
export function workloadAddress(
  resource: "deployments" | "rollouts",
  namespace: string,
  name: string,
): string | undefined {
  return inCluster.test(`${namespace}/${name}`) ? `k8s://CLUSTER/${namespace}/${resource}/${name}` : undefined;
}

/** Said of a workload without an address. */
export function noObjectName(namespace: string, name: string): string {
  return `${namespace}/${name} is no name that Kubernetes allows, so there is no workload to restore.`;
}

/** The same name with a number where it is taken. */
export function freeName(name: string, taken: readonly string[]): string {
  for (let at = 2; ; at++) {
    const free = at === 2 ? name : `${name}-${at - 1}`;
    if (!taken.includes(free)) return free;
  }
}

/** A share as percent, without the noise of binary fractions: 0.95 is `95%`. */
export function percent(share: number): string {
  return `${Number((share * 100).toPrecision(10))}%`;
}

/** Go's durations and plain seconds: `90s`, `1m`, `1h30m`, `20`. */
export function readGoDuration(text: string): Milliseconds | undefined {
  if (/^\d+$/.test(text)) return Number(text) * 1000;
  const units: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
  if (!/^(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+$/.test(text)) return undefined;
  let sum = 0;
  for (const [, number, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)) sum += Number(number) * units[unit!]!;
  return sum;
}
