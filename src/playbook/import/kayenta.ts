import {
  type Draft,
  type DraftCounters,
  type DraftSignal,
  freeName,
  type IncumbentRule,
  type Lost,
  lostAt,
  nameOf,
  percent,
} from "./draft.ts";
import type { ForeignNode, ForeignReader } from "./foreign-file.ts";
import { type Counter, type Matcher, readQuery, readSelector, sayCounter } from "./promql.ts";
import { unreadParts } from "./unread.ts";

/** Is this a canary config of Kayenta? It has no kind; it has metrics, and a classifier or a judge. */
export function isKayenta(node: ForeignNode): boolean {
  const { entries } = node;
  const metrics = entries?.get("metrics")?.items;
  return metrics !== undefined && (entries?.has("classifier") === true || entries?.has("judge") === true);
}

interface Work {
  readonly reader: ForeignReader;
  readonly place: (offset: number) => string;
  readonly config: ForeignNode;
  readonly signals: DraftSignal[];
  readonly lost: Lost[];
}

/** How much worse is harm, where the config asks for no size of the effect. */
const CHOSEN_MARGIN = 0.1;
const UNKNOWN_WHOLE = "FILL_IN_all_total";
const BAD = /err|fail|exception|5xx|4xx|bad|reject|denied|timeout|crash|invalid|drop|abort|complain/i;
const GOOD = /success|approv|conver|accept|avail|\bok\b|apdex|complet|hit/i;
const SLOW = /latenc|duration|response.?time|\btime\b|elapsed|\bp\d\d\b|percentile|slow/i;

/** A canary config in the words of a playbook: each metric that counts something becomes a comparison with stable. */
export function readKayenta(config: ForeignNode, reader: ForeignReader, place: (offset: number) => string): Draft {
  const work: Work = { reader, place, config, signals: [], lost: [] };
  for (const metric of reader.list(config, "metrics")) readMetric(metric, work);
  for (const key of ["id", "description", "configVersion", "createdTimestamp", "updatedTimestamp"]) {
    reader.done(config.entries?.get(key));
  }
  for (const key of ["createdTimestampIso", "updatedTimestampIso"]) reader.done(config.entries?.get(key));
  const application = reader.list(config, "applications")[0]?.text;
  const own = reader.text(config, "name");
  const named = application !== undefined && application !== "ad-hoc" ? application : own;
  reader.done(reader.get(config, "templates"));
  return {
    kind: "kayenta",
    name: named ?? "",
    nameFrom: named === own ? "name" : "applications[0]",
    signals: work.signals,
    ...(work.signals.some(({ counters }) => counters) && { server: { remarks: [] } }),
    lost: [...work.lost, ...unreadParts([config], reader)],
    placeholders: [],
  };
}

interface Wanted {
  readonly direction: "increase" | "decrease" | "either";
  readonly measure: "meanRatio" | "cles";
  readonly size?: number;
  readonly margin: number;
  readonly remarks: readonly string[];
}

function readMetric(metric: ForeignNode, work: Work): void {
  const { reader, lost } = work;
  const name = reader.text(metric, "name") ?? "metric";
  for (const key of ["groups", "scopeName", "id"]) reader.done(metric.entries?.get(key));
  const canary = reader.get(metric, "analysisConfigurations", "canary");
  if (reader.flag(canary, "muted")) {
    lost.push(lostAt(metric, `${name} is muted there: measured, without a say. Declare it when it shall have one.`));
    reader.done(metric);
    return;
  }
  tellSettings(canary, name, work);
  const wanted = wantedOf(canary, name, work);
  const query = reader.get(metric, "query");
  reader.done(query);
  const kind = kindOf(name, wanted.direction);
  const at = reader.get(metric, "name") ?? metric;
  if (kind === "level") {
    const reason =
      "is a level (of a machine, or of traffic) without outcomes that are good or bad; count what people notice of it.";
    lost.push(lostAt(at, `${name} ${reason}`));
    return;
  }
  const free = freeName(
    nameOf(name, "metric"),
    work.signals.map((signal) => signal.name),
  );
  const where = { name: free, said: name, from: `${metric.path} (${work.place(at.offset)})` };
  work.signals.push(kind === "time" ? timeSignal(where, wanted) : countSignal(where, kind, wanted, { query, work }));
}

/** What the name says: Kayenta itself only knows numbers. */
function kindOf(name: string, direction: Wanted["direction"]): "bad" | "good" | "time" | "level" {
  if (BAD.test(name) && direction !== "decrease") return "bad";
  if (SLOW.test(name) && direction !== "decrease") return "time";
  if (GOOD.test(name) && direction !== "increase") return "good";
  return "level";
}

interface Where {
  readonly name: string;
  readonly said: string;
  readonly from: string;
}

function ruleOf(trigger: string, signal: string, { direction, measure, size }: Wanted): IncumbentRule {
  return {
    product: "kayenta",
    trigger,
    signal,
    ranks: { direction, measure, ...(size !== undefined && { size }) },
    failureLimit: 0,
  };
}

/** Slower at the 95th percentile: Kayenta compares the ranks of one value a minute, whatever they are quantiles of. */
function timeSignal({ name, said, from }: Where, wanted: Wanted): DraftSignal {
  return {
    name,
    signal: "{ time: milliseconds, from: events, better: down }",
    trigger: `slower-${name}`,
    claim: `{ ${name}: slows, at: p95, by: ${percent(wanted.margin)} }`,
    fromSignal: said,
    fromClaim: `${from}: ${wanted.direction}`,
    remarks: [...wanted.remarks, "Report each time (from: events), or take the gateway's (from: gateway)."],
    rule: ruleOf(`slower-${name}`, name, wanted),
  };
}

