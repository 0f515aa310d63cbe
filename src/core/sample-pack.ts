import { type Digest, digestOf } from "./digest.ts";
import type { ReleaseId } from "./release.ts";
import type { Cells, Sample } from "./sample.ts";

/**
 * Many blocks of counts in one piece, without loss: what a rollout's counts become once they are many, or a decision rests on
 * them. The ledger holds the digest of each, so the counts of a decision are what its ledger says. A pack never changes.
 */
export interface SamplePack {
  /** From 0 on, without gaps, in the order in which the counts were taken. */
  readonly number: number;
  /** Of the body. */
  readonly digest: Digest;
  /** JSON, `PackBody`: nothing but counts, under names that the playbook or the configuration gives. */
  readonly body: string;
}

/** One signal of one release, or one group of it. */
type Series = readonly [signal: string, release: ReleaseId, group?: string];
type Row = readonly [series: number, n: number, k: number, cells?: Cells];
/** What one node counted of one second, under one sequence. */
type Block = readonly [node: number, sequence: number, known: number | null, bucket: number, ...rows: Row[]];

interface PackBody {
  readonly v: 1;
  readonly nodes: readonly string[];
  readonly series: readonly Series[];
  readonly blocks: readonly Block[];
}

export function packOf(number: number, samples: readonly Sample[]): SamplePack {
  const nodes = new Map<string, number>();
  const series = new Map<string, number>();
  const blocks: (number | null | Row)[][] = [];
  let last: Sample | undefined;
  for (const sample of samples) {
    const { node, sequence, known, bucket, signal, release, group, n, k, cells } = sample;
    const name = JSON.stringify(group === undefined ? [signal, release] : [signal, release, group]);
    const row: Row = cells ? [placeIn(series, name), n, k, cells] : [placeIn(series, name), n, k];
    if (last && isTogether(last, sample)) blocks.at(-1)!.push(row);
    else blocks.push([placeIn(nodes, node), sequence, known ?? null, bucket, row]);
    last = sample;
  }
  const names = [...series.keys()].join(",");
  const body = `{"v":1,"nodes":${JSON.stringify([...nodes.keys()])},"series":[${names}],"blocks":${JSON.stringify(blocks)}}`;
  return { number, digest: digestOf(body), body };
}

/** The blocks as they were given, in their order. */
export function samplesIn({ body }: Pick<SamplePack, "body">): readonly Sample[] {
  const { nodes, series, blocks } = JSON.parse(body) as PackBody;
  return blocks.flatMap(([node, sequence, known, bucket, ...rows]) =>
    rows.map(([place, n, k, cells]) => {
      const [signal, release, group] = series[place]!;
      return {
        node: nodes[node]!,
        sequence,
        bucket,
        signal,
        release,
        n,
        k,
        ...(group === undefined ? {} : { group }),
        ...(known === null ? {} : { known }),
        ...(cells ? { cells } : {}),
      };
    }),
  );
}

/** What is in packs, and what is not yet, in the order of their keys; the first block under a key counts. */
export function withPacked(packs: readonly Pick<SamplePack, "body">[], samples: readonly Sample[]): readonly Sample[] {
  if (packs.length === 0) return samples;
  const byKey = new Map<string, Sample>();
  for (const sample of [...packs.flatMap(samplesIn), ...samples]) {
    const key = keyOf(sample);
    if (!byKey.has(key)) byKey.set(key, sample);
  }
  return [...byKey.values()].sort(byKeyOfSamples);
}

/**
 * The same for whoever needs no more than sums: what is packed is one block for each second, signal, release and group.
 * A long rollout is millions of blocks otherwise.
 */
export function summedUp(packs: readonly Pick<SamplePack, "body">[], samples: readonly Sample[]): readonly Sample[] {
  if (packs.length === 0) return samples;
  const unpacked = new Map(samples.map((sample) => [keyOf(sample), sample]));
  const sums = new Map<string, Sample>();
  for (const pack of packs) {
    for (const sample of samplesIn(pack)) {
      if (unpacked.size > 0) unpacked.delete(keyOf(sample));
      const { known: _, ...one } = { ...sample, node: "packed", sequence: 0 };
      const key = keyOf(one);
      const sum = sums.get(key);
      sums.set(key, sum ? { ...one, n: sum.n + one.n, k: sum.k + one.k, ...cellsOfBoth(sum.cells, one.cells) } : one);
    }
  }
  return [...sums.values(), ...unpacked.values()].sort(byKeyOfSamples);
}

function cellsOfBoth(a: Cells | undefined, b: Cells | undefined): Pick<Sample, "cells"> {
  if (!a || !b) return a || b ? { cells: (a ?? b)! } : {};
  const sums = new Map(a);
  for (const [cell, count] of b) sums.set(cell, (sums.get(cell) ?? 0) + count);
  return { cells: [...sums].sort(([one], [other]) => one - other) };
}

/** By second, node and sequence; of one such, the whole signal comes before its groups. */
export function byKeyOfSamples(a: Sample, b: Sample): number {
  return (
    a.bucket - b.bucket ||
    byText(a.node, b.node) ||
    a.sequence - b.sequence ||
    byText(a.signal, b.signal) ||
    byText(a.release, b.release) ||
    byText(a.group === undefined ? "" : `=${a.group}`, b.group === undefined ? "" : `=${b.group}`)
  );
}

function byText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** One text for each key that samples can have. */
export function keyOf({ node, sequence, bucket, signal, release, group }: Sample): string {
  const lengths = `${node.length} ${signal.length} ${release.length}`;
  return `${sequence} ${bucket} ${lengths} ${node}${signal}${release}${group === undefined ? "" : `=${group}`}`;
}

function placeIn(places: Map<string, number>, name: string): number {
  const known = places.get(name);
  if (known !== undefined) return known;
  places.set(name, places.size);
  return places.size - 1;
}

function isTogether(a: Sample, b: Sample): boolean {
  return a.node === b.node && a.sequence === b.sequence && a.bucket === b.bucket && a.known === b.known;
}
