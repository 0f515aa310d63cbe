import type { Counter } from "../traffic/attribution/counter.ts";

/** A counter whose inside can be exchanged while the edge goes on using it: a new playbook has other signals. */
export interface SwitchableCounter extends Counter {
  /** What the old one has counted and nobody took is handed out first. */
  exchange(next: Counter): void;
}

export function createSwitchableCounter(first: Counter): SwitchableCounter {
  let current = first;
  const known = new Set<Parameters<Counter["know"]>[0]>();
  let left: ReturnType<Counter["drain"]> = [];
  return {
    know(release) {
      known.add(release);
      current.know(release);
    },
    count: (second, release, ending, unit) => current.count(second, release, ending, unit),
    report: (request, counts, terms) => current.report(request, counts, terms),
    reportArm: (report) => current.reportArm(report),
    takeBlock: (block) => current.takeBlock(block),
    restartUnits: () => current.restartUnits(),
    endStretch: () => current.endStretch(),
    knows: (release) => current.knows(release),
    drain() {
      const samples = [...left, ...current.drain()];
      left = [];
      return samples;
    },
    get answers() {
      return current.answers;
    },
    exchange(next) {
      left = [...left, ...current.drain()];
      for (const release of known) next.know(release);
      current = next;
    },
  };
}