interface Source {
  readonly query: ForeignNode | undefined;
  readonly work: Work;
}

function countSignal({ name, said, from }: Where, kind: "bad" | "good", wanted: Wanted, source: Source): DraftSignal {
  const bad = kind === "bad";
  const promql = promqlOf(source);
  const counters = promql === undefined ? undefined : countersOf(promql);
  const trigger = bad ? `more-${name}` : `fewer-${name}`;
  const signal = `{ share: ${name}, of: requests, from: ${counters ? "metrics" : "events"}, better: ${bad ? "down" : "up"} }`;
  const text = promql ?? JSON.stringify(plain(source.query));
  return {
    name,
    signal,
    trigger,
    claim: `{ ${name}: ${bad ? "rises" : "falls"}, by: ${percent(wanted.margin)} }`,
    criterion: `{ within: ${percent(wanted.margin)} }`,
    fromSignal: said,
    fromClaim: `${from}: ${wanted.direction}`,
    remarks: [...wanted.remarks, ...openOf(counters)],
    ...(counters && { counters }),
    query: text,
    rule: ruleOf(trigger, name, wanted),
  };
}

/** What is still to be said about its counters. */
function openOf(counters: DraftCounters | undefined): readonly string[] {
  if (!counters) return ["Report its outcomes (from: events), or count it in Prometheus."];
  return [
    ...(counters.of === UNKNOWN_WHOLE ? ["FILL IN `of` of its counters in the connection: of what is it a part?"] : []),
    ...(counters.release === undefined
      ? ["FILL IN `release` of its counters: the label that tells the arms apart."]
      : []),
  ];
}

/** The metric as PromQL, where it comes from Prometheus. */
function promqlOf({ query, work }: Source): string | undefined {
  if (query?.entries?.get("type")?.text !== "prometheus") return undefined;
  const inline = query.entries.get("customInlineTemplate")?.text;
  if (inline !== undefined && inline !== "") return inline.replace(/^PromQL:\s*/, "");
  const named = query.entries.get("customFilterTemplate")?.text;
  const template = named === undefined ? undefined : work.config.entries?.get("templates")?.entries?.get(named)?.text;
  const bindings = (query.entries.get("labelBindings")?.items ?? []).flatMap(({ text }) => text ?? []);
  const matchers = [...(template ? [template] : []), ...bindings].join(", ");
  const name = query.entries.get("metricName")?.text ?? "";
  return matchers === "" ? name : `${name}{${matchers}}`;
}

function countersOf(promql: string): DraftCounters {
  const measured = readQuery(promql);
  const share = measured?.kind === "share" && !measured.complement ? measured : undefined;
  const part = share?.part ?? readSelector(promql);
  const scope = part?.matchers.find(({ value }) => /\$\{scope\}/.test(value));
  const named = (counter: Counter | undefined, otherwise: string) =>
    counter ? sayCounter({ ...counter, matchers: counter.matchers.filter(isOfBoth) }) : otherwise;
  return {
    part: named(part, "FILL_IN_counted_total"),
    of: named(share?.of, UNKNOWN_WHOLE),
    ...(scope && { release: scope.label }),
    values: {},
    missingZero: false,
  };
}

/** A matcher with a placeholder picks one arm, one place or one time. */
function isOfBoth({ value }: Matcher): boolean {
  return !value.includes("${");
}

function wantedOf(canary: ForeignNode | undefined, name: string, { reader, lost }: Work): Wanted {
  const given = reader.text(canary, "direction") ?? "either";
  const direction = given === "increase" || given === "decrease" ? given : "either";
  const effect = reader.get(canary, "effectSize");
  const cles = reader.text(effect, "measure") === "cles";
  const up = reader.number(effect, "allowedIncrease");
  const down = reader.number(effect, "allowedDecrease");
  const size = direction === "decrease" ? down : up;
  const ratio = size ?? 1;
  for (const key of ["criticalIncrease", "criticalDecrease"]) {
    const node = reader.get(effect, key);
    if (node) lost.push(lostAt(node, `${name}: there is no second, critical size; write a trigger of its own for it.`));
  }
  const asked = cles ? 0 : direction === "decrease" ? 1 - ratio : ratio - 1;
  const margin =
    asked > 0 ? Math.min(Number(asked.toPrecision(10)), direction === "decrease" ? 0.99 : 100) : CHOSEN_MARGIN;
  const remarks =
    asked > 0
      ? []
      : [
          `The margin of ${percent(margin)} is chosen: Kayenta asks for ${cles ? "a chance, not a margin" : "no size of the effect"}.`,
        ];
  const judged = {
    direction,
    measure: cles ? "cles" : "meanRatio",
    ...(size !== undefined && { size }),
    margin,
  } as const;
  if (direction !== "either") return { ...judged, remarks };
  const side = "There either direction is harm; here the bad one only.";
  return { ...judged, remarks: [...remarks, side] };
}

function tellSettings(canary: ForeignNode | undefined, name: string, { reader, lost }: Work): void {
  const tell = (key: string, message: string) => {
    const node = reader.get(canary, key);
    if (node) lost.push(lostAt(node, `${name}: ${message}`));
    reader.done(node);
  };
  tell("critical", "no trigger is more critical than others: each that is proved rolls back.");
  tell("mustHaveData", "no data is `no-data` for every trigger, never healthy.");
  tell("nanStrategy", "missing values are neither removed nor 0: counts have none.");
  tell("outliers", "nothing is removed: every outcome counts once.");
}

/** A foreign value as plain data, for people to read. */
function plain(node: ForeignNode | undefined): unknown {
  if (node?.items) return node.items.map(plain);
  if (!node?.entries) return node?.text;
  return Object.fromEntries([...node.entries].map(([key, value]) => [key, plain(value)]));
}
