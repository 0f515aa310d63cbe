import type { Random } from "../../../src/core/ports.ts";
import type { DiskEvent } from "./disk-trace.ts";

/** The smallest piece that a disk writes whole. */
const SECTOR = 512;

type Pending = { readonly at: number; readonly bytes: Buffer } | { readonly size: number };

interface DiskFile {
  /** What a sync has made durable. */
  durable: Buffer;
  /** What was written since, oldest first. */
  pending: Pending[];
}

/** What of the unsynced writes a power cut leaves. */
type Loss = "all" | "none" | "sectors" | "writes" | "some sectors";

const LOSSES: readonly Loss[] = ["all", "none", "sectors", "writes", "some sectors"];

/**
 * A disk that keeps what is written in its cache until a sync. A power cut leaves what was synced, and of the rest any
 * part: whole writes, or sectors of them, in any order. The same holds for names until the folder is synced.
 */
export function createDisk() {
  const files = new Map<string, DiskFile>();
  let names = new Map<string, DiskFile>();
  const fileAt = (name: string): DiskFile => {
    const file = files.get(name);
    if (!file) throw new Error(`${name} was written and never made`);
    return file;
  };
  return {
    apply(event: DiskEvent): void {
      if (event.kind === "create" && !files.has(event.file))
        files.set(event.file, { durable: Buffer.alloc(0), pending: [] });
      else if (event.kind === "unlink") files.delete(event.file);
      else if (event.kind === "sync-names") names = new Map(files);
      else if (event.kind === "write") fileAt(event.file).pending.push(event);
      else if (event.kind === "truncate") fileAt(event.file).pending.push(event);
      else if (event.kind === "sync") {
        const file = fileAt(event.file);
        file.durable = written(file.durable, file.pending, () => true);
        file.pending = [];
      }
    },
    /** What is on the disk when the power goes now. */
    cut(random: Random): ReadonlyMap<string, Buffer> {
      // Before its first sync of names a file may be there or not; after an unlink it may be there still.
      const left = new Map(names);
      for (const [name, file] of files) if (names.get(name) !== file && random.next() < 0.5) left.set(name, file);
      for (const name of names.keys()) if (!files.has(name) && random.next() < 0.5) left.delete(name);
      const loss = LOSSES[Math.floor(random.next() * LOSSES.length)]!;
      return new Map([...left].map(([name, file]) => [name, written(file.durable, file.pending, keeps(loss, random))]));
    },
  };
}

/** Asked at the beginning of each write, and for each of its sectors. */
function keeps(loss: Loss, random: Random): (what: "write" | "sector") => boolean {
  if (loss === "none") return () => true;
  if (loss === "all") return () => false;
  if (loss === "writes") return (what) => what === "sector" || random.next() < 0.5;
  const share = loss === "sectors" ? 0.5 : 0.9;
  return (what) => what === "write" || random.next() < share;
}

function written(before: Buffer, pending: readonly Pending[], keep: (what: "write" | "sector") => boolean): Buffer {
  let content = before;
  let owned = false;
  const reach = (size: number) => {
    if (owned && size <= content.length) return;
    const next = Buffer.alloc(Math.max(size, content.length));
    content.copy(next);
    [content, owned] = [next, true];
  };
  const furthest = pending.reduce(
    (most, one) => ("bytes" in one ? Math.max(most, one.at + one.bytes.length) : most),
    0,
  );
  let size = before.length;
  for (const one of pending) {
    if (!keep("write")) continue;
    if ("size" in one) {
      if (!keep("sector")) continue;
      reach(Math.max(furthest, one.size));
      content.fill(0, one.size);
      size = one.size;
      continue;
    }
    reach(furthest);
    for (let from = 0; from < one.bytes.length; ) {
      const end = Math.min(one.bytes.length, from + SECTOR - ((one.at + from) % SECTOR));
      if (keep("sector")) {
        one.bytes.copy(content, one.at + from, from, end);
        size = Math.max(size, one.at + end);
      }
      from = end;
    }
  }
  return content.subarray(0, size);
}
