import { type Fields, fields } from "./kube-object.ts";

type Mutable = Record<string, unknown>;
/** An object as it is stored, by its path. */
export type Stored = Readonly<Record<string, unknown>> & { readonly metadata: Fields };

/** What a change came to, as the API server would answer it. */
export type Outcome = readonly [status: number, body: object];

export interface StoredEvent {
  readonly type: "ADDED" | "MODIFIED" | "DELETED";
  readonly path: string;
  readonly object: Stored;
}

/** Kinds whose wishes are counted. */
const COUNTED = /\/(deployments|rollouts|replicasets)\/[^/]+$/;

/** Objects with the API server's rules of concurrency: resourceVersion, generation, JSON Patch and merge patch. */
export class ApiObjects {
  readonly #objects = new Map<string, Stored>();
  readonly #watchers = new Set<(event: StoredEvent) => void>();
  readonly #history: StoredEvent[] = [];
  #version = 100;

  get version(): number {
    return this.#version;
  }

  get(path: string): Stored | undefined {
    return this.#objects.get(path);
  }

  /** The objects right below a folder. */
  in(folder: string): readonly Stored[] {
    const deep = (path: string) => path.startsWith(`${folder}/`) && !path.slice(folder.length + 1).includes("/");
    return [...this.#objects].filter(([path]) => deep(path)).map(([, object]) => object);
  }

  /** Writes without a condition; a new object gets its uid. */
  put(path: string, wanted: Fields): Stored {
    const [before, metadata] = [this.#objects.get(path), fields(wanted["metadata"])];
    this.#version++;
    const known = fields(before?.metadata);
    const name = path.split("/").at(-1);
    const moved = JSON.stringify(before?.["spec"]) !== JSON.stringify(wanted["spec"]);
    const generation = Number(known["generation"] ?? 0) + (before === undefined || moved ? 1 : 0);
    const object: Stored = {
      ...wanted,
      metadata: {
        creationTimestamp: new Date().toISOString(),
        ...metadata,
        name,
        namespace: /\/namespaces\/([^/]+)\//.exec(path)?.[1],
        uid: known["uid"] ?? metadata["uid"] ?? `uid-${this.#version}`,
        resourceVersion: String(this.#version),
        ...(COUNTED.test(path) ? { generation } : {}),
      },
    };
    this.#objects.set(path, object);
    this.#tell({ type: before === undefined ? "ADDED" : "MODIFIED", path, object });
    return object;
  }

  remove(path: string): void {
    const object = this.#objects.get(path);
    if (object === undefined || !this.#objects.delete(path)) return;
    this.#version++;
    const metadata = { ...object.metadata, resourceVersion: String(this.#version) };
    this.#tell({ type: "DELETED", path, object: { ...object, metadata } });
  }

  /** A PATCH; `status` writes nothing but the status. */
  patch(path: string, body: unknown, kind: "json" | "merge", part: "object" | "status"): Outcome {
    const before = this.#objects.get(path);
    if (before === undefined) return failure(404, "NotFound", `${path} not found`);
    const patched = kind === "json" ? jsonPatched(before, body) : merged(before, body);
    if (patched === undefined) return failure(422, "Invalid", "the server rejected our request: a test failed");
    const version = fields(fields(patched)["metadata"])["resourceVersion"];
    if (version !== before.metadata["resourceVersion"]) {
      return failure(409, "Conflict", "the object has been modified; please apply your changes to the latest version");
    }
    return [
      200,
      this.put(path, part === "status" ? { ...before, status: fields(patched)["status"] } : fields(patched)),
    ];
  }

  /** Tells of every change after this version, in order. */
  watch(after: number, watcher: (event: StoredEvent) => void): () => void {
    for (const event of this.#history) if (Number(event.object.metadata["resourceVersion"]) > after) watcher(event);
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  #tell(event: StoredEvent): void {
    this.#history.push(event);
    for (const watcher of this.#watchers) watcher(event);
  }
}

export function failure(code: number, reason: string, message: string): Outcome {
  return [code, { kind: "Status", status: "Failure", reason, message, code }];
}

/** RFC 6902 as far as it is used; undefined when a test fails. */
function jsonPatched(target: unknown, operations: unknown): unknown {
  const result = structuredClone(target) as Mutable;
  for (const { op, path, value } of operations as { op: string; path: string; value: unknown }[]) {
    const parts = path
      .split("/")
      .slice(1)
      .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
    const last = parts.pop() as string;
    const holder = parts.reduce<unknown>((at, part) => (at as Mutable)?.[part], result) as Mutable | undefined;
    if (op === "test" && JSON.stringify(holder?.[last]) !== JSON.stringify(value)) return undefined;
    if (op === "test") continue;
    if (holder === undefined || (op === "replace" && !(last in holder))) return undefined;
    holder[last] = value;
  }
  return result;
}

/** RFC 7386. */
function merged(target: unknown, patch: unknown): unknown {
  if (typeof patch !== "object" || patch === null || Array.isArray(patch)) return patch;
  const result: Mutable = { ...fields(target) };
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete result[name];
    else result[name] = merged(result[name], value);
  }
  return result;
}
