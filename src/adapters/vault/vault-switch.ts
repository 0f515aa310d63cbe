import { realpathSync } from "node:fs";
import { type Digest, isDigest } from "../../core/digest.ts";
import type { Applied, Observed, RestoreRequest } from "../../core/ports.ts";
import type { Instant, Milliseconds } from "../../core/time.ts";
import { orAbort } from "./or-abort.ts";
import { makeBeside, type PreparedRevision, prepareTree, readyFile, readyLink, tidy } from "./prepared-revision.ts";
import type { RevisionStore, StoredRevision } from "./revision-store.ts";
import { accessAt, besideOf, lookAt } from "./served-path.ts";
import { reload } from "./served-process.ts";
import { stagedRevision } from "./staged-revision.ts";
import { openRecord, peekState, type SwitchRecord, withSwitchLock } from "./switch-state.ts";
import type { VaultComponent } from "./vault-adapter.ts";
import { placeFlaw } from "./vault-concerns.ts";

/** Named places around the switch, where tests end the process. */
export type SwitchPoint = "begun" | "switched" | "recorded";

interface SwitchOptions {
  readonly store: RevisionStore;
  readonly now: () => Instant;
  readonly environment?: Readonly<Record<string, string>>;
  readonly keep?: number;
  readonly atCrashPoint?: (point: SwitchPoint) => void;
  readonly read: (component: VaultComponent, signal: AbortSignal) => Promise<Observed>;
}

/** Being restored to lengthens a revision's retention by as much. */
const RETENTION: Milliseconds = 90 * 86_400_000;

/**
 * Owns: the order in which a path is compared, written, switched and recorded.
 * I1  A switch is begun in the record before it happens, so a crash in between is told apart by reading the path.
 * I2  Nothing is awaited between the last look at the path and the rename.
 * I3  What is switched to was written out whole and checked by digest before.
 */
export class PathSwitch {
  readonly #options: SwitchOptions;
  // Writing out a large revision may take longer than one call may: it goes on, and the next call finds it further on.
  readonly #jobs = new Map<string, Promise<PreparedRevision>>();

  constructor(options: SwitchOptions) {
    this.#options = options;
  }

  async apply(component: VaultComponent, request: RestoreRequest, signal: AbortSignal): Promise<Applied> {
    const flaw = flawOf(request) ?? placeFlaw(component.path);
    if (flaw !== undefined) return refused(flaw);
    try {
      signal.throwIfAborted();
      const beside = await makeBeside(component.path);
      const answer = await withSwitchLock(beside, signal, () => this.#alone(component, request, signal));
      if (answer?.kind === "applied" || answer?.kind === "already") await this.tell(component, signal);
      return answer ?? { kind: "unknown", reason: "another Rollbook is switching this path" };
    } catch (error) {
      return failure(error);
    }
  }

  /** Tells what serves, when it was not told since the last switch; answers why that failed, if so. */
  async tell({ path, reload: hook }: VaultComponent, signal: AbortSignal): Promise<string | undefined> {
    const untold = hook === undefined ? undefined : peekState(besideOf(path)).untold;
    if (hook === undefined || untold === undefined) return undefined;
    const failed = await reload(hook, this.#options.environment ?? {}, signal);
    if (failed !== undefined) return failed;
    const record = openRecord(besideOf(path));
    if (record.state().untold === untold) record.told();
    record.close();
    return undefined;
  }

  async #alone(component: VaultComponent, request: RestoreRequest, signal: AbortSignal): Promise<Applied> {
    const { store, now, keep = 3 } = this.#options;
    const { path } = component;
    const record = openRecord(besideOf(path));
    try {
      const earlier = await this.#settle(record, component, request, signal);
      const answer = earlier ?? (await this.#compareAndSwitch(record, component, request, signal));
      if (answer.kind === "applied") {
        await store.retain(request.desired, now() + RETENTION).catch(() => undefined);
        await tidy(path, realpathSync(path), keep, now()).catch(() => undefined);
      }
      return answer;
    } finally {
      record.close();
    }
  }

  /** What the record says of a request, after what a crash left open was looked at. */
  async #settle(
    record: SwitchRecord,
    component: VaultComponent,
    { key, desired, fence }: RestoreRequest,
    signal: AbortSignal,
  ): Promise<Applied | undefined> {
    const { pending } = record.state();
    if (pending !== undefined) {
      const live = await this.#options.read(component, signal);
      if (live.kind === "unreachable") return { kind: "unknown", reason: live.reason };
      if (live.digest === pending.desired) record.finish();
      else record.drop();
    }
    const done = record.done(key);
    if (done !== undefined)
      return done === desired ? { kind: "already" } : refused("the key was used for another revision");
    const highest = record.state().fence;
    return fence < highest ? { kind: "stale", reason: `fence ${highest} has written` } : undefined;
  }

  async #compareAndSwitch(
    record: SwitchRecord,
    component: VaultComponent,
    request: RestoreRequest,
    signal: AbortSignal,
  ): Promise<Applied> {
    const { store, read } = this.#options;
    const staged = await stagedRevision(store, component.path, request.desired, signal);
    const revision = staged ?? (await heldIn(store, request.desired, signal));
    if (typeof revision === "string") return refused(`the vault's copy of the revision is ${revision}`);
    const live = await read(component, signal);
    if (live.kind === "unreachable") return { kind: "conflict", reason: live.reason };
    if (!same(live, request.before)) {
      return { kind: "conflict", reason: `something else lies at ${component.path} than was read` };
    }
    const prepared = "switchTo" in revision ? revision : await this.#prepared(component.path, revision, signal);
    try {
      const again = await read(component, signal);
      return this.#switch(record, component.path, prepared, request, again);
    } finally {
      await prepared.drop();
    }
  }

