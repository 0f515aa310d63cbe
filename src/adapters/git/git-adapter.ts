import { setTimeout } from "node:timers/promises";
import { type Digest, isDigest } from "../../core/digest.ts";
import type {
  Applied,
  Concern,
  Identified,
  Observed,
  Resolved,
  RestoreAdapter,
  RestoreRequest,
} from "../../core/ports.ts";
import { assertRepository, type GitPlace, type GitRepository, placeOf } from "./git-address.ts";
import { createGit, type GitCommandOptions } from "./git-command.ts";
import { gitConcerns } from "./git-concerns.ts";
import { GitContents } from "./git-content.ts";
import { type Found, GitHistory } from "./git-history.ts";
import { GitMirror } from "./git-mirror.ts";
import { commitRestore, push } from "./git-push.ts";

export interface GitAdapterOptions extends GitCommandOptions {
  readonly scheme: string;
  readonly repositories: Readonly<Record<string, GitRepository>>;
  /** Folder for the bare copies; made when it is first needed. */
  readonly data: string;
  /** Called at each point where a test may end the process or let a rival in. */
  readonly atCrashPoint?: (point: "committed" | "pushed") => Promise<void> | void;
}

/** Pushes that lost to pushes of other paths; with a pause in between, more than a busy branch needs. */
const MOST_RACES = 8;

/** One path of one repository, with what is known of it. */
interface Spot {
  readonly place: GitPlace;
  readonly mirror: GitMirror;
  readonly contents: GitContents;
  readonly history: GitHistory;
}

/**
 * Restores files and folders at `SCHEME://REPO/PATH` of a branch, as a new commit on top of its head and never by
 * force. `cas`: the server takes a push only on top of the head that was compared. Our commits carry their key and
 * fence as trailers, so history itself is the record of what was done. Throws only when made, on settings that git
 * would not take.
 */
export function createGitAdapter(options: GitAdapterOptions): RestoreAdapter {
  const { scheme, repositories, data } = options;
  const git = createGit(options);
  const spots = new Map<string, Omit<Spot, "place">>();
  for (const [name, repository] of Object.entries(repositories)) {
    assertRepository(name, repository);
    const mirror = new GitMirror(git, data, repository);
    const contents = new GitContents(mirror);
    spots.set(name, { mirror, contents, history: new GitHistory(mirror, contents) });
  }
  const on = async <T>(at: string, work: (spot: Spot) => Promise<T>, otherwise: (reason: string) => T): Promise<T> => {
    const place = placeOf(at, scheme, repositories);
    const known = typeof place === "string" ? undefined : spots.get(place.name);
    if (typeof place === "string" || known === undefined) return otherwise(String(place));
    try {
      return await work({ place, ...known });
    } catch (error) {
      return otherwise(error instanceof Error ? error.message : String(error));
    }
  };
  const unreachable = (reason: string) => ({ kind: "unreachable", reason }) as const;
  const blocking = (text: string): readonly Concern[] => [{ level: "blocking", text }];

  return {
    name: scheme,
    guarantee: "cas",
    undo: () => "compensatable",
    serves: (at) => at.startsWith(`${scheme}://`) && at.length > scheme.length + 3,
    read: (at, signal) => on<Observed>(at, (spot) => read(spot, signal), unreachable),
    holds: (at, digest, signal) =>
      on(
        at,
        (spot) => holds(spot, digest, signal),
        () => false,
      ),
    apply: (request, signal) =>
      on<Applied>(request.at, (spot) => applyAlone(spot, request, signal, options.atCrashPoint), refused),
    resolve: (at, reference, signal) => on<Resolved>(at, (spot) => resolve(spot, reference, signal), unreachable),
    concerns: (at, digest, signal) =>
      on(
        at,
        ({ place, mirror, contents, history }) => gitConcerns(mirror, contents, history, place.path, digest, signal),
        blocking,
      ),
    identify: (at, signal) => on<Identified>(at, (spot) => identify(spot, signal), unreachable),
  };
}

async function read(spot: Spot, signal: AbortSignal): Promise<Observed> {
  const { place, mirror, contents, history } = spot;
  const fetched = await mirror.fetch(signal);
  if (fetched.kind !== "head") return { kind: "unreachable", reason: fetched.reason };
  const { commit } = fetched;
  const object = await contents.objectAt(commit, place.path, signal);
  const nothing = `${place.repository.branch} of ${place.name} has nothing at "${place.path}"`;
  if (object === undefined) return { kind: "unreachable", reason: nothing };
  const content = await contents.contentOf(object, signal);
  if (content === undefined) return { kind: "unreachable", reason: "the content cannot be read" };
  history.note(place.path, content.digest, { object, commit });
  return { kind: "live", digest: content.digest, version: commit, label: commit.slice(0, 12) };
}

async function holds({ place, mirror, history }: Spot, digest: Digest, signal: AbortSignal): Promise<boolean> {
  if (!isDigest(digest) || signal.aborted) return false;
  // What was fetched before stays held when the server is away.
  await mirror.fetch(signal);
  return (await history.find(place.path, digest, signal)) !== undefined;
}

