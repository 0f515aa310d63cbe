import type { Sample } from "../core/sample.ts";

/** Sorts samples into the batches that they arrived in, and drops what was taken before. */
export interface Reception {
  /** New batches, one node and sequence each, by node and then sequence. A batch is handed over whole. */
  admit(samples: readonly Sample[]): readonly (readonly Sample[])[];
}

/** Memory is a few numbers per node while its sequences have no gaps. */
export function createReception(): Reception {
  const nodes = new Map<string, Sequences>();
  return {
    admit(samples) {
      const batches = new Map<string, Map<string, Sample>>();
      const order = (a: Sample, b: Sample) => (a.node < b.node ? -1 : a.node > b.node ? 1 : a.sequence - b.sequence);
      for (const sample of samples.toSorted(order)) {
        const batch = `${sample.node}/${sample.sequence}`;
        const rows = batches.get(batch) ?? new Map<string, Sample>();
        batches.set(batch, rows);
        const row = `${sample.bucket}/${sample.release}/${sample.signal}/${sample.group ?? ""}`;
        if (!rows.has(row)) rows.set(row, sample);
      }
      return [...batches.values()]
        .map((rows) => [...rows.values()])
        .filter(([first]) => {
          const { node, sequence } = first!;
          const known = nodes.get(node);
          if (!known) nodes.set(node, { first: sequence, last: sequence, apart: new Set() });
          return !known || takeIn(known, sequence);
        });
    },
  };
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
  known.apart.add(sequence);
  while (known.apart.delete(known.last + 1)) known.last += 1;
  while (known.apart.delete(known.first - 1)) known.first -= 1;
  return true;
}
