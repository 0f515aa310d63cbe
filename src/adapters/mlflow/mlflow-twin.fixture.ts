import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

interface TwinVersion {
  readonly version: string;
  readonly source: string;
  run_id: string;
  status: string;
  status_message?: string;
  current_stage: string;
  readonly tags: Map<string, string>;
}

interface TwinModel {
  readonly prompt: boolean;
  readonly tags: Map<string, string>;
  readonly aliases: Map<string, string>;
  readonly versions: Map<string, TwinVersion>;
}

/** What a test may do to a registry behind the adapter's back, and what it can see. */
export interface MlflowTwin {
  readonly url: string;
  readonly models: Map<string, TwinModel>;
  /** Artefacts by their whole path below the artefact root. */
  readonly files: Map<string, string>;
  /** Every call, as `METHOD path`. */
  readonly calls: string[];
  /** Called before a call is answered; a number is answered as an error with this status, "cut" breaks the connection. */
  hook: (call: string, authorization: string) => number | "cut" | undefined;
  model(name: string, files: Readonly<Record<string, string>>): string;
  prompt(name: string, template: string, tags?: Readonly<Record<string, string>>): string;
  stop(): Promise<void>;
}

type Twin = Omit<MlflowTwin, "url" | "stop">;

class Refusal {
  readonly status: number;
  readonly code: string;
  readonly message: string;
  constructor(status: number, code: string, message: string) {
    this.status = status;
    this.code = code;
    this.message = message;
  }
}
const rootOf = ({ version }: TwinVersion, name: string) => `0/models/m-${name}-${version}/artifacts`;
const missing = (what: string) => new Refusal(404, "RESOURCE_DOES_NOT_EXIST", `${what} not found`);
const invalid = (why: string) => new Refusal(400, "INVALID_PARAMETER_VALUE", why);

type Routes = Readonly<Record<string, (given: Record<string, string>) => unknown>>;

function routesOf(models: Map<string, TwinModel>, files: Map<string, string>): Routes {
  const modelOf = (name: string | undefined) => {
    const model = models.get(name ?? "");
    if (model === undefined) throw missing(`Registered Model with name=${name}`);
    return model;
  };
  const versionOf = (name: string, number: string | undefined) => {
    const version = modelOf(name).versions.get(number ?? "");
    if (version === undefined) throw missing(`Model Version (name=${name}, version=${number})`);
    return version;
  };
  const list = (map: ReadonlyMap<string, string>, key: string, value: string) =>
    map.size === 0 ? undefined : [...map].map(([one, other]) => ({ [key]: one, [value]: other }));
  const shown = (name: string, { tags, ...version }: TwinVersion) => ({
    name,
    ...version,
    tags: list(tags, "key", "value"),
  });

  return {
    "GET registered-models/get": ({ name }) => {
      const { aliases, tags } = modelOf(name);
      return {
        registered_model: { name, aliases: list(aliases, "alias", "version"), tags: list(tags, "key", "value") },
      };
    },
    "GET registered-models/alias": ({ name = "", alias = "" }) => {
      const number = modelOf(name).aliases.get(alias);
      if (number === undefined) throw invalid(`Registered model alias ${alias} not found.`);
      return { model_version: shown(name, versionOf(name, number)) };
    },
    "POST registered-models/alias": ({ name = "", alias = "", version = "" }) => {
      versionOf(name, version);
      modelOf(name).aliases.set(alias, version);
      return {};
    },
    "POST registered-models/set-tag": ({ name, key = "", value = "" }) => {
      modelOf(name).tags.set(key, value);
      return {};
    },
    "GET model-versions/get": ({ name = "", version }) => ({ model_version: shown(name, versionOf(name, version)) }),
    "GET model-versions/search": ({ filter = "", max_results, page_token = "0" }) => {
      const name = /^name='((?:[^']|'')*)'/.exec(filter)?.[1]?.replaceAll("''", "'") ?? "";
      const model = models.get(name);
      if (model === undefined || model.prompt !== filter.includes("mlflow.prompt.is_prompt")) return {};
      const all = [...model.versions.values()].sort((a, b) => Number(b.version) - Number(a.version));
      const to = Number(page_token) + Number(max_results);
      const page = all.slice(Number(page_token), to).map((version) => shown(name, version));
      return { model_versions: page, ...(to < all.length ? { next_page_token: String(to) } : {}) };
    },
    "GET model-versions/get-download-uri": ({ name = "", version }) => ({
      artifact_uri: `mlflow-artifacts:/${rootOf(versionOf(name, version), name)}`,
    }),
    "GET artifacts": ({ path = "" }) => {
      const below = [...files].filter(([file]) => file.startsWith(`${path}/`));
      const entries = new Map<string, object>();
      for (const [file, text] of below) {
        const [first = "", ...rest] = file.slice(path.length + 1).split("/");
        const size = { path: first, is_dir: false, file_size: Buffer.byteLength(text) };
        entries.set(first, rest.length === 0 ? size : { path: first, is_dir: true });
      }
      return entries.size === 0 ? {} : { files: [...entries.values()] };
    },
    "GET get-artifact": ({ name = "", version, path = "" }) => {
      const text = files.get(`${rootOf(versionOf(name, version), name)}/${path}`);
      if (text === undefined) throw missing(`No such artifact: '${path}'`);
      return text;
    },
    "GET experiments/get": () => ({
      experiment: { experiment_id: "0", creation_time: 1_795_404_635_889, artifact_location: "mlflow-artifacts:/0" },
    }),
    "GET webhooks": () => ({}),
    "GET runs/get": () => ({ run: { info: { lifecycle_stage: "active" } } }),
    "GET logged-models": () => ({ model: {} }),
  };
}

