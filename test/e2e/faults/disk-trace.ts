import { basename } from "node:path";

/** What a process did to the files of a folder, and what it said, in its order. */
export type DiskEvent =
  | { readonly kind: "write"; readonly file: string; readonly at: number; readonly bytes: Buffer }
  | { readonly kind: "truncate"; readonly file: string; readonly size: number }
  | { readonly kind: "create" | "unlink" | "sync"; readonly file: string }
  /** Names that were made or taken away are durable from here on. */
  | { readonly kind: "sync-names" }
  | { readonly kind: "said"; readonly text: string };

/** Arguments of strace(1) for a trace that `diskEvents` reads; of the main thread, where SQLite runs. */
export const TRACE_ARGUMENTS = [
  "-y",
  "-s",
  "1000000",
  "-xx",
  "-e",
  "trace=openat,pwrite64,write,writev,pwritev,fsync,fdatasync,sync_file_range,ftruncate,unlink,unlinkat,rename",
];

const CALL = /^(\w+)\((.*)\)\s+= (-?\d+)/s;
const DESCRIPTOR = /^(\d+)<([^>]*)>/;
const bytesOf = (text: string) => Buffer.from(text.replaceAll("\\x", ""), "hex");
const pathIn = (text: string) => (text.includes("\\x") ? bytesOf(text).toString() : text);
const stringIn = (text: string) => bytesOf(/"([^"]*)"/.exec(text)?.[1] ?? "");

/** @throws on a call that it does not understand: a trace that misses a write proves nothing. */
export function diskEvents(trace: string, folder: string): readonly DiskEvent[] {
  return trace.split("\n").flatMap((line) => eventIn(line, folder) ?? []);
}

/** SQLite's index of its log is shared memory: it is made anew after a crash, whatever is in it. */
const isIndex = (file: string) => file.endsWith("-shm");

function eventIn(line: string, folder: string): DiskEvent | undefined {
  const found = CALL.exec(line);
  if (!found) return undefined;
  const [, call = "", args = "", result = ""] = found;
  if (Number(result) < 0) return undefined;
  const [, descriptor = "", path = ""] = DESCRIPTOR.exec(args) ?? [];
  const target = pathIn(path);
  if (call === "write" && descriptor === "1") return { kind: "said", text: stringIn(args).toString().trim() };
  if (call === "openat" || call.startsWith("unlink")) {
    const name = stringIn(args).toString();
    if (!name.startsWith(`${folder}/`) || isIndex(name) || (call === "openat" && !args.includes("O_CREAT")))
      return undefined;
    return { kind: call === "openat" ? "create" : "unlink", file: basename(name) };
  }
  if (target === folder && call.endsWith("sync")) return { kind: "sync-names" };
  if (!target.startsWith(`${folder}/`)) return undefined;
  const file = basename(target);
  if (isIndex(file)) return undefined;
  const last = Number(/(\d+)$/.exec(args)?.[1]);
  if (call === "fsync" || call === "fdatasync") return { kind: "sync", file };
  if (call === "ftruncate") return { kind: "truncate", file, size: last };
  if (call !== "pwrite64") throw new Error(`an unknown way to write: ${line.slice(0, 200)}`);
  const bytes = stringIn(args);
  if (bytes.length !== Number(result)) throw new Error(`a write that is not whole in the trace: ${line.slice(0, 200)}`);
  return { kind: "write", file, at: last, bytes };
}
