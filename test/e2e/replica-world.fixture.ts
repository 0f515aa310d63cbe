// An AI system with two components and two versions, and replicas of Rollbook in processes of their own that protect it.
import { type ChildProcess, spawn } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { connect, createServer as createTcpServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { type Digest, digestOf } from "../../src/core/digest.ts";

const MAIN = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));

/** A write that the AI system took. */
export interface Write {
  readonly component: string;
  readonly digest: Digest;
  readonly key: string;
  readonly fence: number;
  readonly at: number;
}

export interface AiSystem {
  readonly url: string;
  readonly stable: string;
  readonly candidate: string;
  /** Every accepted write, in order. */
  readonly writes: Write[];
  /** Writes that were refused because a newer fence had written, or the version had moved. */
  readonly refused: { readonly component: string; readonly fence: number }[];
  live(component: string): Digest;
  /** When the candidate was last asked, and how often. */
  asked: { stable: number; candidate: number; lastCandidate: number };
  /** How many of a hundred answers of the candidate are errors. */
  failing: number;
  /** Awaited before a write takes effect, and before it is answered. */
  beforeWrite: (component: string, digest: Digest) => Promise<void>;
  beforeAnswer: (component: string, digest: Digest) => Promise<void>;
  close(): Promise<void>;
}

export const digestFor = (component: string, version: number): Digest => digestOf(`${component} ${version}`);

const COMPONENTS = ["model", "config"];

export async function startAiSystem(): Promise<AiSystem> {
  const places = new Map(COMPONENTS.map((name) => [name, { digest: digestFor(name, 1), version: 1, fence: 0 }]));
  const keys = new Map<string, Digest>();
  const known = new Map(COMPONENTS.flatMap((name) => [1, 2, 3].map((n) => [digestFor(name, n), `${name} ${n}`])));
  const nothing = async () => {};
  const components = createServer((request, response) => void answer(request, response));
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const url = new URL(request.url ?? "/", "http://x");
    const [, , name = "", revisions, digest] = url.pathname.split("/");
    const place = places.get(name);
    const say = (status: number, body: object) => {
      response.writeHead(status, { "content-type": "application/json" });
      response.end(JSON.stringify(body));
    };
    if (!place) return say(404, {});
    if (revisions && digest) return say(known.has(digest as Digest) ? 200 : 404, { intact: true });
    if (revisions) {
      const wanted = url.searchParams.get("reference") ?? "";
      const found = [...known].find(([one, label]) => label === `${name} ${wanted}` || one === wanted);
      return found ? say(200, { digest: found[0], label: found[1] }) : say(404, {});
    }
    if (request.method === "GET")
      return say(200, { ...place, version: `v${place.version}`, label: known.get(place.digest) });
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const desired = (JSON.parse(Buffer.concat(chunks).toString()) as { digest: Digest }).digest;
    const key = String(request.headers["idempotency-key"]);
    const fence = Number(request.headers["rollbook-fence"]);
    await system.beforeWrite(name, desired);
    const stale = fence < place.fence;
    const moved = request.headers["if-match"] !== `"v${place.version}"`;
    if (stale || (moved && keys.get(`${name} ${key}`) !== desired)) {
      system.refused.push({ component: name, fence });
      return say(stale ? 409 : 412, { reason: stale ? `fence ${place.fence} has written` : "the version has moved" });
    }
    if (keys.get(`${name} ${key}`) === desired) return say(200, { digest: desired, already: true });
    keys.set(`${name} ${key}`, desired);
    Object.assign(place, { digest: desired, version: place.version + 1, fence });
    system.writes.push({ component: name, digest: desired, key, fence, at: Date.now() });
    await system.beforeAnswer(name, desired);
    return say(200, { digest: desired, version: `v${place.version}` });
  };
  let turn = 0;
  const upstream = (variant: "stable" | "candidate") =>
    createServer((request, response) => {
      request.resume();
      system.asked[variant] += 1;
      if (variant === "candidate") system.asked.lastCandidate = Date.now();
      const bad = variant === "candidate" && ++turn % 100 < system.failing;
      response.writeHead(bad ? 500 : 200, { "x-variant": variant });
      response.end(variant);
    });
  const servers = [components, upstream("stable"), upstream("candidate")];
  const [url, stable, candidate] = await Promise.all(servers.map(listening));
  const system: AiSystem = {
    url: url!,
    stable: stable!,
    candidate: candidate!,
    writes: [],
    refused: [],
    live: (component) => places.get(component)!.digest,
    asked: { stable: 0, candidate: 0, lastCandidate: 0 },
    failing: 0,
    beforeWrite: nothing,
    beforeAnswer: nothing,
    async close() {
      for (const server of servers) {
        server.close();
        server.closeAllConnections();
      }
    },
  };
  return system;
}

async function listening(server: Server): Promise<string> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return `http://127.0.0.1:${(server.address() as { port: number }).port}`;
}

const PLAYBOOK = `
rollbook: v1
system: loans
owner: lending
risk: low
authority: act
traffic: 60 requests/s
what:
  model: { at: http://ai/components/model, undo: redeploy }
  config: { at: http://ai/components/config, undo: redeploy }
  tone: flags://tone
  route: gateway://loans
signals:
  errors: { share: failed, of: requests, from: gateway, better: down }
  losses: { share: defaulted, of: loans, from: events, better: down }
when:
  failing: { errors: above, limit: 20% }
  lossy: { losses: above, limit: 20% }
how: { release: { canary: [50], each: 1h } }
fixed: { errors: { below: 10% }, for: 1s }
who: { now: [ page://dashboard ] }
`;

