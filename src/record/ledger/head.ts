import { fromBase64 } from "./base64.ts";
import { HASH_SIZE } from "./merkle.ts";
import { type NoteKey, openNote } from "./note.ts";

/** What a checkpoint signs: which log, how many leaves, and the root over them. */
export interface Head {
  readonly origin: string;
  readonly size: number;
  readonly root: Buffer;
}

/** The three lines of a C2SP tlog-checkpoint: origin, size, base64 of the root. Extension lines are never written. */
export function headText({ origin, size, root }: Head): string {
  return `${origin}\n${size}\n${root.toString("base64")}\n`;
}

/** Reads those lines strictly; undefined for anything that `headText` would not write. */
export function parseHead(text: string): Head | undefined {
  const match = /^([^\n]+)\n(0|[1-9][0-9]*)\n([^\n]+)\n$/.exec(text);
  if (match === null) return undefined;
  const [, origin = "", digits = "", encoded = ""] = match;
  const size = Number(digits);
  const root = fromBase64(encoded);
  return Number.isSafeInteger(size) && root?.length === HASH_SIZE ? { origin, size, root } : undefined;
}

/** The outcome of reading a checkpoint's note. */
export type OpenedHead =
  | { readonly kind: "opened"; readonly head: Head }
  | { readonly kind: "refused"; readonly reason: string };

/** Opens the note of a log's checkpoint: signed by the log's key, about that log and nothing else. */
export function openHead(note: string, key: NoteKey): OpenedHead {
  const opened = openNote(note, [key]);
  if (opened.kind === "refused") return opened;
  const head = parseHead(opened.text);
  if (head === undefined) return { kind: "refused", reason: "the signed text is not a checkpoint" };
  if (head.origin !== key.name) return { kind: "refused", reason: `the checkpoint is of the log ${head.origin}` };
  return { kind: "opened", head };
}