async function resolve(spot: Spot, reference: string, signal: AbortSignal): Promise<Resolved> {
  const { place, mirror, contents, history } = spot;
  const head = await mirror.fetch(signal);
  if (head.kind !== "head") return { kind: "unreachable", reason: head.reason };
  const found = await mirror.commitOf(reference, signal);
  if (found.kind !== "head")
    return { kind: found.kind === "missing" ? "unknown" : "unreachable", reason: found.reason };
  const object = await contents.objectAt(found.commit, place.path, signal);
  const content = object && (await contents.contentOf(object, signal));
  if (object === undefined || content === undefined) {
    return { kind: "unknown", reason: `${reference} has nothing at "${place.path}"` };
  }
  history.note(place.path, content.digest, { object, commit: found.commit });
  const short = found.commit.slice(0, 12);
  const label = found.commit.startsWith(reference) ? short : `${reference} (${short})`;
  return { kind: "revision", revision: { digest: content.digest, label } };
}

/** Root commits: a copy without the history has others; the server and path: a fork has others. */
async function identify({ mirror }: Spot, signal: AbortSignal): Promise<Identified> {
  const fetched = await mirror.fetch(signal);
  if (fetched.kind !== "head") return { kind: "unreachable", reason: fetched.reason };
  const roots = await mirror.text(["rev-list", "--max-parents=0", fetched.commit], signal);
  if (roots === undefined) return { kind: "unreachable", reason: "the history cannot be read" };
  const { host, pathname } = new URL(mirror.repository.url);
  const ids = roots.split("\n").sort().slice(0, 3);
  return { kind: "identified", identity: `${host || "local"}${pathname.replace(/(\.git)?\/*$/, "")} ${ids.join("+")}` };
}

async function applyAlone(
  spot: Spot,
  request: RestoreRequest,
  signal: AbortSignal,
  atCrashPoint: GitAdapterOptions["atCrashPoint"],
): Promise<Applied> {
  const flaw = flawOf(request);
  if (flaw !== undefined) return refused(flaw);
  return spot.mirror.alone(async () => {
    for (let race = 1; ; race++) {
      const turn = await applyOnce(spot, request, signal, atCrashPoint);
      if (turn.kind !== "raced") return turn;
      if (race >= MOST_RACES) return unknown(`others pushed first ${race} times: ${turn.reason}`);
      await setTimeout(race * (10 + Math.random() * 40));
    }
  });
}

async function applyOnce(
  spot: Spot,
  request: RestoreRequest,
  signal: AbortSignal,
  atCrashPoint: GitAdapterOptions["atCrashPoint"],
): Promise<Applied | { kind: "raced"; reason: string }> {
  const { place, mirror, history } = spot;
  const fetched = await mirror.fetch(signal);
  if (fetched.kind === "denied") return refused(fetched.reason);
  if (fetched.kind !== "head") return unknown(fetched.reason);
  const head = fetched.commit;
  const journal = await history.journal(head, place.path, signal);
  if (journal === undefined) return unknown("the history cannot be read, or does not have the commit to forget");
  const done = journal.keys.get(request.key);
  if (done !== undefined)
    return done === request.desired ? { kind: "already" } : refused("the key brought another content");
  if (request.fence < journal.fence) return { kind: "stale", reason: `fence ${journal.fence} has written` };
  const conflict = await conflictAt(spot, head, request, signal);
  if (conflict !== undefined) return conflict;
  const found: Found | undefined = await history.find(place.path, request.desired, signal);
  if (found === undefined) {
    return signal.aborted ? unknown("no time left") : refused(`no commit in reach has this content at "${place.path}"`);
  }
  const commit = await commitRestore(mirror, head, place.path, found, request, signal);
  if (commit === undefined) return unknown("the commit could not be made");
  await atCrashPoint?.("committed");
  const pushed = await push(mirror, commit, signal);
  await atCrashPoint?.("pushed");
  return pushed.kind === "pushed" ? { kind: "applied" } : pushed;
}

/** Has the path another content than was read, or did anybody write it since? Other paths may have moved. */
async function conflictAt(
  { place, contents, mirror }: Spot,
  head: string,
  { before }: RestoreRequest,
  signal: AbortSignal,
): Promise<Applied | undefined> {
  const object = await contents.objectAt(head, place.path, signal);
  const content = object && (await contents.contentOf(object, signal));
  if (signal.aborted) return unknown("no time left");
  if (content?.digest !== before.digest) return { kind: "conflict", reason: "another content is on the branch" };
  if (before.version === head) return undefined;
  if (!/^[0-9a-f]{40}([0-9a-f]{24})?$/.test(before.version)) return { kind: "conflict", reason: "no commit was read" };
  const paths = place.path === "" ? [] : [place.path];
  const since = await mirror.text(
    ["log", "--format=%h", "--max-count=1", `${before.version}..${head}`, "--", ...paths],
    signal,
  );
  if (since === "") return undefined;
  return {
    kind: "conflict",
    reason: since === undefined ? "the commit that was read is gone" : `${since} wrote it since`,
  };
}

function flawOf({ desired, key, fence }: RestoreRequest): string | undefined {
  if (!isDigest(desired)) return "the desired digest is not a digest";
  if (!/^[\x21-\x7e]{1,255}$/.test(key)) return "the key is not 1 to 255 printable characters without spaces";
  return Number.isSafeInteger(fence) && fence >= 0 ? undefined : "the fence is not a whole number";
}

function refused(reason: string): Applied {
  return { kind: "refused", reason };
}

function unknown(reason: string): Applied {
  return { kind: "unknown", reason };
}
