import type { FlagAddress } from "./address.ts";
import { said } from "./flag-reader.ts";
import type { Api } from "./management-api.ts";

/** Something at LaunchDarkly that will change the flag, or that a change would break. */
export interface PendingChange {
  /** `scheduled`: happens by itself. `approval`: waits for people. `expiry`: targets end by themselves. */
  readonly kind: "scheduled" | "approval" | "expiry";
  readonly text: string;
}

export interface Pending {
  readonly changes: readonly PendingChange[];
  /** Why not everything could be learnt. */
  readonly gaps: readonly string[];
}

/** What is pending for a flag in an environment. LaunchDarkly's API lists it for flags only, not for AI configs. */
export async function pendingChanges(
  api: Api,
  environment: string,
  { kind, project, key }: FlagAddress,
  signal: AbortSignal,
): Promise<Pending> {
  if (kind === "ai-config") return { changes: [], gaps: ["LaunchDarkly's API does not list them for AI configs"] };
  const inEnvironment = `/api/v2/projects/${project}/flags/${key}/environments/${encodeURIComponent(environment)}`;
  const lists = await Promise.all([
    items(api, `${inEnvironment}/scheduled-changes`, signal, scheduled),
    items(api, `${inEnvironment}/approval-requests`, signal, approval),
    items(api, `/api/v2/flags/${project}/${key}/expiring-targets/${encodeURIComponent(environment)}`, signal, expiry),
  ]);
  return {
    changes: lists.flatMap((list) => (typeof list === "string" ? [] : list)),
    gaps: lists.filter((list) => typeof list === "string"),
  };
}

type Item = Readonly<Record<string, unknown>>;

async function items(
  api: Api,
  path: string,
  signal: AbortSignal,
  read: (item: Item) => PendingChange | undefined,
): Promise<readonly PendingChange[] | string> {
  const answer = await api.get(path, signal);
  const list =
    answer.kind === "answer" && answer.status === 200 ? (answer.body as { items?: unknown }).items : undefined;
  if (!Array.isArray(list)) return said(answer);
  return list.flatMap((item) => read(item as Item) ?? []);
}

function scheduled(item: Item): PendingChange {
  return {
    kind: "scheduled",
    text: `the scheduled change ${item["_id"]} (${kinds(item)}) on ${date(item["executionDate"])}`,
  };
}

function approval(item: Item): PendingChange | undefined {
  const { status } = item;
  if (status !== "pending" && status !== "scheduled") return undefined;
  if (status === "scheduled")
    return {
      ...scheduled(item),
      text: `the approved request ${item["_id"]} (${kinds(item)}) on ${date(item["executionDate"])}`,
    };
  return { kind: "approval", text: `the approval request ${item["_id"]} (${kinds(item)})` };
}

/** The key of the context is left out: it may name a person. */
function expiry(item: Item): PendingChange {
  return {
    kind: "expiry",
    text: `an individual target of kind ${item["contextKind"]} on ${date(item["expirationDate"])}`,
  };
}

function kinds(item: Item): string {
  const list = Array.isArray(item["instructions"]) ? item["instructions"] : [];
  return list.map((one: Item) => one["kind"]).join(", ") || "no instructions";
}

function date(value: unknown): string {
  const instant = new Date(Number(value));
  return Number.isNaN(instant.getTime()) ? "a date that is not given" : instant.toISOString();
}
