import { type Digest, isDigest } from "../../core/digest.ts";
import type { Applied, Concern, Observed, Resolved, Seen } from "../../core/ports.ts";
import type { Revision } from "../../core/release.ts";
import type { CommandEnd } from "./run-command.ts";

/**
 * Exit codes of a component's programs. 0 says that standard output has the answer as a JSON object. Every other code
 * says nothing about what happened, and so counts as `UNKNOWN`: 1 and 2 are what programs end with by accident.
 */
const EXIT = { OK: 0, CONFLICT: 10, STALE: 11, REFUSED: 12 } as const;

type Body = Readonly<Record<string, unknown>>;

/** The answer of a program that ended with 0; else why there is none. */
export function bodyOf(end: CommandEnd): Body | string {
  if (end.kind !== "ended" || end.code !== EXIT.OK) return reasonOf(end);
  return jsonObject(end.output) ?? "its output is not a JSON object";
}

export function observedIn(end: CommandEnd): Observed {
  const body = bodyOf(end);
  if (typeof body === "string") return { kind: "unreachable", reason: body };
  const { digest, version, label } = body;
  if (!isDigest(digest)) return { kind: "unreachable", reason: "its answer has no digest" };
  if (!isVersion(version)) return { kind: "unreachable", reason: "its answer has no version" };
  return {
    kind: "live",
    digest,
    version: String(version),
    ...(typeof label === "string" ? { label: label.slice(0, 200) } : {}),
  };
}

/** The digests that `read` says are kept, besides the one that serves. */
export function heldIn(end: CommandEnd): readonly unknown[] {
  const body = bodyOf(end);
  if (typeof body === "string") return [];
  return [body["digest"], ...(Array.isArray(body["held"]) ? body["held"] : [])];
}

export function appliedIn(end: CommandEnd, desired: Digest): Applied {
  const reason = reasonOf(end);
  if (end.kind === "not-started") return { kind: end.lasting ? "refused" : "unknown", reason };
  if (end.kind === "killed") return { kind: "unknown", reason };
  switch (end.code) {
    case EXIT.OK: {
      const body = jsonObject(end.output);
      if (body?.["digest"] === desired) return { kind: body["already"] === true ? "already" : "applied" };
      return { kind: "unknown", reason: "it ended well, and its answer names another digest or none" };
    }
    case EXIT.CONFLICT:
      return { kind: "conflict", reason };
    case EXIT.STALE:
      return { kind: "stale", reason };
    case EXIT.REFUSED:
      return { kind: "refused", reason };
    default:
      return { kind: "unknown", reason };
  }
}

export function resolvedIn(end: CommandEnd, reference: string): Resolved {
  if (end.kind === "ended" && end.code === EXIT.REFUSED) return { kind: "unknown", reason: reasonOf(end) };
  const body = bodyOf(end);
  if (typeof body === "string") return { kind: "unreachable", reason: body };
  const { digest, label, accepts, keeps } = body;
  if (!isDigest(digest)) return { kind: "unreachable", reason: "its answer has no digest" };
  const proofs = { accepts: digestsIn(accepts), keeps: digestsIn(keeps) };
  if (proofs.accepts === "odd" || proofs.keeps === "odd")
    return { kind: "unreachable", reason: "accepts and keeps are lists of digests by component" };
  const revision: Revision = {
    digest,
    label: typeof label === "string" && label !== "" ? label.slice(0, 200) : reference,
    ...(proofs.accepts ? { accepts: proofs.accepts } : {}),
    ...(proofs.keeps ? { keeps: proofs.keeps } : {}),
  };
  return { kind: "revision", revision };
}

export function seenIn(end: CommandEnd): Seen {
  const body = bodyOf(end);
  if (typeof body === "string") return { kind: "unreachable", reason: body };
  if (body["seen"] === true) return { kind: "seen" };
  return { kind: "pending", reason: clean(body["reason"]) ?? "what serves does not have it yet" };
}

/** What could not be asked is a warning too. */
export function concernsIn(end: CommandEnd): readonly Concern[] {
  const body = bodyOf(end);
  const list = typeof body === "string" ? undefined : body["concerns"];
  if (!Array.isArray(list)) {
    const why = typeof body === "string" ? body : "its answer has no list of concerns";
    return [{ level: "warning", text: `its concerns are not known: ${why}` }];
  }
  return list.map(
    (item: Body | null): Concern => ({
      level: item?.["level"] === "warning" ? "warning" : "blocking",
      text: clean(item?.["text"]) ?? "a concern without words",
    }),
  );
}

function digestsIn(value: unknown): Readonly<Record<string, readonly Digest[]>> | "odd" | undefined {
  if (value === undefined || value === null) return undefined;
  const lists = Object.values(value);
  const sound = typeof value === "object" && lists.every((list) => Array.isArray(list) && list.every(isDigest));
  return sound ? (value as Record<string, Digest[]>) : "odd";
}

/** Texts without NUL, because a version comes back in an environment variable. */
function isVersion(value: unknown): boolean {
  return Number.isSafeInteger(value) || (typeof value === "string" && /^[^\0]{1,1000}$/.test(value));
}

function reasonOf(end: CommandEnd): string {
  if (end.kind !== "ended") return end.reason;
  const said = clean(jsonObject(end.output)?.["reason"]) ?? clean(end.complaint);
  return said === undefined ? `exit code ${end.code}` : `exit code ${end.code}: ${said}`;
}

function jsonObject(text: string): Body | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Body) : undefined;
  } catch {
    return undefined;
  }
}

function clean(value: unknown): string | undefined {
  if (typeof value !== "string") return undefined;
  const text = value.replaceAll(/[\p{Cc}\s]+/gu, " ").trim();
  return text === "" ? undefined : text.slice(0, 200);
}
