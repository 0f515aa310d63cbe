/** Remembers which blocks of edge nodes were taken, so that a repeated one counts once. */
export interface EdgeMemory {
  /** `old`: of a sequence so far back that nobody knows any more whether it was taken. */
  note(node: string, sequence: number, key: string | number): "new" | "duplicate" | "old";
  readonly size: number;
}

interface NodeMemory {
  readonly sequences: Map<number, Set<string | number>>;
  /** Sequences up to this one are forgotten. */
  floor: number;
}

/**
 * Beyond `most` blocks the oldest sequences are forgotten, and refused from then on: a node's sequences rise, so only a
 * repetition comes that late. Beyond `nodes` the node that was heard of first is forgotten, and counts anew.
 */
export function createEdgeMemory(most = 400_000, nodes = 10_000): EdgeMemory {
  const known = new Map<string, NodeMemory>();
  const inOrder: { readonly node: NodeMemory; readonly sequence: number }[] = [];
  let oldest = 0;
  let size = 0;

  function nodeOf(name: string): NodeMemory {
    const found = known.get(name);
    if (found) return found;
    const node: NodeMemory = { sequences: new Map(), floor: -1 };
    known.set(name, node);
    if (known.size > nodes) known.delete(known.keys().next().value!);
    return node;
  }

  function forget(): void {
    while (size > most && oldest < inOrder.length - 1) {
      const { node, sequence } = inOrder[oldest++]!;
      size -= node.sequences.get(sequence)!.size;
      node.sequences.delete(sequence);
      node.floor = Math.max(node.floor, sequence);
    }
    if (oldest > 1024 && oldest * 2 > inOrder.length) oldest -= inOrder.splice(0, oldest).length;
  }

  return {
    note(name, sequence, key) {
      const node = nodeOf(name);
      const keys = node.sequences.get(sequence) ?? new Set<string | number>();
      if (keys.size === 0) {
        if (sequence <= node.floor) return "old";
        node.sequences.set(sequence, keys);
        inOrder.push({ node, sequence });
      }
      const before = keys.size;
      keys.add(key);
      if (keys.size === before) return "duplicate";
      size++;
      if (size > most) forget();
      return "new";
    },
    get size() {
      return size;
    },
  };
}
