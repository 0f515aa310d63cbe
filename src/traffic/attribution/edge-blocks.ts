import { countsFlaw, isCount } from "../../core/counts-flaw.ts";
import type { Signal } from "../../core/playbook.ts";
import type { ReleaseId } from "../../core/release.ts";
import type { Sample } from "../../core/sample.ts";
import type { Instant } from "../../core/time.ts";
import { addCell } from "./counting.ts";
import { createEdgeMemory, type EdgeMemory } from "./edge-memory.ts";
import type { GroupLabels } from "./group-labels.ts";
import { rejected } from "./report.ts";
import type { Tallies } from "./tallies.ts";

export type EdgeAnswer =
  | { readonly kind: "new"; readonly otherGroups?: number }
  | { readonly kind: "duplicate" }
  | { readonly kind: "rejected"; readonly reason: string };

export interface EdgeBlocksParts {
  readonly signals: readonly Signal[];
  readonly groups: GroupLabels;
  readonly tallies: Tallies;
  readonly knows: (release: ReleaseId) => boolean;
  readonly now: () => Instant;
  readonly memory?: EdgeMemory;
}

/** A block as an edge node sends it. */
type Block = Omit<Sample, "known">;

const AHEAD_MS = 5_000;
const MOST = 1e12;
const NEEDED = ["node", "sequence", "bucket", "signal", "release", "n", "k"] as const;
const FIELDS = new Set<string>([...NEEDED, "group", "cells"]);

/**
 * Takes counts that other processes have made. They are added to our own of the same second, release, signal and group,
 * so what is kept grows with seconds and signals and not with nodes. Counts that cannot be are refused with the reason.
 */
export function createEdgeBlocks(parts: EdgeBlocksParts) {
  const { signals, groups, tallies, now } = parts;
  const releaseOf = createKnownReleases(parts.knows);
  const places = new Map(signals.map(({ name }, place) => [name, place]));
  const memory = parts.memory ?? createEdgeMemory();
  let heard = now();
  return {
    take(block: unknown): EdgeAnswer {
      const misshapen = misshapeOf(block);
      if (misshapen !== undefined) return rejected(misshapen);
      const { node, sequence, bucket, signal: name, n, k, group, cells } = block as Block;
      const place = places.get(name);
      const signal = place === undefined ? undefined : signals[place];
      if (place === undefined || !signal) return rejected(`there is no signal ${name}`);
      if (signal.from !== "gateway" && signal.from !== "events")
        return rejected(`${name} is counted from ${signal.from} alone`);
      const known = releaseOf((block as Block).release);
      if (!known) return rejected("the release is not known here");
      if (bucket > heard + AHEAD_MS) heard = now();
      const flaw =
        bucket > heard + AHEAD_MS
          ? "bucket lies in the future; look at the node's clock"
          : countsFlaw(signal, n, k, cells);
      if (flaw !== undefined) return rejected(flaw);
      const found = group === undefined ? undefined : groupIn(groups, place, group);
      if (group !== undefined && !found) return rejected(`no trigger tells ${name} apart by the label of ${group}`);
      const taken = memory.note(node, sequence, keyOf(bucket, place, known.place, group));
      if (taken === "old") return rejected(`sequence ${sequence} of ${node} is so old that it may have been counted`);
      if (taken === "duplicate") return DUPLICATE;
      const row = tallies.row(bucket / 1000, known.release, place, found?.group);
      row.n += n;
      row.k += k;
      if (cells) for (const [cell, count] of cells) addCell(row, cell, count);
      return found?.other ? { kind: "new", otherGroups: 1 } : NEW;
    },
  };
}

const NEW: EdgeAnswer = { kind: "new" };
const DUPLICATE: EdgeAnswer = { kind: "duplicate" };
const PLACES = 1024;

/** A number where one can hold it all: most blocks are of no group. */
function keyOf(bucket: Instant, signal: number, release: number, group: string | undefined): string | number {
  if (group === undefined && signal < PLACES && release < PLACES && bucket < 2 ** 42)
    return ((bucket / 1000) * PLACES + release) * PLACES + signal;
  return `${bucket} ${signal} ${release} ${group ?? ""}`;
}

interface KnownRelease {
  /** One string for all blocks, which are read anew each time. */
  readonly release: ReleaseId;
  readonly place: number;
}

/** Who was known once is not asked for again. */
function createKnownReleases(knows: (release: ReleaseId) => boolean) {
  const known = new Map<ReleaseId, KnownRelease>();
  return (release: ReleaseId): KnownRelease | undefined => {
    const found = known.get(release);
    if (found || !knows(release)) return found;
    const first = { release, place: known.size };
    known.set(release, first);
    return first;
  };
}

/** What of a block is missing or no such thing. */
function misshapeOf(block: unknown): string | undefined {
  if (typeof block !== "object" || block === null || Array.isArray(block)) return "a block is no object";
  const { node, sequence, bucket, signal, release, n, k, group, cells } = block as Record<string, unknown>;
  if (typeof node !== "string" || !/^[!-~]{1,100}$/.test(node)) return "node has not 1 to 100 plain characters";
  if (!isCount(sequence)) return "sequence is not a whole number";
  if (!isCount(bucket) || bucket % 1000 !== 0) return "bucket is not the start of a second, in milliseconds since 1970";
  if (typeof signal !== "string" || signal.length > 120) return "signal is no name";
  if (typeof release !== "string" || !release.startsWith("sha256:")) return "release is not sha256: and 64 hex digits";
  if (!isCount(n) || n > MOST) return `n is not a whole number from 0 to ${MOST}`;
  if (!Number.isSafeInteger(k) || Math.abs(k as number) > MOST) return `k is not a whole number up to ${MOST}`;
  if (group !== undefined && (typeof group !== "string" || group.length > 200)) return "group is not LABEL=VALUE";
  if (cells !== undefined && !Array.isArray(cells)) return "cells is not a list of [cell, count]";
  const fields = Object.keys(block);
  if (fields.length === NEEDED.length + (group === undefined ? 0 : 1) + (cells === undefined ? 0 : 1)) return undefined;
  return `a block has no ${fields.find((field) => !FIELDS.has(field))?.slice(0, 100)}`;
}

/** The group as it is counted; undefined where nobody compares it. */
function groupIn(groups: GroupLabels, signal: number, text: string): ReturnType<GroupLabels["groupOf"]> | undefined {
  const border = text.indexOf("=");
  const label = text.slice(0, Math.max(0, border));
  return groups.acrossOf(signal).includes(label) ? groups.groupOf(label, text.slice(border + 1)) : undefined;
}
