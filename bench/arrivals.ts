// Times from the arrival of a request to the moment at which its events were seen, where only their number is known: what
// came first is taken to be seen first.

export interface Arrivals {
  /** From now on requests count, each of so many events. */
  watch(eventsOfOneRequest: number): void;
  /** A request came in; nothing while nobody watches. */
  note(): void;
  /** So many events are seen now. */
  seen(events: number): void;
  /** Milliseconds of each event that was seen. */
  readonly latencies: readonly number[];
}

export function createArrivals(): Arrivals {
  /** When each request came in, and how many of its events were not seen yet. */
  const open: { readonly at: number; left: number }[] = [];
  const latencies: number[] = [];
  let each = 0;
  return {
    latencies,
    watch: (eventsOfOneRequest) => {
      each = eventsOfOneRequest;
    },
    note: () => {
      if (each > 0) open.push({ at: performance.now(), left: each });
    },
    seen(events) {
      const now = performance.now();
      for (let left = events; left > 0 && open[0]; ) {
        const taken = Math.min(left, open[0].left);
        for (let event = 0; event < taken; event++) latencies.push(now - open[0].at);
        left -= taken;
        open[0].left -= taken;
        if (open[0].left === 0) open.shift();
      }
    },
  };
}
