import { readCondition } from "./condition.ts";
import { type DraftSignal, type Lost, lostAt, readGoDuration } from "./draft.ts";
import type { ForeignNode, ForeignReader } from "./foreign-file.ts";
import { type HarmLimits, harmLimits } from "./limits.ts";

/** What is gathered while templates are read. */
export interface ArgoWork {
  readonly reader: ForeignReader;
  readonly place: (offset: number) => string;
  /** Values of arguments by name. */
  readonly args: ReadonlyMap<string, string>;
  readonly signals: DraftSignal[];
  readonly lost: Lost[];
  /** Arguments that stand in queries and have no value. */
  readonly open: Set<string>;
  /** The longest wait before a first measurement. */
  warmUp: number;
  server?: { readonly url: string | undefined; readonly remarks: readonly string[] };
}

/** Arguments replaced by their values; what has none stays, and is told. */
export function filled(text: string, { args, open }: ArgoWork): string {
  return text.replaceAll(/\{\{\s*args\.([\w.-]+)\s*\}\}/g, (whole, name: string) => {
    const value = args.get(name);
    if (value === undefined) open.add(name);
    return value ?? whole;
  });
}

/** The limits of a condition; what it says besides is told. Undefined where it says none. */
export function limitsOf(
  metric: ForeignNode,
  key: "successCondition" | "failureCondition",
  name: string,
  work: ArgoWork,
): HarmLimits | undefined {
  const { reader, lost } = work;
  const text = filled(reader.text(metric, key) ?? "", work);
  if (text.trim() === "") return undefined;
  const node = reader.get(metric, key)!;
  const condition = readCondition(text);
  if (condition.kind === "unreadable") {
    lost.push(
      lostAt(node, `${name}: the condition cannot be read: ${condition.message} (character ${condition.at + 1}).`),
    );
    return undefined;
  }
  const limits = harmLimits(condition, key === "failureCondition");
  for (const text of limits.other) lost.push(lostAt(node, `${name}: \`${text}\` is nothing to count.`));
  for (const text of limits.missing) {
    lost.push(
      lostAt(
        node,
        `${name}: \`${text}\` decides what no data means; here no data is \`no-data\`, never healthy and never harm.`,
      ),
    );
  }
  return limits.limits.length > 0 ? limits : undefined;
}

/** How often a metric is measured, and what is tolerated. */
export function ruleOf(metric: ForeignNode, name: string, work: ArgoWork) {
  const { reader, lost } = work;
  const span = (key: string) => {
    const text = reader.text(metric, key);
    return text === undefined ? undefined : readGoDuration(filled(text, work));
  };
  const every = span("interval");
  work.warmUp = Math.max(work.warmUp, span("initialDelay") ?? 0);
  const count = numberOf(metric, "count", work) || undefined;
  for (const [key, message] of RUN_LIMITS) {
    const node = reader.get(metric, key);
    if (node) lost.push(lostAt(node, `${name}: ${message}`));
  }
  return {
    product: "argo" as const,
    failureLimit: numberOf(metric, "failureLimit", work) ?? 0,
    ...(every !== undefined && { every }),
    ...(count !== undefined ? { count } : every === undefined ? { count: 1 } : {}),
  };
}

/** A number that may be an argument; an argument without a value is told. */
function numberOf(metric: ForeignNode, key: string, work: ArgoWork): number | undefined {
  const { reader } = work;
  const text = reader.text(metric, key);
  if (text === undefined || !text.includes("{{")) return reader.number(metric, key);
  const value = Number(filled(text, work));
  if (!Number.isNaN(value)) return value;
  work.lost.push(lostAt(reader.get(metric, key)!, `${text} has no value in this file.`));
  return undefined;
}

const RUN_LIMITS: readonly (readonly [string, string])[] = [
  [
    "inconclusiveLimit",
    "inconclusive measurements are not counted here; what is not proved is not proved, and promotion waits.",
  ],
  [
    "consecutiveErrorLimit",
    "a source that fails is `no-data` here: the exposure is not renewed, whatever the number of errors.",
  ],
  ["consecutiveSuccessLimit", "a row of successes proves nothing here; promotion waits until safety is proved."],
];
