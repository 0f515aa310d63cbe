import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, chownSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import pg from "pg";

/** A real Postgres on a free port of 127.0.0.1, with a folder of its own, run by nobody's root. */
export interface PostgresServer {
  /** Of the database `rollbook`, whose owner the user is; the user is a superuser of this server. */
  readonly url: string;
  readonly port: number;
  readonly password: string;
  /** Runs one statement on a connection of its own. */
  query<Row extends object>(text: string, values?: readonly unknown[]): Promise<Row[]>;
  start(): Promise<void>;
  /** `immediate` is a crash: no flush, no goodbye, recovery at the next start. */
  stop(how?: "fast" | "immediate"): Promise<void>;
  /** A streaming copy of this server, as a standby. */
  standby(): Promise<PostgresServer>;
  /** Makes a standby a primary, on a new timeline. */
  promote(): Promise<void>;
  /** Ends it and removes its folder. */
  remove(): Promise<void>;
}

export interface PostgresOptions {
  /** Lines of postgresql.conf. */
  readonly settings?: Readonly<Record<string, string>>;
  readonly initdb?: readonly string[];
  /** Where its folder is made; the machine's folder for temporary files without it. */
  readonly within?: string;
}

const USER = "rollbook";
const SIGNALS = { fast: "SIGINT", immediate: "SIGQUIT" } as const;
const SMALL = {
  listen_addresses: "127.0.0.1",
  unix_socket_directories: "",
  max_connections: "200",
  shared_buffers: "64MB",
  log_min_messages: "fatal",
};

/** Starts a server with the programs in a folder, and answers when it takes connections. */
export async function startPostgres(bin: string, options: PostgresOptions = {}): Promise<PostgresServer> {
  const folder = newFolder(options.within);
  const password = "s3cret/of:tests";
  const passwordFile = join(folder, "password");
  writeFileSync(passwordFile, `${password}\n`);
  const auth = ["-U", USER, "--auth=scram-sha-256", `--pwfile=${passwordFile}`];
  const locale = options.initdb ?? ["--encoding=UTF8", "--locale=C"];
  run(bin, "initdb", ["-D", join(folder, "data"), "-N", ...auth, ...locale]);
  const server = serverIn({ bin, folder, password, port: await freePort(), settings: options.settings ?? {} });
  await server.start();
  await server.query("CREATE DATABASE rollbook").catch(() => {});
  return server;
}

interface Place {
  readonly bin: string;
  readonly folder: string;
  readonly password: string;
  readonly port: number;
  readonly settings: Readonly<Record<string, string>>;
}

function serverIn({ bin, folder, password, port, settings }: Place): PostgresServer {
  const data = join(folder, "data");
  const address = (database: string) =>
    `postgres://${USER}:${encodeURIComponent(password)}@127.0.0.1:${port}/${database}`;
  let child: ChildProcess | undefined;
  let log = "";

  const query = async <Row extends object>(text: string, values: readonly unknown[] = []): Promise<Row[]> => {
    const client = new pg.Client({ connectionString: address("postgres"), connectionTimeoutMillis: 2000 });
    client.on("error", () => {});
    await client.connect();
    try {
      return (await client.query<Row>(text, [...values])).rows;
    } finally {
      await client.end();
    }
  };

  const start = async () => {
    const lines = { ...SMALL, ...settings, port: String(port) };
    const args = Object.entries(lines).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
    child = spawn(join(bin, "postgres"), ["-D", data, ...args], {
      cwd: folder,
      stdio: ["ignore", "ignore", "pipe"],
      ...unprivileged(),
    });
    child.stderr?.on("data", (chunk) => {
      log = (log + String(chunk)).slice(-4000);
    });
    for (let tries = 0; ; tries += 1) {
      if (await query("SELECT 1").catch(() => undefined)) return;
      if (child.exitCode !== null || tries > 600) throw new Error(`postgres did not start: ${log}`);
      await setTimeout(50);
    }
  };

  const stop = async (how: "fast" | "immediate" = "fast") => {
    const running = child;
    child = undefined;
    if (running === undefined || running.exitCode !== null || running.signalCode !== null) return;
    const exit = once(running, "exit");
    running.kill(SIGNALS[how]);
    await exit;
  };

  return {
    url: address("rollbook"),
    port,
    password,
    query,
    start,
    stop,
    standby: async () => {
      const copy = newFolder();
      const from = ["-d", address("postgres"), "-D", join(copy, "data"), "-R", "-X", "stream", "-c", "fast", "-N"];
      run(bin, "pg_basebackup", from);
      const standby = serverIn({ bin, folder: copy, password, port: await freePort(), settings });
      await standby.start();
      return standby;
    },
    promote: async () => {
      await query("SELECT pg_promote(true, 30)");
    },
    remove: async () => {
      await stop("immediate");
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Postgres refuses to run as root; Debian's package brings a user of its own. */
function unprivileged(): { uid?: number; gid?: number } {
  if (process.getuid?.() !== 0) return {};
  const id = (flag: string) => Number(spawnSync("id", [flag, "postgres"], { encoding: "utf8" }).stdout);
  return { uid: id("-u"), gid: id("-g") };
}

function newFolder(within = tmpdir()): string {
  const folder = mkdtempSync(join(within, "rollbook-postgres-"));
  chmodSync(folder, 0o700);
  const { uid, gid } = unprivileged();
  if (uid !== undefined && gid !== undefined) chownSync(folder, uid, gid);
  return folder;
}

function run(bin: string, program: string, args: readonly string[]): void {
  const done = spawnSync(join(bin, program), args, { encoding: "utf8", cwd: tmpdir(), ...unprivileged() });
  if (done.status !== 0) throw new Error(`${program} failed: ${done.stderr || done.error?.message}`);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  return port;
}
