// A real smart-HTTP remote: git's own http-backend behind a small CGI server on 127.0.0.1.
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface RemoteOptions {
  readonly command?: string;
  /** `USER:PASSWORD` that every call must bring. */
  readonly credentials?: string;
}

export interface GitRemote {
  readonly url: string;
  readonly folder: string;
  /** The bare repository that is served. */
  readonly repository: string;
  /** Runs git on the repository, behind the server's back. */
  git(args: readonly string[], input?: string): string;
  /** Commits files on top of a branch; a text of undefined removes its file. */
  commit(files: Readonly<Record<string, string | undefined>>, branch?: string): string;
  hook(name: string, script: string): void;
  /** Called before a request reaches git; answers whether to break the connection, and when. */
  onRequest: (path: string) => "serve" | "break-before" | "break-after";
  stop(): Promise<void>;
}

export const MEMORY = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();
const SETTINGS = { GIT_CONFIG_NOSYSTEM: "1", GIT_CONFIG_GLOBAL: "/dev/null", LC_ALL: "C" };
const templates = new Map<string, string>();

export const OLD = { "deploy/model/params.json": '{"version":11}', "deploy/model/prompt.txt": "be fair" };
export const NEW = { "deploy/model/params.json": '{"version":12}', "deploy/model/prompt.txt": "be quick" };

/** A remote whose branch `main` has NEW (tag v12) and then OLD at deploy/model, beside other files. */
export async function startRemote({ command = "git", credentials }: RemoteOptions = {}): Promise<GitRemote> {
  const folder = mkdtempSync(join(MEMORY, "rollbook-git-"));
  const repository = join(folder, "team/deploy.git");
  cpSync(template(command), repository, { recursive: true });
  const remote = { onRequest: (_: string) => "serve" as "serve" | "break-before" | "break-after" };
  const server = createServer((request, response) => {
    const mood = remote.onRequest(request.url ?? "");
    if (mood === "break-before") return request.socket.destroy();
    const known = `Basic ${Buffer.from(credentials ?? "").toString("base64")}`;
    if (credentials !== undefined && request.headers.authorization !== known) {
      return response.writeHead(401, { "www-authenticate": 'Basic realm="git"' }).end();
    }
    return serve(command, folder, request, response, mood === "break-after");
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return Object.assign(remote, {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/team/deploy.git`,
    folder,
    repository,
    git: (args: readonly string[], input?: string) => git(command, repository, args, input),
    commit: (files: Readonly<Record<string, string | undefined>>, branch = "main") =>
      commit(command, repository, files, branch),
    hook(name: string, script: string) {
      mkdirSync(join(repository, "hooks"), { recursive: true });
      writeFileSync(join(repository, "hooks", name), `#!/bin/sh\n${script}\n`);
      chmodSync(join(repository, "hooks", name), 0o755);
    },
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  });
}

function template(command: string): string {
  const known = templates.get(command);
  if (known !== undefined) return known;
  const folder = mkdtempSync(join(MEMORY, "rollbook-git-template-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  git(command, folder, ["init", "--quiet", "--bare", "--template=", "--initial-branch=main", "."]);
  git(command, folder, ["config", "http.receivepack", "true"]);
  commit(command, folder, { ...NEW, "README.md": "ours", "deploy/other/x": "1" }, "main");
  git(command, folder, ["tag", "v12", "main"]);
  commit(command, folder, OLD, "main");
  templates.set(command, folder);
  return folder;
}

function git(command: string, folder: string, args: readonly string[], input?: string): string {
  const env = { PATH: process.env["PATH"] ?? "", HOME: folder, ...SETTINGS };
  return execFileSync(command, args, { cwd: folder, env, input: input ?? "", encoding: "utf8" }).trimEnd();
}

function commit(
  command: string,
  folder: string,
  files: Readonly<Record<string, string | undefined>>,
  branch: string,
): string {
  const data = (text: string) => `data ${Buffer.byteLength(text)}\n${text}\n`;
  const ref = `refs/heads/${branch}`;
  const head = git(command, folder, ["for-each-ref", "--format=%(objectname)", ref]);
  const lines = Object.entries(files).map(([path, text]) =>
    text === undefined ? `D ${path}\n` : `M 100644 inline ${path}\n${data(text)}`,
  );
  const from = head === "" ? "" : `from ${head}\n`;
  const who = "committer A Rival <rival@example.org> 1700000000 +0000";
  git(
    command,
    folder,
    ["fast-import", "--quiet"],
    `commit ${ref}\n${who}\n${data("a change by hand")}${from}${lines.join("")}\n`,
  );
  return git(command, folder, ["rev-parse", ref]);
}

/** RFC 3875, as far as git-http-backend(1) asks for it. */
function serve(
  command: string,
  root: string,
  request: IncomingMessage,
  response: ServerResponse,
  breakAfter: boolean,
): void {
  const [path = "", query = ""] = (request.url ?? "").split("?");
  const header = (name: string) => String(request.headers[name] ?? "");
  const env = {
    PATH: process.env["PATH"] ?? "",
    ...SETTINGS,
    GIT_PROJECT_ROOT: root,
    GIT_HTTP_EXPORT_ALL: "1",
    PATH_INFO: path,
    QUERY_STRING: query,
    REQUEST_METHOD: request.method ?? "GET",
    CONTENT_TYPE: header("content-type"),
    HTTP_CONTENT_ENCODING: header("content-encoding"),
    GIT_PROTOCOL: header("git-protocol"),
    REMOTE_ADDR: "127.0.0.1",
  };
  const child = spawn(command, ["http-backend"], { env, stdio: ["pipe", "pipe", "ignore"] });
  request.pipe(child.stdin);
  child.stdin.on("error", () => undefined);
  const out: Buffer[] = [];
  child.stdout.on("data", (piece: Buffer) => out.push(piece));
  child.once("close", () => {
    if (breakAfter) return request.socket.destroy();
    const answer = Buffer.concat(out);
    const end = answer.indexOf("\r\n\r\n");
    const headers = answer.subarray(0, end).toString("latin1").split("\r\n");
    const pairs = headers.map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1).trim()]);
    const status = Number(pairs.find(([name]) => name === "Status")?.[1]?.slice(0, 3) ?? 200);
    for (const [name = "", value = ""] of pairs) if (name !== "Status" && name !== "") response.setHeader(name, value);
    return response.writeHead(status).end(answer.subarray(end + 4));
  });
}
