import type { Place } from "./address.ts";
import { type Body, type MlflowCall, MlflowProblem } from "./mlflow-call.ts";

/** A version as the registry knows it; its artefacts lie elsewhere. */
export interface Version {
  readonly name: string;
  readonly version: string;
  readonly source: string;
  readonly runId: string;
  readonly status: string;
  readonly statusMessage: string;
  /** Deprecated since MLflow 2.9 in favour of aliases; `None` or empty for most. */
  readonly stage: string;
  readonly tags: ReadonlyMap<string, string>;
}

export interface RegisteredModel {
  /** Alias to version. */
  readonly aliases: ReadonlyMap<string, string>;
  readonly tags: ReadonlyMap<string, string>;
}

/** The tag that makes a registered model, and each of its versions, a prompt (mlflow/prompt/constants.py). */
export const IS_PROMPT = "mlflow.prompt.is_prompt";

export const isPrompt = ({ tags }: { readonly tags: ReadonlyMap<string, string> }) =>
  tags.get(IS_PROMPT)?.toLowerCase() === "true";

/** How many versions, newest first, are looked through for a digest. */
const MOST_VERSIONS = 200;
const PAGE = 100;
const API = "/api/2.0/mlflow";

/** The calls of MLflow's model registry that a rollback needs (mlflow/protos/model_registry.proto). */
export type Registry = ReturnType<typeof createRegistry>;

/** Every method throws `MlflowProblem`. */
export function createRegistry(call: MlflowCall) {
  return {
    async model(name: string, signal: AbortSignal): Promise<RegisteredModel> {
      const { registered_model } = await call.get(`${API}/registered-models/get`, { name }, signal);
      const model = objectOf(registered_model, "registered_model");
      return { aliases: pairs(model["aliases"], "alias", "version"), tags: pairs(model["tags"], "key", "value") };
    },
    /** The version that an alias points at. */
    async aliased({ name, alias }: Place, signal: AbortSignal): Promise<Version> {
      const { model_version } = await call.get(`${API}/registered-models/alias`, { name, alias }, signal);
      return versionOf(model_version);
    },
    async version(name: string, version: string, signal: AbortSignal): Promise<Version> {
      const { model_version } = await call.get(`${API}/model-versions/get`, { name, version }, signal);
      return versionOf(model_version);
    },
    /** The newest versions, newest first. A search finds prompts only when it asks for them. */
    async versions({ name, kind }: Place, signal: AbortSignal): Promise<readonly Version[]> {
      const named = `name='${name.replaceAll("'", "''")}'`;
      const filter = kind === "prompt" ? `${named} AND tags.\`${IS_PROMPT}\`='true'` : named;
      const found: Version[] = [];
      for (let token: string | undefined = ""; token !== undefined && found.length < MOST_VERSIONS; ) {
        const query = { filter, max_results: String(PAGE), order_by: "version_number DESC" };
        const page: Body = await call.get(
          `${API}/model-versions/search`,
          token === "" ? query : { ...query, page_token: token },
          signal,
        );
        found.push(...listOf(page["model_versions"]).map(versionOf));
        const next = page["next_page_token"];
        token = typeof next === "string" && next !== "" ? next : undefined;
      }
      return found.filter((version) => version.name === name).slice(0, MOST_VERSIONS);
    },
    /** Where a version's artefacts lie: `mlflow-artifacts:/...`, `s3://...`, a path. */
    async artefactsAt({ name, version }: Version, signal: AbortSignal): Promise<string> {
      const body = await call.get(`${API}/model-versions/get-download-uri`, { name, version }, signal);
      return textIn(body, "artifact_uri");
    },
    async setAlias({ name, alias }: Place, version: string, signal: AbortSignal): Promise<void> {
      await call.post(`${API}/registered-models/alias`, { name, alias, version }, signal);
    },
    async setTag(name: string, key: string, value: string, signal: AbortSignal): Promise<void> {
      await call.post(`${API}/registered-models/set-tag`, { name, key, value }, signal);
    },
    async experiment(id: string, signal: AbortSignal): Promise<Body> {
      return objectOf((await call.get(`${API}/experiments/get`, { experiment_id: id }, signal))["experiment"], id);
    },
    /** `active` or `deleted`; a deleted run's artefacts go with the next `mlflow gc`. */
    async runStage(runId: string, signal: AbortSignal): Promise<string> {
      const run = objectOf((await call.get(`${API}/runs/get`, { run_id: runId }, signal))["run"], "run");
      return textIn(objectOf(run["info"], "info"), "lifecycle_stage");
    },
    /** Throws a missing problem when the logged model was deleted. */
    async loggedModel(id: string, signal: AbortSignal): Promise<void> {
      await call.get(`${API}/logged-models/${encodeURIComponent(id)}`, {}, signal);
    },
    /** The names of active webhooks that hear of aliases; experimental, so a server without them has none. */
    async aliasWebhooks(signal: AbortSignal): Promise<readonly string[]> {
      const body = await call.get(`${API}/webhooks`, {}, signal);
      return listOf(body["webhooks"])
        .map((hook) => objectOf(hook, "webhook"))
        .filter(({ status, events }) => status !== "DISABLED" && JSON.stringify(events).includes("ALIAS"))
        .map((hook) => textIn(hook, "name"));
    },
  };
}

/** The id in a source that names a logged model (`models:/m-...`), which is what MLflow 3's `log_model` registers. */
export function loggedModelOf({ source }: Pick<Version, "source">): string | undefined {
  return /^models:\/(m-[0-9a-zA-Z]+)$/.exec(source)?.[1];
}

function versionOf(value: unknown): Version {
  const body = objectOf(value, "model_version");
  const version = textIn(body, "version");
  if (!/^\d+$/.test(version)) throw new MlflowProblem(`the version "${version}" is no number`);
  return {
    name: textIn(body, "name"),
    version,
    source: optional(body, "source"),
    runId: optional(body, "run_id"),
    status: optional(body, "status"),
    statusMessage: optional(body, "status_message"),
    stage: optional(body, "current_stage"),
    tags: pairs(body["tags"], "key", "value"),
  };
}

export function objectOf(value: unknown, what: string): Body {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Body;
  throw new MlflowProblem(`MLflow's answer has no ${what}`);
}

/** Protobuf's JSON leaves empty lists away. */
export const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

export function textIn(body: Body, key: string): string {
  const value = body[key];
  if (typeof value === "number") return String(value);
  if (typeof value === "string" && value !== "") return value;
  throw new MlflowProblem(`MLflow's answer has no ${key}`);
}

function optional(body: Body, key: string): string {
  return typeof body[key] === "string" ? body[key] : "";
}

function pairs(list: unknown, key: string, value: string): ReadonlyMap<string, string> {
  return new Map(
    listOf(list).map((item) => {
      const body = objectOf(item, key);
      return [
        textIn(body, key),
        typeof body[value] === "number" ? String(body[value]) : optional(body, value),
      ] as const;
    }),
  );
}
