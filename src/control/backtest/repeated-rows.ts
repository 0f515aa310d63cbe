import { type Columns, contradiction } from "./sample-table.ts";

/**
 * Rows that say again what another one said: exports overlap, and a block of one node and sequence never changes.
 * @throws DATA_INVALID where two rows cannot both be meant
 */
export function repeatedRows(columns: Columns, order: Uint32Array): ReadonlySet<number> {
  const repeated = new Set<number>();
  let first = order[0] ?? 0;
  for (let place = 1; place < order.length; place++) {
    const row = order[place]!;
    if (!sameBlock(columns, first, row)) {
      first = row;
      continue;
    }
    if (columns.files[columns.file.get(row)]?.perAnswer) continue;
    const there = placeOf(columns, first);
    const equal = columns.n.get(row) === columns.n.get(first) && columns.k.get(row) === columns.k.get(first);
    const numbered = !Number.isNaN(columns.sequence.get(row));
    if (numbered && equal) repeated.add(row);
    else if (numbered)
      throw contradiction(
        columns,
        row,
        `it has the node, sequence and time of ${there}, and other counts: a block never changes`,
      );
    else if (columns.n.get(row) > 1 || columns.n.get(first) > 1)
      throw contradiction(
        columns,
        row,
        `it counts the same time, release and signal as ${there}; were that two nodes, a column \`node\` must tell them apart, and a repeated row must go`,
      );
  }
  return repeated;
}

function sameBlock(columns: Columns, one: number, other: number): boolean {
  return columns.at.get(one) === columns.at.get(other) && sameKey(columns, one, other);
}

/** Do two rows count the same, but for the time? */
export function sameKey({ release, signal, group, node, sequence }: Columns, one: number, other: number): boolean {
  for (const column of [release, signal, group, node]) if (column.get(one) !== column.get(other)) return false;
  return Object.is(sequence.get(one), sequence.get(other));
}

function placeOf(columns: Columns, row: number): string {
  return `line ${columns.line.get(row)} of ${columns.files[columns.file.get(row)]?.name}`;
}
