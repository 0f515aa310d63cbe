import { createHash } from "node:crypto";
import type { Digest } from "../../core/digest.ts";
import type { Milliseconds } from "../../core/time.ts";
import { type Body, type MlflowCall, MlflowProblem } from "./mlflow-call.ts";
import { listOf, loggedModelOf, objectOf, type Registry, textIn, type Version } from "./registry.ts";

/**
 * How closely artefacts are looked at. `bytes`: every path and size, and the SHA-256 of what is at most `upTo` bytes.
 * `list`: paths and sizes, and the bytes of the MLmodel file. `none`: not at all, for servers that cannot reach them.
 */
export interface ArtefactCare {
  readonly look: "bytes" | "list" | "none";
  readonly upTo: number;
  /** How long `read` believes the digest of a file that kept its path and size without reading it again. */
  readonly believeMs: Milliseconds;
}

export interface Artefact {
  readonly path: string;
  readonly size: number;
  /** Absent when the file is too large to be read each time. */
  readonly sha256?: Digest;
}

/** Where MLflow keeps what a model is: its flavours, signature and environment. */
export const MLMODEL = "MLmodel";

/** More than this is no model, or a listing that never ends. */
const MOST_FILES = 5_000;
const MOST_MLMODEL = 1024 * 1024;
const AT_ONCE = 4;

export interface Artefacts {
  /**
   * The manifest in the order of paths; empty when nothing is there. A file's bytes that were read less than `ageMs`
   * ago are believed while its path and size stay; 0 reads all of them. Throws `MlflowProblem`.
   */
  manifest(version: Version, ageMs: Milliseconds, signal: AbortSignal): Promise<readonly Artefact[]>;
  /** The text of the MLmodel file. Throws `MlflowProblem`, `missing` when there is none. */
  mlmodel(version: Version, signal: AbortSignal): Promise<string>;
}

export function createArtefacts(call: MlflowCall, registry: Registry, care: ArtefactCare): Artefacts {
  const known = new Map<string, { readonly sha256: Digest; readonly at: number }>();
  // The server fetches the file from wherever it lies, with its own credentials.
  const bytesOf = ({ name, version }: Version, path: string, most: number, signal: AbortSignal) =>
    call.bytes("/model-versions/get-artifact", { name, version, path }, most, signal);

  async function sha256Of(version: Version, root: string, file: Artefact, ageMs: Milliseconds, signal: AbortSignal) {
    const key = JSON.stringify([version.name, version.version, root, file.path, file.size]);
    const remembered = known.get(key);
    if (remembered !== undefined && Date.now() - remembered.at < ageMs) return remembered.sha256;
    const hash = createHash("sha256");
    for await (const chunk of bytesOf(version, file.path, file.size, signal)) hash.update(chunk);
    const sha256: Digest = `sha256:${hash.digest("hex")}`;
    if (known.size > 10_000) known.clear();
    known.set(key, { sha256, at: Date.now() });
    return sha256;
  }

  return {
    async manifest(version, ageMs, signal) {
      if (care.look === "none") return [];
      const root = await registry.artefactsAt(version, signal);
      const files = [...(await listed(call, version, root, signal))].sort((a, b) => (a.path < b.path ? -1 : 1));
      const read = ({ path, size }: Artefact) =>
        care.look === "bytes" ? size <= care.upTo || (path === MLMODEL && size <= MOST_MLMODEL) : path === MLMODEL;
      return inTurns(files, async (file) =>
        read(file) ? { ...file, sha256: await sha256Of(version, root, file, ageMs, signal) } : file,
      );
    },
    async mlmodel(version, signal) {
      const chunks = await Array.fromAsync(bytesOf(version, MLMODEL, MOST_MLMODEL, signal));
      return Buffer.concat(chunks).toString("utf8");
    },
  };
}

/** Runs `work` over all, a few at once, and keeps their order. */
export async function inTurns<T, U>(all: readonly T[], work: (one: T) => Promise<U>): Promise<readonly U[]> {
  const done: U[] = [];
  for (let from = 0; from < all.length; from += AT_ONCE) {
    done.push(...(await Promise.all(all.slice(from, from + AT_ONCE).map(work))));
  }
  return done;
}

/** Lists one folder; paths are relative to the folder asked for (`bare`), or to the whole. */
interface Listing {
  readonly bare: boolean;
  folder(path: string, signal: AbortSignal): Promise<Body>;
}

async function listed(call: MlflowCall, version: Version, root: string, signal: AbortSignal) {
  const { bare, folder } = await listingOf(call, version, root, signal);
  const files: Artefact[] = [];
  const folders = [""];
  for (let at = folders.pop(); at !== undefined; at = folders.pop()) {
    for (const entry of listOf((await folder(at, signal))["files"])) {
      const body = objectOf(entry, "file");
      const path = bare && at !== "" ? `${at}/${textIn(body, "path")}` : textIn(body, "path");
      if (body["is_dir"] === true) folders.push(path);
      else files.push({ path, size: Number(body["file_size"] ?? 0) });
      if (files.length + folders.length > MOST_FILES) {
        throw new MlflowProblem(`${version.name} ${version.version} has more than ${MOST_FILES} artefacts`);
      }
    }
  }
  return files;
}

/**
 * Who lists them: the artefact proxy of the server (`mlflow-artifacts:/...`, which answers an empty list for a folder
 * that is not there), the logged model, or the run that made them.
 */
async function listingOf(call: MlflowCall, version: Version, root: string, signal: AbortSignal): Promise<Listing> {
  const proxied = /^mlflow-artifacts:\/(?!\/)(.+?)\/*$/.exec(root)?.[1];
  if (proxied !== undefined) {
    const folder = (path: string) =>
      call.get("/api/2.0/mlflow-artifacts/artifacts", { path: path === "" ? proxied : `${proxied}/${path}` }, signal);
    return { bare: true, folder };
  }
  const model = loggedModelOf(version);
  if (model !== undefined) {
    const list = `/api/2.0/mlflow/logged-models/${encodeURIComponent(model)}/artifacts/directories`;
    return {
      bare: false,
      folder: (path) => call.get(list, path === "" ? {} : { artifact_directory_path: path }, signal),
    };
  }
  if (version.runId !== "") return runListing(call, version.runId, root, signal);
  throw new MlflowProblem(
    `the server cannot list the artefacts of ${version.name} ${version.version}, which were registered from outside ` +
      "a run; serve artefacts through MLflow, or set `artefacts: none`",
    422,
  );
}

async function runListing(call: MlflowCall, runId: string, root: string, signal: AbortSignal): Promise<Listing> {
  const list = (path: string) =>
    call.get("/api/2.0/mlflow/artifacts/list", path === "" ? { run_id: runId } : { run_id: runId, path }, signal);
  const top = textIn(await list(""), "root_uri").replace(/\/+$/, "");
  if (root !== top && !root.startsWith(`${top}/`)) {
    throw new MlflowProblem(
      `the artefacts at ${root} are not among those of run ${runId}; set \`artefacts: none\``,
      422,
    );
  }
  const below = root.slice(top.length + 1).replace(/\/+$/, "");
  const folder = async (path: string) => {
    const body = await list([below, path].filter((part) => part !== "").join("/"));
    const files = listOf(body["files"]).map((file) => {
      const entry = objectOf(file, "file");
      return { ...entry, path: below === "" ? textIn(entry, "path") : textIn(entry, "path").slice(below.length + 1) };
    });
    return { files };
  };
  return { bare: false, folder };
}
