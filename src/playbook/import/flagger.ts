import {
  type Draft,
  type DraftSignal,
  type DraftSteps,
  freeName,
  type Lost,
  lostAt,
  nameOf,
  noObjectName,
  readGoDuration,
  workloadAddress,
} from "./draft.ts";
import { builtinQueries } from "./flagger-queries.ts";
import type { ForeignNode, ForeignReader } from "./foreign-file.ts";
import type { Matcher } from "./promql.ts";
import { type Arms, shareSignal } from "./share-signal.ts";
import { unreadParts } from "./unread.ts";

/** Is this an object that the import of Flagger reads? */
export function isFlagger(kind: string | undefined): boolean {
  return kind === "Canary" || kind === "MetricTemplate";
}

interface Work {
  readonly reader: ForeignReader;
  readonly place: (offset: number) => string;
  readonly canary: ForeignNode | undefined;
  readonly templates: ReadonlyMap<string, ForeignNode>;
  readonly target: string;
  readonly variables: ReadonlyMap<string, string>;
  readonly every: number;
  readonly failureLimit: number;
  readonly signals: DraftSignal[];
  readonly lost: Lost[];
  url?: string;
}

/** A Canary, with the MetricTemplates that it refers to, in the words of a playbook. */
export function readFlagger(
  documents: readonly ForeignNode[],
  reader: ForeignReader,
  place: (offset: number) => string,
): Draft {
  const ofKind = (kind: string) => documents.filter((node) => reader.text(node, "kind") === kind);
  const [canary, ...others] = ofKind("Canary");
  const templates = ofKind("MetricTemplate");
  const name = reader.text(canary ?? templates[0], "metadata", "name") ?? "";
  const target = reader.text(canary, "spec", "targetRef", "name") ?? name;
  const namespace = reader.text(canary, "metadata", "namespace") ?? "default";
  const analysis = reader.get(canary, "spec", "analysis");
  const every = readGoDuration(reader.text(analysis, "interval") ?? "60s") ?? 60_000;
  const work: Work = {
    reader,
    place,
    canary,
    templates: new Map(templates.map((node) => [reader.text(node, "metadata", "name") ?? "", node])),
    target,
    variables: new Map([
      ["name", name],
      ["namespace", namespace],
      ["target", target],
      ["service", reader.text(canary, "spec", "service", "name") ?? target],
      ["ingress", reader.text(canary, "spec", "ingressRef", "name") ?? target],
    ]),
    every,
    // Flagger gives up when the failed checks reach its threshold; 0 gives up at the first.
    failureLimit: Math.max(0, (reader.number(analysis, "threshold") ?? 0) - 1),
    signals: [],
    lost: [],
  };
  for (const metric of reader.list(analysis, "metrics")) readMetric(metric, work);
  const steps = readSteps(analysis, work);
  finish(work, { others, templates });
  const kind = reader.text(canary, "spec", "targetRef", "kind") ?? "Deployment";
  const workload = canary && workloadOf(canary, work, { kind, namespace });
  const used = [...(canary ? [canary] : []), ...templates];
  return {
    kind: "flagger",
    name,
    nameFrom: canary ? "Canary metadata.name" : "MetricTemplate metadata.name",
    ...(workload && { workload }),
    signals: work.signals,
    ...(steps && { steps }),
    ...(work.url !== undefined && { server: { url: work.url, remarks: [] } }),
    lost: [...work.lost, ...unreadParts(used, reader)],
    placeholders: [],
  };
}

/** What can be restored of it. */
function workloadOf(
  canary: ForeignNode,
  { target, lost }: Work,
  { kind, namespace }: { readonly kind: string; readonly namespace: string },
): Draft["workload"] {
  const at = kind === "Deployment" ? workloadAddress("deployments", namespace, target) : undefined;
  if (at !== undefined) return { at, from: `spec.targetRef: ${kind} ${target}` };
  const reason =
    kind === "Deployment"
      ? noObjectName(namespace, target)
      : `the target is a ${kind}: Deployments and Rollouts can be restored.`;
  lost.push(lostAt(canary, reason));
  return undefined;
}

function finish(
  work: Work,
  rest: { readonly others: readonly ForeignNode[]; readonly templates: readonly ForeignNode[] },
): void {
  const { reader, lost, canary } = work;
  for (const other of rest.others) {
    lost.push(lostAt(other, "a second Canary: one playbook is one system. Import it from a file of its own."));
  }
  for (const node of [...(canary ? [canary] : []), ...rest.templates]) {
    for (const key of ["apiVersion", "metadata", "status"]) reader.done(node.entries?.get(key));
  }
  reader.done(reader.get(canary, "spec", "targetRef"));
  for (const template of rest.templates) {
    if (!reader.unread(template).some(({ path }) => path === "spec")) continue;
    lost.push(lostAt(template, "no metric of the Canary refers to this MetricTemplate."));
    reader.done(template);
  }
  if (!canary)
    lost.push(lostAt(rest.templates[0]!, "there is no Canary in this file, so there are no limits and no steps."));
}

