import type { KeyObject } from "node:crypto";
import { explainHeld, type HeldExplanation } from "../control/explain-held.ts";
import type { Checkpoint, Entry, EntryType } from "../core/entry.ts";
import { RollbookError } from "../core/errors.ts";
import { newestAbout } from "../core/leaf.ts";
import type { SamplePack } from "../core/sample-pack.ts";
import { type Verification, verifyLedger } from "../record/ledger/verification.ts";

/** A line of an exported ledger: its signed head, an entry, or a pack of a rollout's counts. */
export type LedgerLine =
  | { readonly checkpoint: Checkpoint }
  | Entry
  | { readonly rollout: string; readonly pack: SamplePack };

/** An exported ledger, as a record that can be asked. */
export interface LedgerFile {
  /** Is it what the holder of this key has signed? The origin is what the head itself says, unless one is given. */
  verify(publicKey: KeyObject, origin?: string): Promise<Verification>;
  /** Rollouts with a decision, the newest last. */
  decided(): readonly string[];
  /** @throws NOT_FOUND without a decision about the rollout */
  explain(rollout: string): Promise<HeldExplanation>;
}

/** @throws USAGE for what is no export of a ledger */
export function readLedgerFile(text: string): LedgerFile {
  const entries: Entry[] = [];
  const packs = new Map<string, SamplePack[]>();
  let checkpoint: Checkpoint | undefined;
  for (const [place, row] of text.split("\n").entries()) {
    if (row.trim() === "") continue;
    const line = lineOf(row, place + 1);
    if ("checkpoint" in line) checkpoint = line.checkpoint;
    else if ("pack" in line) packs.set(line.rollout, [...(packs.get(line.rollout) ?? []), line.pack]);
    else entries.push(line);
  }
  const record = {
    entries: async (from: number, limit: number) => entries.slice(from, from + limit),
    entriesAbout: async (about: string, limit: number, type?: EntryType) => newestAbout(entries, about, limit, type),
    entryCount: async () => entries.length,
    checkpoint: async () => checkpoint,
    packs: async (rollout: string, from: number, limit: number) =>
      (packs.get(rollout) ?? []).filter(({ number }) => number >= from).slice(0, limit),
  };
  return {
    verify: (publicKey, origin) =>
      verifyLedger({
        store: record,
        key: { name: origin ?? checkpoint?.note.split("\n", 1)[0] ?? "", publicKey },
        pinned: [],
        pause: async () => undefined,
        remembered: () => undefined,
      }),
    decided: () => {
      const leaves = entries.map(
        ({ leaf }) => JSON.parse(leaf) as { readonly type: string; readonly rollout?: string },
      );
      return [
        ...new Set(leaves.flatMap(({ type, rollout }) => (type === "evidence-held" && rollout ? [rollout] : []))),
      ];
    },
    explain: (rollout) => explainHeld(record, rollout),
  };
}

function lineOf(row: string, number: number): LedgerLine {
  try {
    const line = JSON.parse(row) as LedgerLine;
    if ("checkpoint" in line || ("leaf" in line && "index" in line) || ("rollout" in line && "pack" in line))
      return line;
  } catch {
    // Said below, with the place.
  }
  throw new RollbookError("USAGE", { what: `line ${number} is none of \`rollbook ledger export\`` });
}
