import { type Digest, isDigest } from "../../core/digest.ts";
import type {
  Applied,
  Concern,
  Identified,
  Observed,
  Resolved,
  RestoreAdapter,
  Seen,
  Staged,
} from "../../core/ports.ts";
import type { Instant } from "../../core/time.ts";
import { machineIdentity } from "./machine-identity.ts";
import { allowedPath, isPath, type ReleasePaths } from "./release-path.ts";
import type { RevisionStore } from "./revision-store.ts";
import { besideOf, lookAt } from "./served-path.ts";
import { loadedBy, type Reload, type Serving } from "./served-process.ts";
import { isStagedAt } from "./staged-revision.ts";
import { createStaging } from "./staging.ts";
import { peekState } from "./switch-state.ts";
import { vaultConcerns } from "./vault-concerns.ts";
import { PathSwitch, type SwitchPoint } from "./vault-switch.ts";

/** One thing that is served from a path. */
export interface VaultComponent {
  /** A file, or a symlink to a folder. */
  readonly path: string;
  readonly reload?: Reload;
  readonly serving?: Serving;
}

export interface VaultAdapterOptions {
  readonly scheme: string;
  readonly store: RevisionStore;
  readonly components: Readonly<Record<string, VaultComponent>>;
  readonly now: () => Instant;
  /** Which paths a release may name instead of a label or a digest; without it none. */
  readonly paths?: ReleasePaths;
  /** What a reload command gets as its environment. */
  readonly environment?: Readonly<Record<string, string>>;
  /** How many written-out trees stay beside a path; 3 without it. */
  readonly keep?: number;
  /** Called at each point where a test may end the process. */
  readonly atCrashPoint?: (point: SwitchPoint) => void;
}

const LOOKS = 3;

/**
 * Restores files and trees at `SCHEME://NAME`, where the components say which path each name stands for. A file is
 * replaced by a rename; a tree is written out beside the path and a symlink is renamed over it: a reader that opens the
 * path gets all of the one or all of the other.
 *
 * `cas`: comparing, switching and recording are exclusive among all processes that use this adapter, under a lock of
 * the operating system. Somebody who changes the path by hand is a conflict up to the last look at the entry; between
 * that look and the rename no other work is done (see docs/adapters/vault.md for the time).
 */
export function createVaultAdapter(options: VaultAdapterOptions): RestoreAdapter {
  const { scheme, store, components, now } = options;
  const prefix = `${scheme}://`;
  const reason = `it names no component; declared: ${Object.keys(components).join(", ") || "none"}`;
  const on = async <T>(at: string, work: (component: VaultComponent) => Promise<T>, otherwise: T): Promise<T> => {
    const name = at.startsWith(prefix) ? at.slice(prefix.length) : "";
    const component = Object.hasOwn(components, name) ? components[name] : undefined;
    return component === undefined ? otherwise : work(component);
  };
  const read = ({ path }: VaultComponent, signal: AbortSignal) => readPath(store, path, signal);
  const switching = new PathSwitch({ ...options, read });
  const staging = createStaging(store);
  const unreachable = { kind: "unreachable", reason } as const;

  return {
    name: scheme,
    guarantee: "cas",
    undo: () => "compensatable",
    serves: (at) => at.startsWith(prefix) && at.length > prefix.length,
    read: (at, signal) => on<Observed>(at, (component) => read(component, signal), unreachable),
    holds: (at, digest, signal) => on(at, ({ path }) => isAtHand(store, path, digest, signal), false),
    apply: (request, signal) =>
      on<Applied>(
        request.at,
        (component) => {
          staging.giveWay(component.path);
          return switching.apply(component, request, signal);
        },
        { kind: "refused", reason },
      ),
    stage: (at, digest, signal) =>
      on<Staged>(at, ({ path }) => staging.stage(path, digest, signal), { kind: "failed", reason }),
    unstage: (at, signal) => on(at, ({ path }) => staging.unstage(path, signal), undefined),
    resolve: (at, reference, signal) =>
      on<Resolved>(
        at,
        ({ path }) =>
          reference === "live" ? takeIn(store, path, signal) : resolveIn(store, reference, options.paths, signal),
        unreachable,
      ),
    seen: (at, digest, signal) =>
      on<Seen>(at, (component) => seenAt(store, switching, component, digest, signal), unreachable),
    concerns: (at, digest, signal) =>
      on<readonly Concern[]>(at, (component) => vaultConcerns(store, component, digest, now(), signal), [
        { level: "blocking", text: reason },
      ]),
    identify: (at) => on<Identified>(at, () => identityOf(store), unreachable),
  };
}

