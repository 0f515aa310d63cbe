import { type Digest, digestOf, digestOfJson } from "../../core/digest.ts";
import type { Milliseconds } from "../../core/time.ts";
import type { Place } from "./address.ts";
import { type Artefact, type ArtefactCare, type Artefacts, inTurns, MLMODEL } from "./artefacts.ts";
import { isPrompt, loggedModelOf, type Registry, type Version } from "./registry.ts";

/** A version with the digest of what makes its behaviour. */
export interface Identified {
  readonly version: Version;
  readonly digest: Digest;
  readonly artefacts: readonly Artefact[];
  /** Why it cannot be brought back, if so: not ready, or not all there. */
  readonly flaw?: string;
}

/** The tags that make a prompt's behaviour (mlflow/prompt/constants.py); every other tag is only said about it. */
const PROMPT_TEXT = "mlflow.prompt.text";
const PROMPT_PARTS = {
  type: "_mlflow_prompt_type",
  responseFormat: "_mlflow_prompt_response_format",
  modelConfig: "_mlflow_prompt_model_config",
} as const;

export interface Revisions {
  /** Bytes of artefacts that were read less than `ageMs` ago are believed. Throws `MlflowProblem`. */
  identify(place: Place, version: Version, ageMs: Milliseconds, signal: AbortSignal): Promise<Identified>;
  /** The version of this digest, or undefined. Throws `MlflowProblem`. */
  find(place: Place, digest: Digest, ageMs: Milliseconds, signal: AbortSignal): Promise<Identified | undefined>;
}

export function createRevisions(
  registry: Registry,
  artefacts: Artefacts,
  { look, believeMs }: ArtefactCare,
): Revisions {
  // Which version had a digest when it was last read: where to look first, never believed.
  const hints = new Map<string, string>();
  const hintKey = ({ key }: Place, digest: Digest) => `${digest} ${key}`;

  async function identify(
    place: Place,
    version: Version,
    ageMs: Milliseconds,
    signal: AbortSignal,
  ): Promise<Identified> {
    const files = place.kind === "model" ? await artefacts.manifest(version, ageMs, signal) : [];
    const digest = place.kind === "model" ? modelDigest(version, files) : promptDigest(version);
    if (hints.size > 10_000) hints.clear();
    hints.set(hintKey(place, digest), version.version);
    const flaw = flawOf(place, version, files, look);
    return { version, digest, artefacts: files, ...(flaw === undefined ? {} : { flaw }) };
  }

  async function hinted(
    place: Place,
    digest: Digest,
    ageMs: Milliseconds,
    signal: AbortSignal,
  ): Promise<Identified | undefined> {
    const hint = hints.get(hintKey(place, digest));
    if (hint === undefined) return undefined;
    const version = await registry.version(place.name, hint, signal).catch(missingIsUndefined);
    const found = version && (await identify(place, version, ageMs, signal));
    return found?.digest === digest ? found : undefined;
  }

  return {
    identify,
    async find(place, digest, ageMs, signal) {
      const quick = await hinted(place, digest, ageMs, signal);
      if (quick !== undefined) return quick;
      const versions = await registry.versions(place, signal);
      const unread: unknown[] = [];
      // Four at a time, newest first: what one goes back to is rarely far away.
      for (let from = 0; from < versions.length; from += 4) {
        const some = await inTurns(versions.slice(from, from + 4), (version) =>
          identify(place, version, believeMs, signal).catch((error: unknown) => void unread.push(error)),
        );
        const match = some.find((one) => one !== undefined && one.digest === digest);
        if (!match) continue;
        const now = await identify(place, match.version, ageMs, signal);
        if (now.digest === digest) return now;
      }
      // It may be one of those that could not be read: not found is not the same as not there.
      if (unread.length > 0) throw unread[0];
      return undefined;
    },
  };
}

function modelDigest({ name, version, source, runId }: Version, files: readonly Artefact[]): Digest {
  const model = loggedModelOf({ source });
  const artefacts = files.map(({ path, size, sha256 }) => ({ path, size, sha256 }));
  return digestOfJson({ is: "mlflow-model", name, version, source, run: runId, model, artefacts });
}

function promptDigest({ name, version, tags }: Version): Digest {
  const { type, responseFormat, modelConfig } = PROMPT_PARTS;
  const template = tags.get(PROMPT_TEXT);
  return digestOfJson({
    is: "mlflow-prompt",
    name,
    version,
    template: template === undefined ? undefined : digestOf(template),
    type: tags.get(type) ?? "text",
    responseFormat: tags.get(responseFormat),
    modelConfig: tags.get(modelConfig),
  });
}

function flawOf(
  { kind }: Place,
  version: Version,
  files: readonly Artefact[],
  look: ArtefactCare["look"],
): string | undefined {
  const called = `${version.name} ${version.version}`;
  if (version.status !== "READY") {
    const because = version.statusMessage === "" ? "" : ` (${version.statusMessage})`;
    return `${called} has status ${version.status || "unknown"}${because}, not READY`;
  }
  if (kind === "prompt") return version.tags.has(PROMPT_TEXT) ? undefined : `${called} has no template`;
  if (look === "none" || files.some(({ path }) => path === MLMODEL)) return undefined;
  return `${called} has no ${MLMODEL} file among its ${files.length} artefacts`;
}

/** Which kind a version is of, against what the address says. */
export function kindFlaw({ kind, name, alias }: Place, version: Version, scheme: string): string | undefined {
  const found = isPrompt(version) ? "prompt" : "model";
  return found === kind ? undefined : `${name} is a ${found}; write ${scheme}://${found}s/${name}@${alias}`;
}

function missingIsUndefined(error: unknown): undefined {
  if (error instanceof Error && "missing" in error && error.missing === true) return undefined;
  throw error;
}