  /** From the last look to the rename nothing is awaited: whoever writes by hand later than that is overwritten. */
  #switch(
    record: SwitchRecord,
    path: string,
    prepared: PreparedRevision,
    request: RestoreRequest,
    live: Observed,
  ): Applied {
    const { atCrashPoint = () => undefined } = this.#options;
    const { version } = record.state();
    record.begin(request.key, request.desired, request.fence);
    atCrashPoint("begun");
    const now = { ...live, version: `${version}.${lookAt(path).print}` };
    if (now.kind !== "live" || !same(now, request.before)) {
      record.drop();
      return { kind: "conflict", reason: `${path} was changed while the revision was written out` };
    }
    prepared.switchTo();
    atCrashPoint("switched");
    record.finish();
    atCrashPoint("recorded");
    return { kind: "applied" };
  }

  async #prepared(path: string, revision: StoredRevision, signal: AbortSignal): Promise<PreparedRevision> {
    const name = `${path}\0${revision.digest}`;
    const job = this.#jobs.get(name) ?? ready(this.#options.store, path, revision);
    this.#jobs.set(name, job);
    // What nobody came back for in a minute is done anew: its surroundings may have changed.
    const forget = () => void this.#jobs.delete(name);
    job.then(() => setTimeout(forget, 60_000).unref(), forget);
    const prepared = await orAbort(job, signal);
    forget();
    return prepared;
  }
}

async function ready(store: RevisionStore, path: string, revision: StoredRevision): Promise<PreparedRevision> {
  const access = accessAt(path);
  if (revision.kind === "file") return readyFile(store, path, revision.digest, access);
  return readyLink(path, await prepareTree(store, path, revision.digest, access));
}

/** A revision that the store holds intact, or what its copy is instead. */
async function heldIn(
  store: RevisionStore,
  digest: Digest,
  signal: AbortSignal,
): Promise<StoredRevision | "damaged" | "missing"> {
  const revision = await store.find(digest);
  const state = await store.state(digest, signal);
  if (state !== "intact") return state;
  return revision ?? "missing";
}

function same(live: { digest: Digest; version: string }, before: RestoreRequest["before"]): boolean {
  return live.digest === before.digest && live.version === before.version;
}

function flawOf({ desired, key, fence }: RestoreRequest): string | undefined {
  if (!isDigest(desired)) return "the desired digest is not a digest";
  if (!/^[\x21-\x7e]{1,255}$/.test(key)) return "the key is not 1 to 255 printable characters without spaces";
  return Number.isSafeInteger(fence) && fence >= 0 ? undefined : "the fence is not a whole number";
}

function refused(reason: string): Applied {
  return { kind: "refused", reason };
}

/** What the operating system will say again is refused; of everything else nobody knows how far it went. */
function failure(error: unknown): Applied {
  const { code, message } = error as NodeJS.ErrnoException;
  const lasting = ["ENOSPC", "EDQUOT", "EACCES", "EPERM", "EROFS", "EBUSY", "EXDEV"].includes(code ?? "");
  return { kind: lasting ? "refused" : "unknown", reason: message ?? String(error) };
}