export interface Replica {
  readonly process: ChildProcess;
  readonly said: readonly string[];
  /** Address of its API, and of its gateway. */
  readonly url: string;
  readonly gateway: string;
  says(what: RegExp, from?: number): Promise<RegExpExecArray>;
  call(method: string, path: string, body?: object): Promise<{ readonly status: number; readonly body: never }>;
  kill(signal: NodeJS.Signals): void;
  ended(): Promise<unknown>;
}

export interface ReplicaWorld {
  readonly ai: AiSystem;
  readonly folder: string;
  token: string;
  /** Starts one more replica, over this address of the store. */
  start(store: string, options?: { readonly playbook?: string }): Promise<Replica>;
  close(): Promise<void>;
}

export async function openReplicaWorld(): Promise<ReplicaWorld> {
  const folder = mkdtempSync(join(tmpdir(), "rollbook-replicas-"));
  const ai = await startAiSystem();
  const key = generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" });
  writeFileSync(join(folder, "ledger.key"), key, { mode: 0o600 });
  const replicas: Replica[] = [];
  let number = 0;
  const world: ReplicaWorld = {
    ai,
    folder,
    token: "",
    async start(store, { playbook = PLAYBOOK } = {}) {
      number += 1;
      const own = join(folder, `replica-${number}`);
      mkdirSync(own);
      writeFileSync(join(own, "loans.yaml"), playbook);
      writeFileSync(
        join(own, "connections.yaml"),
        `rollbook: connections/v1
port: 0
store: { env: STORE }
ledger-key: { file: ../ledger.key }
systems:
  loans: { gateway: { port: 0, stable: "${ai.stable}", candidate: "${ai.candidate}" } }
flags:
  tone: { variants: { cool: c, warm: w }, initially: cool }
connections:
  http: { hosts: { ai: "${ai.url}" } }
`,
      );
      const replica = await startReplica(own, store, world);
      replicas.push(replica);
      return replica;
    },
    async close() {
      for (const { process, kill, ended } of replicas) {
        if (process.exitCode !== null || process.signalCode !== null) continue;
        kill("SIGCONT");
        kill("SIGKILL");
        await ended();
      }
      await ai.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  return world;
}

async function startReplica(folder: string, store: string, world: ReplicaWorld): Promise<Replica> {
  const child = spawn(process.execPath, [MAIN, "serve", folder], {
    env: { ...process.env, STORE: store },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const exit = once(child, "exit");
  const said: string[] = [];
  let rest = "";
  for (const stream of [child.stdout, child.stderr])
    stream!.on("data", (bytes) => {
      rest += String(bytes);
      const lines = rest.split("\n");
      rest = lines.pop() ?? "";
      said.push(...lines);
    });
  const says = async (what: RegExp, from = 0): Promise<RegExpExecArray> => {
    for (let tries = 0; tries < 3000; tries += 1) {
      for (const line of said.slice(from)) {
        const found = what.exec(line);
        if (found) return found;
      }
      if (child.exitCode !== null) break;
      await sleep(10);
    }
    throw new Error(`never said ${what}, but:\n${said.join("\n")}`);
  };
  const url = (await says(/Rollbook: (\S+)/))[1]!;
  if (!world.token) world.token = (await says(/API token, shown only now: (\S+)/))[1]!;
  const gateway = (await says(/loans: .*gateway: (\S+)/))[1]!;
  return {
    process: child,
    said,
    url,
    gateway,
    says,
    async call(method, path, body) {
      const answer = await fetch(new URL(path, url), {
        method,
        headers: { authorization: `Bearer ${world.token}`, "content-type": "application/json" },
        ...(body ? { body: JSON.stringify(body) } : {}),
      });
      return { status: answer.status, body: (await answer.json()) as never };
    },
    kill: (signal) => void child.kill(signal),
    ended: () => exit,
  };
}

/** What the built-in flag says to an application that asks this replica. */
export async function toneAt({ url }: Replica): Promise<unknown> {
  const init = { method: "POST", headers: { "content-type": "application/json" }, body: '{"context":{}}' };
  return ((await (await fetch(`${url}/ofrep/v1/evaluate/flags/tone`, init)).json()) as { value: unknown }).value;
}

/** Sends requests of many users to these gateways, in turn, until it is stopped; a dead one is left out. */
export function sendTraffic(gateways: readonly string[], perSecond = 60) {
  const over = new AbortController();
  const counts = { answered: 0, refused: 0 };
  const loop = async () => {
    for (let user = 0; !over.signal.aborted; user += 1) {
      const to = gateways[user % gateways.length]!;
      void fetch(to, { headers: { "rollbook-key": `user-${user}` }, signal: AbortSignal.timeout(5000) })
        .then(async (answer) => {
          await answer.text();
          counts.answered += 1;
        })
        .catch(() => {
          counts.refused += 1;
        });
      await sleep(1000 / perSecond);
    }
  };
  const done = loop();
  return {
    counts,
    async stop() {
      over.abort();
      await done;
    },
  };
}

/** A plain TCP balancer: each new connection goes to the next of these that takes it. */
export async function startBalancer(urls: readonly string[]): Promise<{ readonly url: string; close(): void }> {
  const ports = urls.map((url) => Number(new URL(url).port));
  let next = 0;
  const server = createTcpServer((client) => {
    const open = (left: number) => {
      const upstream = connect(ports[next++ % ports.length]!, "127.0.0.1");
      client.on("error", () => upstream.destroy());
      upstream.on("connect", () => {
        client.pipe(upstream);
        upstream.pipe(client);
      });
      upstream.on("error", () => {
        if (left > 1 && !client.destroyed && upstream.connecting) open(left - 1);
        else client.destroy();
      });
    };
    open(ports.length);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  return { url: `http://127.0.0.1:${port}`, close: () => void server.close() };
}
