import { type RolloutDraft, readRollout } from "./argo-rollout.ts";
import { type ArgoWork, filled, limitsOf, ruleOf } from "./argo-rule.ts";
import { type Draft, type DraftSignal, freeName, lostAt, nameOf } from "./draft.ts";
import type { ForeignNode, ForeignReader } from "./foreign-file.ts";
import type { Matcher } from "./promql.ts";
import { type Arms, type SignalOrReason, shareSignal } from "./share-signal.ts";
import { unreadParts } from "./unread.ts";

const TEMPLATES = ["AnalysisTemplate", "ClusterAnalysisTemplate", "AnalysisRun"];

/** Is this an object that the import of Argo Rollouts reads? */
export function isArgo(kind: string | undefined): boolean {
  return kind === "Rollout" || TEMPLATES.includes(kind ?? "");
}

/** AnalysisTemplates, and a Rollout's canary steps where the file has one, in the words of a playbook. */
export function readArgo(
  documents: readonly ForeignNode[],
  reader: ForeignReader,
  place: (offset: number) => string,
): Draft {
  const kindOf = (node: ForeignNode) => reader.text(node, "kind") ?? "";
  const templates = documents.filter((node) => TEMPLATES.includes(kindOf(node)));
  const [rollout, ...otherRollouts] = documents.filter((node) => kindOf(node) === "Rollout");
  const names = templates.map((node) => reader.text(node, "metadata", "name") ?? "");
  const moves = rollout && readRollout(rollout, names, reader, place);
  const work: ArgoWork = {
    reader,
    place,
    args: argumentsOf(templates, moves, reader),
    signals: [],
    lost: [...(moves?.lost ?? [])],
    open: new Set(),
    warmUp: 0,
  };
  for (const template of templates) readTemplate(template, work);
  for (const other of otherRollouts) {
    work.lost.push(lostAt(other, "a second Rollout: one playbook is one system. Import it from a file of its own."));
    reader.done(other);
  }
  const used = [...templates, ...(rollout ? [rollout] : [])];
  for (const node of used) for (const key of ["apiVersion", "metadata", "status"]) reader.done(node.entries?.get(key));
  const named = rollout ?? templates[0];
  const name = reader.text(named, "metadata", "name") ?? "";
  return {
    kind: "argo",
    name,
    nameFrom: `${kindOf(named!)} metadata.name`,
    ...(moves?.workload && { workload: moves.workload }),
    signals: work.signals,
    ...(moves?.steps && { steps: moves.steps }),
    ...(work.warmUp > 0 && { warmUp: work.warmUp }),
    ...(work.server && { server: { remarks: work.server.remarks, ...(work.server.url && { url: work.server.url }) } }),
    lost: [...work.lost, ...unreadParts(used, reader)],
    placeholders: [...work.open].map((arg) => `the argument {{args.${arg}}}, which has no value in this file`),
  };
}

function argumentsOf(
  templates: readonly ForeignNode[],
  moves: RolloutDraft | undefined,
  reader: ForeignReader,
): ReadonlyMap<string, string> {
  const args = new Map<string, string>();
  const all = [...templates.flatMap((node) => reader.list(node, "spec", "args")), ...(moves?.args ?? [])];
  for (const node of all) {
    const name = reader.text(node, "name");
    const value = reader.text(node, "value");
    const hash = reader.text(node, "valueFrom", "podTemplateHashValue");
    reader.done(node.entries?.get("valueFrom"));
    if (name !== undefined && value !== undefined) args.set(name, value);
    else if (name !== undefined && hash !== undefined) args.set(name, `POD-TEMPLATE-HASH-${hash}`);
  }
  return args;
}

function readTemplate(template: ForeignNode, work: ArgoWork): void {
  const { reader } = work;
  const dry = reader.list(template, "spec", "dryRun").map((item) => reader.text(item, "metricName") ?? "");
  for (const metric of reader.list(template, "spec", "metrics")) readMetric(metric, dry, work);
}

