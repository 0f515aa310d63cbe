import { existsSync, globSync, rmSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { type GitRepository, isRefName, mirrorName } from "./git-address.ts";
import type { Git, GitCall, GitRun } from "./git-command.ts";

/** Where a fetch came to. `denied`: the server knows us and will not, or wants to know who we are. */
export type Fetched =
  | { readonly kind: "head"; readonly commit: string }
  | { readonly kind: "denied" | "unreachable" | "missing"; readonly reason: string };

const HEAD = "refs/rollbook/head";

/** A bare copy of one branch of one repository, which answers everything that needs no network. */
export class GitMirror {
  readonly repository: GitRepository;
  readonly #git: Git;
  readonly #folder: string;
  #ready: Promise<string | undefined> | undefined;
  #fetches: Promise<unknown> = Promise.resolve();
  #turns: Promise<unknown> = Promise.resolve();

  constructor(git: Git, data: string, repository: GitRepository) {
    this.#git = git;
    this.#folder = join(data, mirrorName(repository));
    this.repository = repository;
  }

  /** Makes the copy if there is none. Answers why it cannot be made, if so. */
  async ready(signal: AbortSignal): Promise<string | undefined> {
    this.#ready ??= this.#prepare(signal);
    const flaw = await this.#ready;
    if (flaw !== undefined) this.#ready = undefined;
    return flaw;
  }

  async #prepare(signal: AbortSignal): Promise<string | undefined> {
    try {
      await mkdir(this.#folder, { recursive: true, mode: 0o700 });
      // The data folder belongs to one process: locks that are there were left by one that was killed.
      for (const lock of globSync("{*.lock,refs/**/*.lock}", { cwd: this.#folder })) rmSync(join(this.#folder, lock));
      if (existsSync(join(this.#folder, "HEAD"))) return undefined;
      const made = await this.run(["init", "--quiet", "--bare", "--template=", this.#folder], signal);
      return made.code === 0 ? undefined : made.said;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }

  /** A command on the copy. */
  run(args: readonly string[], signal: AbortSignal, more: Partial<GitCall> = {}): Promise<GitRun> {
    return this.#git(args, { folder: this.#folder, signal, ...more });
  }

  /** The same, as trimmed text; undefined when it fails. */
  async text(args: readonly string[], signal: AbortSignal, more: Partial<GitCall> = {}): Promise<string | undefined> {
    const { code, out } = await this.run(args, signal, more);
    return code === 0 ? out.toString("utf8").trimEnd() : undefined;
  }

  /** A command that calls the server, with the credentials in its environment, for this server only. */
  remote(args: readonly string[], signal: AbortSignal): Promise<GitRun> {
    const { url, username = "git", password } = this.repository;
    if (password === undefined) return this.run(args, signal);
    const secret = password();
    const basic = Buffer.from(`${username}:${secret}`).toString("base64");
    const environment = {
      GIT_CONFIG_COUNT: "1",
      GIT_CONFIG_KEY_0: `http.${new URL(url).origin}/.extraHeader`,
      GIT_CONFIG_VALUE_0: `Authorization: Basic ${basic}`,
    };
    return this.run(args, signal, { environment, secrets: [secret, basic] });
  }

  /** Fetches the branch's head with its history. */
  async fetch(signal: AbortSignal): Promise<Fetched> {
    return this.#fetchRef(`refs/heads/${this.repository.branch}`, HEAD, signal);
  }

  /** Runs one work after another: our own writers need not race one another to the server. */
  alone<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turns.then(work);
    this.#turns = turn.catch(() => undefined);
    return turn;
  }

  /** The commit that people call so: a full id in the history, a tag, a branch, or the beginning of an id. */
  async commitOf(reference: string, signal: AbortSignal): Promise<Fetched> {
    if (/^[0-9a-f]{40}([0-9a-f]{24})?$/.test(reference)) return this.#local(reference, signal);
    if (!isRefName(reference)) return { kind: "missing", reason: `"${reference}" is no name of a commit` };
    for (const folder of ["tags", "heads"]) {
      const found = await this.#fetchRef(`refs/${folder}/${reference}`, `refs/rollbook/${folder}/${reference}`, signal);
      if (found.kind !== "missing") return found;
    }
    return this.#local(/^[0-9a-f]{7,39}$/.test(reference) ? reference : "", signal, reference);
  }

  /** One at a time: two that store the same ref would lock each other out. */
  #fetchRef(from: string, to: string, signal: AbortSignal): Promise<Fetched> {
    const fetched = this.#fetches.then(() => this.#fetchNow(from, to, signal));
    this.#fetches = fetched.catch(() => undefined);
    return fetched;
  }

  async #fetchNow(from: string, to: string, signal: AbortSignal): Promise<Fetched> {
    const flaw = await this.ready(signal);
    if (flaw !== undefined) return { kind: "unreachable", reason: flaw };
    const refspec = `+${from}:${to}`;
    const ended = await this.remote(
      ["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-auto-gc", this.repository.url, refspec],
      signal,
    );
    if (ended.code === 0) {
      const commit = await this.text(["rev-parse", "--verify", "--quiet", `${to}^{commit}`], signal);
      return commit === undefined
        ? { kind: "missing", reason: `${from} leads to no commit` }
        : { kind: "head", commit };
    }
    if (/couldn't find remote ref|no such remote ref/i.test(ended.said)) {
      return { kind: "missing", reason: `the remote has no ${from}` };
    }
    return { kind: isDenial(ended.said) ? "denied" : "unreachable", reason: ended.said.slice(0, 500) };
  }

  async #local(id: string, signal: AbortSignal, called = id): Promise<Fetched> {
    const flaw = await this.ready(signal);
    if (flaw !== undefined) return { kind: "unreachable", reason: flaw };
    const commit = id && (await this.text(["rev-parse", "--verify", "--quiet", `${id}^{commit}`], signal));
    if (commit) return { kind: "head", commit };
    return { kind: "missing", reason: `neither a tag, a branch nor a commit of this branch is called "${called}"` };
  }
}

/** Does the server refuse us, in the words of git and curl? */
export function isDenial(said: string): boolean {
  return /authentication failed|could not read (username|password)|returned error: (401|403)|permission denied|access denied|host key verification failed/i.test(
    said,
  );
}
