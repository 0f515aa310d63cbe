import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const FILES = fileURLToPath(new URL("../../docs/tutorial", import.meta.url));
const ROLLBOOK = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));

/** What is substituted in the tutorial's files: only ports. */
const PORTS = { api: 7464, gateway: 7470, blue: 8001, green: 8002 } as const;
const WITH_PORTS = ["connections.yaml", "traffic.py", "support/app.py"];

export interface Ended {
  readonly exit: number | null;
  readonly out: string;
  readonly err: string;
}

/** A stranger's folder with the tutorial's files, on free ports, with real processes. */
export async function tutorialWorld(python: string) {
  const folder = mkdtempSync(join(tmpdir(), "rollbook-tutorial-"));
  const running = new Set<ChildProcess>();
  cpSync(FILES, folder, { recursive: true });
  const ports = await freePorts();
  for (const file of WITH_PORTS) edit(file, (text) => substitute(text, ports));
  const url = `http://127.0.0.1:${ports.api}`;
  let token = "";

  function edit(file: string, change: (text: string) => string): void {
    writeFileSync(join(folder, file), change(readFileSync(join(folder, file), "utf8")));
  }
  const start = (command: string, args: readonly string[]): ChildProcess => {
    const env = { ...process.env, NODE_TEST_CONTEXT: undefined, NO_COLOR: "1" };
    const known = { ROLLBOOK_SERVER: url, ROLLBOOK_TOKEN: token };
    const child = spawn(command, args, { cwd: folder, env: { ...env, ...known }, stdio: ["ignore", "pipe", "pipe"] });
    child.stdout!.setEncoding("utf8");
    child.stderr!.setEncoding("utf8");
    running.add(child);
    child.once("close", () => running.delete(child));
    return child;
  };
  const rollbook = async (...args: readonly string[]): Promise<Ended> => {
    const child = start(process.execPath, [ROLLBOOK, ...args]);
    let [out, err] = ["", ""];
    child.stdout!.on("data", (text: string) => {
      out += text;
    });
    child.stderr!.on("data", (text: string) => {
      err += text;
    });
    const [exit] = (await once(child, "close")) as [number | null];
    return { exit, out, err };
  };
  const json = async (...args: readonly string[]) => JSON.parse((await rollbook(...args, "--json")).out);

  return {
    folder,
    ports,
    url,
    edit,
    rollbook,
    json,
    copy: (from: string, to: string) => {
      mkdirSync(join(folder, to, ".."), { recursive: true });
      copyFileSync(join(folder, from), join(folder, to));
    },
    read: (file: string) => JSON.parse(readFileSync(join(folder, file), "utf8")),
    python: (...args: readonly string[]) => start(python, args),
    /** `rollbook serve .`; answers when it says what must be heard. */
    async serve(heard: RegExp): Promise<ChildProcess> {
      const child = start(process.execPath, [ROLLBOOK, "serve", "."]);
      let said = "";
      child.stderr!.on("data", (text: string) => {
        said += text;
      });
      await until(
        () => heard.test(said) || child.exitCode !== null,
        () => `serve said:\n${said}`,
      );
      token = /rbk_[\w-]+/.exec(said)?.[0] ?? token;
      return child;
    },
    async reporter(name: string): Promise<string> {
      return (await rollbook("token", name)).out.trim();
    },
    async reload(place: "blue" | "green"): Promise<void> {
      await fetch(`http://127.0.0.1:${ports[place]}/admin/reload`, { method: "POST" });
    },
    async stop(): Promise<void> {
      const ended = [...running].map((child) => once(child, "close"));
      for (const child of running) child.kill("SIGKILL");
      await Promise.all(ended);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export type TutorialWorld = Awaited<ReturnType<typeof tutorialWorld>>;

/** Waits for at most half a minute. */
export async function until(so: () => boolean | Promise<boolean>, otherwise: () => string): Promise<void> {
  for (const began = Date.now(); Date.now() - began < 30_000; await sleep(100)) if (await so()) return;
  throw new Error(`nothing happened for 30 s; ${otherwise()}`);
}

function substitute(text: string, ports: Readonly<Record<keyof typeof PORTS, number>>): string {
  const names = Object.keys(PORTS) as (keyof typeof PORTS)[];
  return names.reduce((sofar, name) => sofar.replaceAll(String(PORTS[name]), String(ports[name])), text);
}

/** Free at this moment, and all different. */
async function freePorts() {
  const servers = Object.keys(PORTS).map(() => createServer().listen(0, "127.0.0.1"));
  await Promise.all(servers.map((server) => once(server, "listening")));
  const found = servers.map((server) => (server.address() as { readonly port: number }).port);
  await Promise.all(servers.map((server) => once(server.close(), "close")));
  return Object.fromEntries(Object.keys(PORTS).map((name, i) => [name, found[i]])) as Record<
    keyof typeof PORTS,
    number
  >;
}