async function identityOf(store: RevisionStore): Promise<Identified> {
  try {
    return { kind: "identified", identity: `machine-${machineIdentity()}/vault-${await store.id()}` };
  } catch (error) {
    return { kind: "unreachable", reason: error instanceof Error ? error.message : String(error) };
  }
}

/** Intact in the store, or staged beside the path. */
async function isAtHand(store: RevisionStore, path: string, digest: Digest, signal: AbortSignal): Promise<boolean> {
  if (signal.aborted) return false;
  if ((await store.state(digest, signal).catch(() => "damaged")) === "intact") return true;
  return isDigest(digest) && isStagedAt(store, path, digest, signal);
}

async function seenAt(
  store: RevisionStore,
  switching: PathSwitch,
  component: VaultComponent,
  digest: Digest,
  signal: AbortSignal,
): Promise<Seen> {
  const live = await readPath(store, component.path, signal);
  if (live.kind === "unreachable") return live;
  if (live.digest !== digest) return { kind: "pending", reason: `another revision lies at ${component.path}` };
  const untold = await switching.tell(component, signal);
  if (untold !== undefined) return { kind: "pending", reason: untold };
  return component.serving === undefined ? { kind: "seen" } : seenBy(store, component.serving, digest, signal);
}

/** What lies at a path, looked at until nothing moved meanwhile. */
async function readPath(store: RevisionStore, path: string, signal: AbortSignal): Promise<Observed> {
  try {
    for (let look = 0; look < LOOKS; look++) {
      signal.throwIfAborted();
      const { kind, print } = lookAt(path);
      if (kind === "nothing") return { kind: "unreachable", reason: `nothing lies at ${path}` };
      const digest = await store.digestAt(path, signal);
      const { version } = peekState(besideOf(path));
      if (lookAt(path).print !== print) continue;
      const label = (await store.find(digest).catch(() => undefined))?.labels[0];
      return { kind: "live", digest, version: `${version}.${print}`, ...(label === undefined ? {} : { label }) };
    }
    return { kind: "unreachable", reason: `${path} is being changed` };
  } catch (error) {
    return { kind: "unreachable", reason: error instanceof Error ? error.message : String(error) };
  }
}

/** A label or a digest; or a path that a release may name. */
async function resolveIn(
  store: RevisionStore,
  reference: string,
  paths: ReleasePaths | undefined,
  signal: AbortSignal,
): Promise<Resolved> {
  try {
    const known = await store.find(reference);
    if (known !== undefined) return revisionOf(known.digest, isDigest(reference) ? known.labels[0] : reference);
    if (!isPath(reference) || paths === undefined)
      return { kind: "unknown", reason: `the vault has no "${reference}"; put it in with \`rollbook vault put\`` };
    const asked = await allowedPath(reference, paths);
    return asked.kind === "allowed" ? await takeIn(store, asked.path, signal) : { ...asked, kind: "unknown" };
  } catch (error) {
    return unknown(error);
  }
}

/** What lies at a path, put in under its own digest's name unless it is there. */
async function takeIn(store: RevisionStore, path: string, signal: AbortSignal): Promise<Resolved> {
  try {
    const digest = await store.digestAt(path, signal);
    const held = await store.find(digest);
    if (held !== undefined && held.labels.length > 0) return revisionOf(digest, held.labels[0]);
    const put = await store.put(`content ${digest.slice("sha256:".length, 19)}`, path, { signal });
    return revisionOf(put.digest, put.labels[0]);
  } catch (error) {
    return unknown(error);
  }
}

function unknown(error: unknown): Resolved {
  return { kind: "unknown", reason: error instanceof Error ? error.message : String(error) };
}

function revisionOf(digest: Digest, label: string | undefined): Resolved {
  return { kind: "revision", revision: { digest, label: label ?? digest.slice("sha256:".length, 19) } };
}

/** What serves may name a revision by its digest, its label, or the SHA-256 of the one file that it is. */
async function seenBy(store: RevisionStore, serving: Serving, digest: Digest, signal: AbortSignal): Promise<Seen> {
  const answer = await loadedBy(serving, signal);
  if ("reason" in answer) return { kind: "unreachable", reason: answer.reason };
  const hex = digest.slice("sha256:".length);
  const content = await store.contentOf(digest);
  const labels = (await store.find(digest))?.labels ?? [];
  const names = [digest, hex, ...labels, ...(content === undefined ? [] : [content, `sha256:${content}`])];
  if (names.includes(answer.loaded)) return { kind: "seen" };
  return { kind: "pending", reason: `what serves has loaded ${answer.loaded.slice(0, 80)}` };
}