function readMetric(metric: ForeignNode, work: Work): void {
  const { reader } = work;
  const name = reader.text(metric, "name") ?? "metric";
  const interval = reader.text(metric, "interval") ?? "1m";
  const source = sourceOf(metric, name, interval, work);
  const limits = limitsOf(metric, name, work);
  for (const { side, limit, node } of limits) {
    const made = shareSignal({
      name: freeName(
        nameOf(name, "metric"),
        work.signals.map((signal) => signal.name),
      ),
      side,
      limit,
      from: `${node.path} (${work.place(node.offset)}): ${side} ${limit} is a failed check`,
      ...(source.query !== undefined && { query: source.query }),
      isPromql: source.isPromql,
      arms: (matcher) => armsOf(matcher, work.target),
      rule: { product: "flagger", every: work.every, failureLimit: work.failureLimit },
    });
    if (made.kind === "lost") work.lost.push(lostAt(node, `${name}: ${made.reason}`));
    else work.signals.push({ ...made.signal, remarks: [...source.remarks, ...made.signal.remarks] });
  }
}

interface Limit {
  readonly side: "below" | "above";
  readonly limit: number;
  readonly node: ForeignNode;
}

function limitsOf(metric: ForeignNode, name: string, { reader, lost }: Work): readonly Limit[] {
  const range = reader.get(metric, "thresholdRange");
  const limits: Limit[] = [];
  const take = (side: Limit["side"], ...keys: readonly string[]) => {
    const limit = reader.number(metric, ...keys);
    const node = reader.get(metric, ...keys);
    if (limit !== undefined && node) limits.push({ side, limit, node });
  };
  if (range) {
    take("below", "thresholdRange", "min");
    take("above", "thresholdRange", "max");
  } else take(name === "request-success-rate" ? "below" : "above", "threshold");
  if (limits.length === 0)
    lost.push(lostAt(metric, `${name} has no limit: there it always passes, so nothing is claimed.`));
  return limits;
}

interface Source {
  readonly query?: string;
  readonly isPromql: boolean;
  readonly remarks: readonly string[];
}

function sourceOf(metric: ForeignNode, name: string, interval: string, work: Work): Source {
  const { reader, lost, templates } = work;
  const variables = new Map([...work.variables, ["interval", interval]]);
  for (const [key, node] of reader.get(metric, "templateVariables")?.entries ?? []) {
    variables.set(`variables.${key}`, node.text ?? "");
    reader.text(metric, "templateVariables", key);
  }
  const inline = reader.text(metric, "query");
  if (inline !== undefined) return { query: rendered(inline, variables), isPromql: true, remarks: [] };
  const reference = reader.get(metric, "templateRef");
  if (!reference) return builtin(name, variables, work);
  reader.done(reference);
  const referred = reader.text(reference, "name") ?? "";
  const template = templates.get(referred);
  if (!template) {
    lost.push(lostAt(reference, `the MetricTemplate ${referred} is not in this file; import both together.`));
    return { isPromql: false, remarks: [] };
  }
  const provider = reader.text(template, "spec", "provider", "type") ?? "prometheus";
  const isPromql = provider === "prometheus";
  const url = reader.text(template, "spec", "provider", "address");
  if (isPromql && url !== undefined) work.url ??= url;
  const query = reader.text(template, "spec", "query");
  return {
    ...(query !== undefined && { query: rendered(query, variables) }),
    isPromql,
    remarks: isPromql ? [] : [`Its provider there is ${provider}.`],
  };
}

function builtin(name: string, variables: ReadonlyMap<string, string>, { reader, canary }: Work): Source {
  const provider = reader.text(canary, "spec", "provider");
  const query = builtinQueries[provider?.split(":")[0] ?? "istio"]?.[name];
  if (query === undefined) return { isPromql: true, remarks: [] };
  const remarks = provider === undefined ? ["The Canary names no provider: the query is the one for Istio."] : [];
  return { query: rendered(query, variables), isPromql: true, remarks };
}

function rendered(query: string, variables: ReadonlyMap<string, string>): string {
  return query.replaceAll(/\{\{-?\s*([\w.]+)\s*-?\}\}/g, (whole, name: string) => variables.get(name) ?? whole);
}

/** Flagger's canary is the target itself, and stable is the target with `-primary`. */
function armsOf(matcher: Matcher, target: string): Arms | undefined {
  if (matcher.value !== target || !matcher.operator.startsWith("=")) return undefined;
  const stable = `${target}-primary`;
  return {
    matcher: { ...matcher, operator: "=~", value: `${target}|${stable}` },
    values: { [target]: "candidate", [stable]: "stable" },
  };
}

function readSteps(analysis: ForeignNode | undefined, work: Work): DraftSteps | undefined {
  const { reader, every, lost, place } = work;
  const list = reader.get(analysis, "stepWeights");
  const step = reader.number(analysis, "stepWeight");
  const most = reader.number(analysis, "maxWeight") ?? 100;
  const iterations = reader.number(analysis, "iterations");
  const weights = list ? reader.list(analysis, "stepWeights").flatMap((item) => reader.number(item) ?? []) : [];
  if (!list && step !== undefined && step >= 1)
    for (let at = step; at <= Math.min(most, 100); at += step) weights.push(at);
  const node = list ?? reader.get(analysis, "stepWeight") ?? reader.get(analysis, "iterations");
  if (!node) return undefined;
  const from = `${node.path} (${place(node.offset)})`;
  if (weights.length > 0) return { weights, each: every, from };
  lost.push(lostAt(node, `${iterations} checks without weights: shares of traffic were chosen, for as long together.`));
  return { weights: [10, 50], each: (every * (iterations ?? 1)) / 2, from: `chosen; ${from}` };
}
