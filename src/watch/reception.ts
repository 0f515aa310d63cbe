import type { Sample } from "../core/sample.ts";

/** Sorts samples into the batches that they arrived in, and drops what was taken before. */
export interface Reception {
  /**
   * New batches, one node and sequence each, in the order in which they became known, so that a replay takes them as they
   * were taken; what became known together, by node and then sequence. A batch is handed over whole.
   */
  admit(samples: readonly Sample[]): readonly (readonly Sample[])[];
}

const inOrder = (a: Sample, b: Sample) => (a.node < b.node ? -1 : a.node > b.node ? 1 : a.sequence - b.sequence);

/** Memory is a few numbers per node while its sequences have no gaps. */
export function createReception(): Reception {
  const nodes = new Map<string, Sequences>();
  return {
    admit(samples) {
      return batchesOf(samples).filter(([first]) => {
        const { node, sequence } = first!;
        const known = nodes.get(node);
        if (!known) nodes.set(node, { first: sequence, last: sequence, apart: new Set() });
        return !known || takeIn(known, sequence);
      });
    },
  };
}

/** Each row once. Most often all of it is one batch already. */
function batchesOf(samples: readonly Sample[]): readonly (readonly Sample[])[] {
  const [first] = samples;
  if (!first) return [];
  if (samples.every((one) => one.sequence === first.sequence && one.node === first.node)) return [distinct(samples)];
  const batches: Sample[][] = [];
  for (const sample of samples.toSorted(inOrder)) {
    const batch = batches.at(-1);
    if (batch && inOrder(batch[0]!, sample) === 0) batch.push(sample);
    else batches.push([sample]);
  }
  return asKnown(batches).map(distinct);
}

/** In the order in which they became known; a clock that was set back changes no order within a node. */
function asKnown(batches: readonly Sample[][]): readonly Sample[][] {
  let before: { readonly node: string; readonly known: number } | undefined;
  return batches
    .map((batch) => {
      const { node, known = 0 } = batch[0]!;
      before = { node, known: before?.node === node ? Math.max(before.known, known) : known };
      return { batch, known: before.known };
    })
    .sort((a, b) => a.known - b.known)
    .map(({ batch }) => batch);
}

/** So few rows are compared one by one: that is quicker than keys. */
const FEW = 16;

/** The first of equal rows. */
function distinct(batch: readonly Sample[]): readonly Sample[] {
  if (batch.length <= FEW)
    return hasTwins(batch)
      ? batch.filter((row, index) => batch.findIndex((other) => isSameRow(row, other)) === index)
      : batch;
  const rows = new Map<string, Sample>();
  for (const sample of batch) {
    const row = `${sample.bucket}/${sample.release}/${sample.signal}/${sample.group ?? ""}`;
    if (!rows.has(row)) rows.set(row, sample);
  }
  return rows.size === batch.length ? batch : [...rows.values()];
}

function hasTwins(batch: readonly Sample[]): boolean {
  for (let i = 1; i < batch.length; i++) for (let j = 0; j < i; j++) if (isSameRow(batch[i]!, batch[j]!)) return true;
  return false;
}

function isSameRow(a: Sample, b: Sample): boolean {
  return a.signal === b.signal && a.release === b.release && a.bucket === b.bucket && a.group === b.group;
}

/** All from `first` to `last`, and those `apart`. */
interface Sequences {
  first: number;
  last: number;
  readonly apart: Set<number>;
}

/** Notes a sequence; false when it was there. */
function takeIn(known: Sequences, sequence: number): boolean {
  if ((sequence >= known.first && sequence <= known.last) || known.apart.has(sequence)) return false;
  if (known.apart.size === 0 && sequence === known.last + 1) {
    known.last = sequence;
    return true;
  }
  known.apart.add(sequence);
  while (known.apart.delete(known.last + 1)) known.last += 1;
  while (known.apart.delete(known.first - 1)) known.first -= 1;
  return true;
}
