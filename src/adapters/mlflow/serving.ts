import type { Digest } from "../../core/digest.ts";
import type { Seen } from "../../core/ports.ts";
import type { Milliseconds } from "../../core/time.ts";
import type { Place } from "./address.ts";
import { loggedModelOf, type Version } from "./registry.ts";

/** Where the processes that serve an alias say which version they have loaded. */
export interface ServingPoint {
  /** One for each process; all must agree. */
  readonly urls: readonly string[];
  /** In a field of the JSON answer (`model.version`), or in a header. */
  readonly says: { readonly field: string } | { readonly header: string };
  readonly authorization?: string;
}

/** What makes the processes load the alias anew; repeating it does no harm. */
export interface ReloadPoint {
  readonly urls: readonly string[];
  readonly method: "POST" | "PUT";
  readonly authorization?: string;
}

export interface Serving {
  /** Asks every process; those that have another version are told to reload. */
  seen(place: Place, version: Version, digest: Digest, signal: AbortSignal): Promise<Seen>;
  /** Tells the processes to reload, without waiting for them. */
  reload(place: Place): void;
  /** Does anything say what serves this alias? */
  knows(place: Place): boolean;
}

export interface ServingOptions {
  readonly serving: ReadonlyMap<string, ServingPoint>;
  readonly reload: ReadonlyMap<string, ReloadPoint>;
  readonly fetch?: typeof globalThis.fetch;
  readonly timeoutMs: Milliseconds;
}

const MOST_ANSWER = 1024 * 1024;
/** A model of some gigabytes is not loaded in a second. */
const RELOAD_TIMEOUT_MS = 120_000;
/** Between two reloads of the same alias, while what serves still has another version. */
const RELOAD_EVERY_MS = 5_000;

export function createServing({ serving, reload, fetch, timeoutMs }: ServingOptions): Serving {
  const ask = fetch ?? globalThis.fetch;
  const reloads = new Map<string, { readonly at: number; problem?: string }>();

  function reloadNow(place: Place): void {
    const point = reload.get(place.key);
    if (point === undefined) return;
    const state: { readonly at: number; problem?: string } = { at: Date.now() };
    reloads.set(place.key, state);
    for (const url of point.urls) {
      const signal = AbortSignal.timeout(RELOAD_TIMEOUT_MS);
      const init = { method: point.method, headers: headersOf(point), redirect: "manual", signal } as const;
      ask(url, init)
        .then(async (response) => {
          await response.body?.cancel();
          if (!response.ok) state.problem = `its reload answers ${response.status}`;
        })
        .catch((error: unknown) => {
          state.problem = `its reload failed: ${reasonOf(error)}`;
        });
    }
  }

  return {
    reload: reloadNow,
    knows: ({ key }) => serving.has(key),
    async seen(place, version, digest, signal) {
      const point = serving.get(place.key);
      if (point === undefined) return { kind: "seen" };
      const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
      const said = await Promise.all(point.urls.map((url) => saidBy(ask, url, point, limit)));
      const silent = said.find((one) => "silent" in one);
      if (silent && "silent" in silent) return { kind: "unreachable", reason: silent.silent };
      const names = namesOf(place, version, digest);
      const other = said.find((one) => "says" in one && !names.has(one.says));
      if (!other || !("says" in other)) return { kind: "seen" };
      const last = reloads.get(place.key);
      if (last === undefined || Date.now() - last.at >= RELOAD_EVERY_MS) reloadNow(place);
      const reason = `${other.url} has ${other.says}, not version ${version.version}`;
      return { kind: "pending", reason: last?.problem === undefined ? reason : `${reason}; ${last.problem}` };
    },
  };
}

type Said = { readonly url: string; readonly says: string } | { readonly url: string; readonly silent: string };

async function saidBy(ask: typeof fetch, url: string, point: ServingPoint, signal: AbortSignal): Promise<Said> {
  try {
    const response = await ask(url, { headers: headersOf(point), redirect: "manual", signal });
    const body = await limited(response);
    if (response.status !== 200) return { url, silent: `${url} answers ${response.status}` };
    const value = "header" in point.says ? response.headers.get(point.says.header) : fieldIn(body, point.says.field);
    if ((typeof value === "string" && value !== "") || typeof value === "number") return { url, says: String(value) };
    const where = "header" in point.says ? `header ${point.says.header}` : `field ${point.says.field}`;
    return { url, silent: `${url} answers without the ${where}` };
  } catch (error) {
    return { url, silent: `${url} cannot be asked: ${reasonOf(error)}` };
  }
}

async function limited(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.byteLength;
    if (size > MOST_ANSWER) throw new Error("its answer is larger than 1 MiB");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function fieldIn(text: string, field: string): unknown {
  const step = (value: unknown, key: string) =>
    typeof value === "object" && value !== null ? (value as Record<string, unknown>)[key] : undefined;
  return field.split(".").reduce(step, JSON.parse(text) as unknown);
}

/** What a process may call this version: by digest, number, URI, or the id of its logged model. */
function namesOf({ kind }: Place, version: Version, digest: Digest): ReadonlySet<string> {
  const { name, version: number } = version;
  const model = loggedModelOf(version);
  const names = [digest, number, `v${number}`, `${name} ${number}`, `${kind}s:/${name}/${number}`];
  return new Set(model === undefined ? names : [...names, model, `models:/${model}`]);
}

function headersOf({ authorization }: { readonly authorization?: string }): Record<string, string> {
  return { accept: "application/json", ...(authorization === undefined ? {} : { authorization }) };
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === "TimeoutError") return "no answer in time";
  const cause = error.cause instanceof Error ? error.cause : error;
  return "code" in cause ? String(cause.code) : cause.message;
}
