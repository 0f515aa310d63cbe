import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout } from "node:timers/promises";

/** A real `mlflow server` on a free port, with its own database and artefacts, and MLflow's own client beside it. */
export interface MlflowServer {
  readonly url: string;
  /** Where the artefacts lie on disk. */
  readonly artefacts: string;
  /** Runs a command of test/e2e/mlflow/client.py. */
  run<T = unknown>(command: string, given: Readonly<Record<string, unknown>>): Promise<T>;
  /** Starts test/e2e/mlflow/serving.py for `NAME@ALIAS` and answers its URL. */
  serve(key: string): Promise<string>;
  /** Ends the server, and starts it again with the same database. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

export interface MlflowServerOptions {
  /** Arguments besides address, database and artefacts. */
  readonly args?: readonly string[];
  /** Serve artefacts through the server; else clients go to the folder themselves. True without it. */
  readonly proxied?: boolean;
  readonly env?: Readonly<Record<string, string>>;
}

const QUIET = {
  MLFLOW_DISABLE_TELEMETRY: "true",
  DO_NOT_TRACK: "true",
  MLFLOW_SERVER_ENABLE_JOB_EXECUTION: "false",
  MLFLOW_ENABLE_DB_SDK: "false",
  GIT_PYTHON_REFRESH: "quiet",
  PYTHONWARNINGS: "ignore",
};

export async function startMlflow(venv: string, options: MlflowServerOptions = {}): Promise<MlflowServer> {
  const folder = mkdtempSync(join(tmpdir(), "rollbook-mlflow-"));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const artefacts = join(folder, "artefacts");
  const env = { ...process.env, ...QUIET, ...options.env, MLFLOW_TRACKING_URI: url, HOME: folder };
  const children = new Set<ChildProcess>();
  const python = (script: string, ...args: string[]) => {
    const file = join(import.meta.dirname, "mlflow", script);
    const child = spawn(join(venv, "bin", "python"), [file, ...args], {
      env,
      cwd: folder,
      stdio: ["pipe", "pipe", "ignore"],
    });
    children.add(child);
    return child;
  };

  const proxy = options.proxied ?? true;
  const start = async () => {
    const store = ["--backend-store-uri", `sqlite:///${join(folder, "mlflow.db")}`];
    const root = proxy
      ? ["--serve-artifacts", "--artifacts-destination", artefacts]
      : ["--no-serve-artifacts", "--default-artifact-root", artefacts];
    const args = ["server", "--host", "127.0.0.1", "--port", String(port), "--workers", "1", ...store, ...root];
    // A process group of its own: MLflow starts its web server as a child, which ends with it.
    const child = spawn(join(venv, "bin", "mlflow"), [...args, ...(options.args ?? [])], {
      env,
      cwd: folder,
      detached: true,
      stdio: ["ignore", "ignore", "pipe"],
    });
    let log = "";
    child.stderr.on("data", (chunk) => {
      log = (log + String(chunk)).slice(-4000);
    });
    for (let tries = 0; ; tries++) {
      const answer = await fetch(`${url}/health`).catch(() => undefined);
      if (answer?.ok) return child;
      if (child.exitCode !== null || tries > 600) {
        child.kill("SIGKILL");
        rmSync(folder, { recursive: true, force: true });
        throw new Error(`mlflow server did not start: ${log}`);
      }
      await setTimeout(100);
    }
  };
  let server = await start();
  const end = async () => {
    if (server.exitCode === null && server.signalCode === null) {
      process.kill(-(server.pid as number), "SIGKILL");
      await once(server, "exit");
    }
  };
  const client = lineClient(python("client.py"));

  return {
    url,
    artefacts,
    run: client,
    async serve(key) {
      const child = python("serving.py", key);
      const [line] = (await once(createInterface({ input: child.stdout }), "line")) as [string];
      return line.replace("serving ", "");
    },
    async restart() {
      await end();
      server = await start();
    },
    async stop() {
      for (const child of children) child.kill("SIGKILL");
      await end();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** One command at a time, one line each way. */
function lineClient(child: ReturnType<typeof spawn>) {
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]();
  let turn: Promise<unknown> = Promise.resolve();
  return <T>(command: string, given: Readonly<Record<string, unknown>>): Promise<T> => {
    const mine = turn
      .catch(() => undefined)
      .then(async () => {
        child.stdin?.write(`${JSON.stringify([command, given])}\n`);
        const line = await lines.next();
        const said = JSON.parse(line.done ? '{"error":"the client ended"}' : line.value);
        if (said.error !== undefined) throw new Error(`${command}: ${said.error}`);
        return said.answer as T;
      });
    turn = mine;
    return mine;
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  return port;
}
