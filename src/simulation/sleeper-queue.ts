import type { Instant, Milliseconds } from "../core/time.ts";

/** Someone asleep on a simulated clock. */
export interface Sleeper {
  readonly due: Instant;
  readonly order: number;
  readonly span: Milliseconds;
  readonly wake: () => void;
  awake: boolean;
}

/** Sleepers, earliest first. */
export interface SleeperQueue {
  push(sleeper: Sleeper): void;
  peek(): Sleeper | undefined;
  pop(): Sleeper | undefined;
  sleepers(): readonly Sleeper[];
}

/** A binary heap by due time and then by order; those who woke by themselves are dropped when they surface. */
export function createSleeperQueue(): SleeperQueue {
  const heap: Sleeper[] = [];
  const before = (a: Sleeper, b: Sleeper) => a.due < b.due || (a.due === b.due && a.order < b.order);

  function push(sleeper: Sleeper): void {
    let index = heap.push(sleeper) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (before(heap[parent]!, sleeper)) break;
      heap[index] = heap[parent]!;
      index = parent;
    }
    heap[index] = sleeper;
  }

  function removeTop(): void {
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++;
      if (child >= heap.length || before(last, heap[child]!)) break;
      heap[index] = heap[child]!;
      index = child;
    }
    heap[index] = last;
  }

  function peek(): Sleeper | undefined {
    while (heap[0]?.awake) removeTop();
    return heap[0];
  }

  return {
    push,
    peek,
    pop(): Sleeper | undefined {
      const top = peek();
      if (top !== undefined) removeTop();
      return top;
    },
    sleepers: (): readonly Sleeper[] =>
      heap.filter((one) => !one.awake).sort((a, b) => a.due - b.due || a.order - b.order),
  };
}