/** A small MLflow 3.17: the calls, answers and error codes that were seen on the real server (test/e2e/mlflow.test.ts). */
export async function startMlflowTwin(): Promise<MlflowTwin> {
  const models = new Map<string, TwinModel>();
  const files = new Map<string, string>();
  const calls: string[] = [];
  const routes = routesOf(models, files);
  const twin: Twin = {
    models,
    files,
    calls,
    hook: () => undefined,
    model(name, given) {
      const model = models.get(name) ?? { prompt: false, tags: new Map(), aliases: new Map(), versions: new Map() };
      models.set(name, model);
      const version = fresh(model, `models:/m-${name}${model.versions.size + 1}`, {});
      for (const [path, text] of Object.entries(given)) files.set(`${rootOf(version, name)}/${path}`, text);
      return version.version;
    },
    prompt(name, template, tags = {}) {
      const model = models.get(name) ?? { prompt: true, tags: new Map(), aliases: new Map(), versions: new Map() };
      models.set(name, model);
      const all = { "mlflow.prompt.is_prompt": "true", "mlflow.prompt.text": template, ...tags };
      return fresh(model, "dummy-source", all).version;
    },
  };

  const server = createServer((request, response) => void answer(twin, routes, request, response)).listen(
    0,
    "127.0.0.1",
  );
  await once(server, "listening");
  const stop = async () => {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  };
  return Object.assign(twin, { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, stop });
}

async function answer(twin: Twin, routes: Routes, request: IncomingMessage, response: ServerResponse) {
  const chunks = await Array.fromAsync(request as AsyncIterable<Buffer>);
  const url = new URL(request.url ?? "", "http://twin");
  const call = `${request.method} ${routeOf(url.pathname)}`;
  twin.calls.push(call);
  const failure = twin.hook(call, request.headers.authorization ?? "");
  if (failure === "cut") return void request.socket.destroy();
  const given = chunks.length > 0 ? JSON.parse(Buffer.concat(chunks).toString()) : Object.fromEntries(url.searchParams);
  try {
    if (failure !== undefined) throw new Refusal(failure, "TOLD_TO", "told to fail");
    const route = routes[call];
    if (route === undefined) throw new Refusal(404, "ENDPOINT_NOT_FOUND", `no ${call}`);
    const body = route(given);
    response.end(typeof body === "string" ? body : JSON.stringify(body));
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    const { status, code, message } = error;
    response.writeHead(status).end(JSON.stringify({ error_code: code, message }));
  }
}

function fresh(model: TwinModel, source: string, tags: Readonly<Record<string, string>>): TwinVersion {
  const version = String(model.versions.size + 1);
  const made = {
    version,
    source,
    run_id: "",
    status: "READY",
    current_stage: "None",
    tags: new Map(Object.entries(tags)),
  };
  model.versions.set(version, made);
  return made;
}

function routeOf(path: string): string {
  const short = path.replace(/^\/(api\/2\.0\/mlflow(-artifacts)?|model-versions(?=\/get-artifact))\//, "");
  return short.startsWith("logged-models/") ? "logged-models" : short;
}