function readMetric(metric: ForeignNode, dry: readonly string[], work: ArgoWork): void {
  const { reader, place } = work;
  const name = reader.text(metric, "name") ?? "metric";
  if (dry.some((pattern) => matches(pattern, name))) {
    work.lost.push(
      lostAt(metric, `${name} is a dry run there: measured, without a say. Declare it when it shall have one.`),
    );
    reader.done(metric);
    return;
  }
  const [provider, settings] = [...(reader.get(metric, "provider")?.entries ?? [])][0] ?? ["none", undefined];
  if (settings) reader.get(metric, "provider", provider);
  const isPromql = provider === "prometheus";
  const query = isPromql ? filled(reader.text(settings, "query") ?? "", work) : describe(settings);
  if (isPromql) readServer(settings!, work);
  else reader.done(settings);
  const rule = ruleOf(metric, name, work);
  const found = (["failureCondition", "successCondition"] as const).map((key) => limitsOf(metric, key, name, work));
  const [harm, health] = found;
  if (!harm && !health) {
    const isSaid = reader.get(metric, "successCondition") ?? reader.get(metric, "failureCondition");
    if (!isSaid) work.lost.push(lostAt(metric, `${name} (${provider}) ${withoutCondition(provider)}`));
    return;
  }
  const source =
    harm && harm.limits.length > 0 ? { ...harm, key: "failureCondition" } : { ...health!, key: "successCondition" };
  const node = reader.get(metric, source.key)!;
  for (const limit of source.limits) {
    const threshold = {
      name: freeName(
        nameOf(name, "metric"),
        work.signals.map((signal) => signal.name),
      ),
      from: `${node.path} (${place(node.offset)}): ${filled(reader.text(metric, source.key) ?? "", work)}`,
      ...(query !== "" && { query }),
      isPromql,
      arms: (matcher: Matcher) => armsOf(matcher, work.args),
      rule,
    };
    const made = shareSignal({ ...threshold, ...limit });
    const better = source.key === "failureCondition" ? health?.limits[0] : undefined;
    if (made.kind === "lost") work.lost.push(lostAt(node, `${name}: ${made.reason}`));
    else work.signals.push(better ? between(made.signal, shareSignal({ ...threshold, ...better })) : made.signal);
  }
}

/** What a metric without conditions means. */
function withoutCondition(provider: string): string {
  if (provider === "job")
    return "is a program whose exit code decides: report its result as an outcome, or ask it as a policy.";
  if (provider === "kayenta") return "asks Kayenta: import its canary config by itself.";
  return "has no condition: there it always succeeds, so nothing is claimed.";
}

/** Argo pauses between its two limits. Here the failure is harm, and the success what must be proved after going back. */
function between(harm: DraftSignal, health: SignalOrReason): DraftSignal {
  if (health.kind === "lost" || health.signal.signal !== harm.signal || !health.signal.criterion) return harm;
  const remark = `Between its two limits Argo pauses; here ${health.signal.criterion} of its successCondition is the criterion of \`fixed\`.`;
  return { ...harm, criterion: health.signal.criterion, remarks: [...harm.remarks, remark] };
}

function readServer(settings: ForeignNode, work: ArgoWork): void {
  const { reader } = work;
  const address = reader.text(settings, "address");
  reader.done(settings.entries?.get("timeout"));
  const remarks = ["authentication", "headers", "insecure", "rangeQuery"].flatMap((key) => {
    const node = reader.get(settings, key);
    if (!node) return [];
    reader.done(node);
    work.lost.push(
      lostAt(
        node,
        key === "rangeQuery"
          ? "a range query: counters are read as they grow."
          : "how to sign in: write it under `auth` or `headers`; secrets are never copied.",
      ),
    );
    return [`FILL IN ${key}: ${work.place(node.offset)} of the template has them.`];
  });
  if (!work.server) work.server = { url: address && filled(address, work), remarks };
  else if (address && filled(address, work) !== work.server.url) {
    work.lost.push(lostAt(reader.get(settings, "address")!, "a second server: give it a connection of its own."));
  }
}

/** How the canary's series are told from stable's: by the hash of the pods, or by a name with "canary" in it. */
function armsOf(matcher: Matcher, args: ReadonlyMap<string, string>): Arms | undefined {
  if (matcher.value.startsWith("POD-TEMPLATE-HASH-")) return { values: {} };
  const name = matcher.value.replaceAll(/^\^|\$$|\.\*$/g, "");
  const given = [...args.values()].includes(name) || /^[\w.-]+$/.test(name);
  if (!given || !/canary/i.test(name) || !matcher.operator.startsWith("=")) return undefined;
  const stable = name.replace(/canary/i, "stable");
  return {
    matcher: { ...matcher, operator: "=~", value: `${name}|${stable}` },
    values: { [name]: "candidate", [stable]: "stable" },
  };
}

/** A pattern of `dryRun`: a name, with `.*` for anything. Other regular expressions name nothing here. */
function matches(pattern: string, name: string): boolean {
  const [first = "", ...parts] = pattern.replaceAll(/^\^|\$$/g, "").split(".*");
  if (parts.length === 0) return first === name;
  const last = parts.at(-1)!;
  let at = name.startsWith(first) && name.length >= first.length + last.length ? first.length : -1;
  for (const part of parts.slice(0, -1)) at = at < 0 ? at : name.indexOf(part, at);
  return at >= 0 && name.endsWith(last);
}

/** A provider's settings, as people would look for them. */
function describe(settings: ForeignNode | undefined): string {
  const query = settings?.entries?.get("query")?.text ?? settings?.entries?.get("url")?.text;
  return query ?? "";
}
