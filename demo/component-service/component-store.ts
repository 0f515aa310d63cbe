import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { type Digest, digestOf } from "../../src/core/digest.ts";

/** A version of a component as bytes, before it is registered. */
export interface Artifact {
  readonly component: string;
  readonly label: string;
  readonly bytes: Uint8Array;
}

/** What a component serves now. `version` is a new one after every write. */
export interface Live {
  readonly digest: Digest;
  readonly label: string;
  readonly version: string;
}

export interface PutRequest {
  readonly component: string;
  readonly digest: Digest;
  readonly ifMatch: string;
  readonly key: string;
  readonly fence: number;
}

export type PutResult =
  | { readonly kind: "applied" | "already"; readonly digest: Digest; readonly version: string }
  | { readonly kind: "stale" | "mismatch" | "refused" | "unknown-digest"; readonly reason: string };

/** What going live means for a component; runs inside the transaction of the write, so it happens wholly or not at all. */
export type Effects = Readonly<Record<string, (db: DatabaseSync, bytes: Uint8Array, digest: Digest) => void>>;

const TABLES = `
  CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS revision (
    component TEXT NOT NULL, digest TEXT NOT NULL, label TEXT NOT NULL, PRIMARY KEY (component, digest)) STRICT;
  CREATE TABLE IF NOT EXISTS live (
    component TEXT PRIMARY KEY, digest TEXT NOT NULL, version INTEGER NOT NULL, fence INTEGER NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS effect (
    component TEXT NOT NULL, key TEXT NOT NULL, digest TEXT NOT NULL, version INTEGER NOT NULL,
    PRIMARY KEY (component, key)) STRICT;`;

interface LiveRow {
  readonly digest: Digest;
  readonly label: string;
  readonly version: number;
  readonly fence: number;
}

/**
 * The components of one AI system: a registry of immutable revisions (files named by their SHA-256) and one live
 * pointer per component. A write is one durable transaction with its fence, its idempotency key and its effect.
 */
export class ComponentStore {
  readonly db: DatabaseSync;
  readonly #artifacts: string;
  readonly #effects: Effects;

  constructor(folder: string, effects: Effects = {}) {
    this.#artifacts = join(folder, "artifacts");
    this.#effects = effects;
    mkdirSync(this.#artifacts, { recursive: true });
    this.db = new DatabaseSync(join(folder, "components.db"));
    this.db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 2000;");
    this.db.exec(TABLES);
  }

  /** Runs the work in one transaction: everything it wrote is durable, or nothing happened. */
  transaction<Result>(work: () => Result): Result {
    this.db.exec("BEGIN IMMEDIATE");
    try {
      const result = work();
      this.db.exec("COMMIT");
      return result;
    } catch (error) {
      this.db.exec("ROLLBACK");
      throw error;
    }
  }

  meta(name: string): string | undefined {
    const row = this.db.prepare("SELECT value FROM meta WHERE name = ?").get(name);
    return row?.["value"] as string | undefined;
  }

  setMeta(name: string, value: string): void {
    this.db.prepare("INSERT INTO meta VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value").run(name, value);
  }

  /** Keeps a revision for ever: the file is on disk, whole, before the registry names it. */
  register(artifact: Artifact): Digest {
    const digest = digestOf(artifact.bytes);
    const file = this.#fileOf(digest);
    if (!existsSync(file)) {
      const handle = openSync(`${file}.part`, "w");
      writeFileSync(handle, artifact.bytes);
      fsyncSync(handle);
      closeSync(handle);
      renameSync(`${file}.part`, file);
    }
    this.db
      .prepare("INSERT INTO revision VALUES (?, ?, ?) ON CONFLICT DO NOTHING")
      .run(artifact.component, digest, artifact.label);
    return digest;
  }

  /** The first revision of a component goes live; has no effect on one that is live already. */
  install(component: string, digest: Digest): void {
    if (this.live(component)) return;
    this.#effects[component]?.(this.db, this.artifact(digest), digest);
    this.db.prepare("INSERT INTO live VALUES (?, ?, 1, 0)").run(component, digest);
  }

  live(component: string): Live | undefined {
    const row = this.#row(component);
    return row && { digest: row.digest, label: row.label, version: String(row.version) };
  }

  labelOf(component: string, digest: string): string | undefined {
    const row = this.db.prepare("SELECT label FROM revision WHERE component = ? AND digest = ?").get(component, digest);
    return row?.["label"] as string | undefined;
  }

  /** Is the revision still here, byte for byte? Hashes the file anew each time. */
  intact(digest: Digest): boolean {
    const file = this.#fileOf(digest);
    return existsSync(file) && digestOf(readFileSync(file)) === digest;
  }

  /** The bytes of a revision. Throws when they are no longer those that the digest names. */
  artifact(digest: Digest): Uint8Array {
    const bytes = readFileSync(this.#fileOf(digest));
    if (digestOf(bytes) !== digest) throw new Error(`the artifact ${digest} was changed on disk`);
    return bytes;
  }

  /** A write: fence, then key, then version, then effect, all in one transaction. */
  put(request: PutRequest): PutResult {
    const { component, digest, key, fence } = request;
    if (this.labelOf(component, digest) === undefined)
      return { kind: "unknown-digest", reason: `${component} has no revision ${digest}` };
    if (!this.intact(digest)) return { kind: "refused", reason: `the artifact of ${digest} is damaged or gone` };
    try {
      return this.transaction((): PutResult => {
        const now = this.#row(component);
        if (!now) return { kind: "unknown-digest", reason: `there is no component ${component}` };
        if (fence < now.fence)
          return { kind: "stale", reason: `fence ${fence} is older than ${now.fence}, which has been here` };
        this.db.prepare("UPDATE live SET fence = ? WHERE component = ?").run(fence, component);
        const before = this.db.prepare("SELECT * FROM effect WHERE component = ? AND key = ?").get(component, key);
        if (before) return repeated(before as unknown as { digest: Digest; version: number }, digest);
        if (request.ifMatch !== String(now.version))
          return { kind: "mismatch", reason: `the version is ${now.version}, not ${request.ifMatch}` };
        return this.#apply(request, now.version + 1);
      });
    } catch (error) {
      return { kind: "refused", reason: error instanceof Error ? error.message : String(error) };
    }
  }

  close(): void {
    this.db.close();
  }

  #apply({ component, digest, key }: PutRequest, version: number): PutResult {
    this.#effects[component]?.(this.db, this.artifact(digest), digest);
    this.db.prepare("UPDATE live SET digest = ?, version = ? WHERE component = ?").run(digest, version, component);
    this.db.prepare("INSERT INTO effect VALUES (?, ?, ?, ?)").run(component, key, digest, version);
    return { kind: "applied", digest, version: String(version) };
  }

  #row(component: string): LiveRow | undefined {
    const row = this.db
      .prepare("SELECT live.*, label FROM live JOIN revision USING (component, digest) WHERE component = ?")
      .get(component);
    return row as unknown as LiveRow | undefined;
  }

  #fileOf(digest: Digest): string {
    return join(this.#artifacts, digest.replace(":", "-"));
  }
}

function repeated(before: { digest: Digest; version: number }, digest: Digest): PutResult {
  if (before.digest !== digest) return { kind: "refused", reason: `this key was used before, for ${before.digest}` };
  return { kind: "already", digest, version: String(before.version) };
}
