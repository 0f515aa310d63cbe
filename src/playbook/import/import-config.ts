import { type Issue, IssueList } from "../issue.ts";
import { isArgo, readArgo } from "./argo.ts";
import { connectionsText } from "./connections-text.ts";
import { type Draft, type ForeignKind, foreignKinds, type IncumbentRule } from "./draft.ts";
import { isFlagger, readFlagger } from "./flagger.ts";
import { type ForeignNode, ForeignReader, readForeignFile } from "./foreign-file.ts";
import { isKayenta, readKayenta } from "./kayenta.ts";
import { type ImportOptions, type LostLine, writePlaybook } from "./playbook-text.ts";

/** A foreign config as a playbook. */
export interface Imported {
  readonly kind: "imported";
  readonly from: ForeignKind;
  readonly system: string;
  /** The playbook's text, whole and commented. */
  readonly playbook: string;
  /** A connections file for its signals, where they come from Prometheus. */
  readonly connections?: string;
  /** What the config says and the playbook does not, with its place in the file. */
  readonly lost: readonly LostLine[];
  /** What a person must fill in before it can act. */
  readonly toFill: readonly string[];
  /** The rule behind each trigger, for comparisons: what the incumbent looks at, how often, and when it gives up. */
  readonly rules: readonly IncumbentRule[];
}

export type ImportResult = Imported | { readonly kind: "invalid"; readonly issues: readonly Issue[] };

/**
 * Reads an AnalysisTemplate (and Rollout) of Argo Rollouts, a Canary (and MetricTemplates) of Flagger or a canary config
 * of Kayenta, and writes it as a playbook. Never throws; conditions and queries are read, never run. What is wrong with the
 * file comes with its place.
 *
 * @param file what the issues call the file
 * @param wanted whose config it is; absent: the file tells
 */
export function importConfig(
  text: string,
  file: string,
  options: ImportOptions = {},
  wanted?: ForeignKind,
): ImportResult {
  const body = text.startsWith("\ufeff") ? text.slice(1) : text;
  const issues = new IssueList(file, body);
  const documents = readForeignFile(body, issues)?.flatMap(listed);
  const draft = documents && readDraft(documents, issues, wanted);
  if (!draft || !issues.isEmpty) return { kind: "invalid", issues: issues.all() };
  const lost = draft.lost
    .map(({ offset, path, message }) => ({
      ...issues.position(offset),
      path: path === "" ? "the object" : path,
      message,
    }))
    .toSorted((a, b) => a.line - b.line || a.column - b.column);
  const { text: playbook, toFill, system } = writePlaybook(draft, file, lost, options);
  const connections = connectionsText(draft, file);
  const server = connections?.includes("url: http://127.0.0.1:9090  # FILL IN")
    ? ["connections: the url of Prometheus"]
    : [];
  return {
    kind: "imported",
    from: draft.kind,
    system,
    playbook,
    ...(connections !== undefined && { connections }),
    lost,
    toFill: [...toFill, ...server],
    rules: draft.signals.map(({ rule }) => rule),
  };
}

/** The objects of a Kubernetes `List` one by one. */
function listed(node: ForeignNode): readonly ForeignNode[] {
  const items = node.entries?.get("kind")?.text?.endsWith("List") ? node.entries.get("items")?.items : undefined;
  return items ?? [node];
}

function readDraft(
  documents: readonly ForeignNode[],
  issues: IssueList,
  wanted: ForeignKind | undefined,
): Draft | undefined {
  const reader = new ForeignReader(issues);
  const place = (offset: number) => `line ${issues.position(offset).line}`;
  const kinds = documents.map((node) => kindOf(node, reader));
  const kind = wanted ?? kinds.find((found) => found !== undefined);
  const own = documents.filter((_, at) => kinds[at] === kind);
  if (kind === undefined || own.length === 0) {
    const message = `There is no ${kind === undefined ? "config that can be imported" : `config of ${kind}`} in this file.`;
    const hint = `Imported are ${foreignKinds.join(", ")}: an AnalysisTemplate or Rollout, a Canary or MetricTemplate, a canary config.`;
    issues.add("UNKNOWN_WORD", documents[0]?.offset ?? 0, message, hint);
    return undefined;
  }
  const draft = { argo: readArgo, flagger: readFlagger, kayenta: readFirst }[kind](own, reader, place);
  const others = documents.filter((node) => !own.includes(node) && node.entries !== undefined);
  const rest = others.map((node) => {
    const what = reader.text(node, "kind") ?? "an object";
    return { path: what, offset: node.offset, message: "another kind of object; nothing of it was read." };
  });
  return { ...draft, lost: [...draft.lost, ...rest] };
}

function readFirst(configs: readonly ForeignNode[], reader: ForeignReader, place: (offset: number) => string): Draft {
  return readKayenta(configs[0]!, reader, place);
}

function kindOf(node: ForeignNode, reader: ForeignReader): ForeignKind | undefined {
  const kind = reader.text(node, "kind");
  if (isArgo(kind)) return "argo";
  if (isFlagger(kind)) return "flagger";
  return isKayenta(node) ? "kayenta" : undefined;
}
