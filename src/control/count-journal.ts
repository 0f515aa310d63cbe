import { type Digest, digestOfJson } from "../core/digest.ts";
import type { EntryDraft } from "../core/entry.ts";
import type { Change, Store } from "../core/ports.ts";
import type { Sample } from "../core/sample.ts";
import { packOf, type SamplePack, samplesIn } from "../core/sample-pack.ts";

/** A pack closes when its body has about so many bytes, or one batch more. */
const FULL = 65_536;
/** About what a block takes in a pack: its node, sequence and times; a row of it; a cell. */
const BYTES = { block: 36, row: 10, cell: 8 };
/** Packs that are read at once. */
const PAGE = 16;

/** The counts of a rollout on their way into the store: first as rows, soon and small, then in packs. */
export interface CountJournal {
  /** Takes what was counted; not durable yet. */
  add(samples: readonly Sample[]): void;
  /** What makes all of it durable, once the change is committed. */
  rows(): readonly Change[];
  /** Is there enough for a pack, or one that has to be sent again? */
  isFull(): boolean;
  /**
   * All durable rows in a pack, and the ledger's entry of it; nothing where there are none. The same until `packWritten`.
   * `held`: whoever asks writes it, and sends it again; until then it is nobody else's.
   */
  pack(by?: "held"): readonly Change[];
  packWritten(): void;
  /** The number of a pack that is not known to be written. */
  unwritten(): number | undefined;
  /** All that is packed, the unwritten one too: how many packs and blocks, and one digest over them. */
  packed(): PackedCounts;
}

export interface PackedCounts {
  readonly packs: number;
  readonly blocks: number;
  readonly samples: Digest;
}

/** Of a rollout whose packs these are, and whose rows are in none of them. */
export function createCountJournal(
  rollout: string,
  start: { readonly digests: readonly Digest[]; readonly blocks: number; readonly rows: readonly Sample[] },
  entryOf: (data: EntryDraft["data"]) => Change,
): CountJournal {
  const digests = [...start.digests];
  let blocks = start.blocks;
  let written = [...start.rows];
  let weight = weightOf(written);
  let fresh: Sample[] = [];
  let unwritten: { readonly number: number; readonly changes: readonly Change[]; readonly held: boolean } | undefined;
  return {
    add(samples) {
      fresh.push(...samples);
    },
    rows() {
      if (fresh.length === 0) return [];
      const samples = fresh;
      fresh = [];
      written.push(...samples);
      weight += weightOf(samples);
      return [{ kind: "samples", rollout, samples }];
    },
    isFull: () => (unwritten ? !unwritten.held : weight >= FULL),
    pack(by) {
      if (unwritten) return unwritten.changes;
      if (written.length === 0) return [];
      const pack = packOf(digests.length, written);
      digests.push(pack.digest);
      blocks += written.length;
      const data = { pack: pack.number, digest: pack.digest, blocks: written.length, bytes: pack.body.length };
      written = [];
      weight = 0;
      const changes: readonly Change[] = [{ kind: "pack", rollout, pack }, entryOf(data)];
      unwritten = { number: pack.number, changes, held: by === "held" };
      return changes;
    },
    packWritten() {
      unwritten = undefined;
    },
    unwritten: () => unwritten?.number,
    packed: () => ({ packs: digests.length, blocks, samples: digestOfPacks(digests) }),
  };
}

export function digestOfPacks(digests: readonly Digest[]): Digest {
  return digestOfJson(digests);
}

/** All packs of a rollout, or the first so many of them, a few at a time. */
export async function* packsOf(
  store: Pick<Store, "packs">,
  rollout: string,
  most = Number.MAX_SAFE_INTEGER,
): AsyncGenerator<SamplePack> {
  for (let from = 0; from < most; from += PAGE) {
    const packs = await store.packs(rollout, from, Math.min(PAGE, most - from));
    yield* packs;
    if (packs.length < PAGE) return;
  }
}

/** What stands in the store of a rollout's counts, to go on from. */
export async function readJournal(store: Pick<Store, "packs" | "unpacked">, rollout: string) {
  const digests: Digest[] = [];
  let blocks = 0;
  for await (const pack of packsOf(store, rollout)) {
    digests.push(pack.digest);
    blocks += samplesIn(pack).length;
  }
  return { digests, blocks, rows: await store.unpacked(rollout) };
}

function weightOf(samples: readonly Sample[]): number {
  let weight = 0;
  let last: Sample | undefined;
  for (const sample of samples) {
    if (sample.sequence !== last?.sequence || sample.bucket !== last.bucket) weight += BYTES.block;
    weight += BYTES.row + BYTES.cell * (sample.cells?.length ?? 0);
    last = sample;
  }
  return weight;
}
