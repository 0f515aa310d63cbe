import { digestOf, shortDigest } from "../../core/digest.ts";
import type { Signal, Trigger } from "../../core/playbook.ts";
import type { Sample } from "../../core/sample.ts";
import { type Counter, type CounterOptions, createCounter } from "./counter.ts";
import { mintRequestId, type RequestIdentity } from "./request-id.ts";
import { requestKeyOf } from "./request-key.ts";

export const requestKey = new Uint8Array(32).fill(3);
export const release = digestOf("candidate");
/** In seconds. */
export const NOW = 1000;

export function signalOf(name: string, more: Partial<Signal> = {}): Signal {
  return { name, kind: "share", part: "approved", of: "decisions", from: "events", better: "up", ...more };
}

export function differs(signal: string, across: string): Trigger {
  return { kind: "differ", name: `${signal} ${across}`, signal, across, by: { kind: "points", value: 0.08 } };
}

export function counterOf(signals: readonly Signal[], more: Partial<CounterOptions> & { time?: { now: number } } = {}) {
  const time = more.time ?? { now: NOW * 1000 };
  const clock = { now: () => time.now, sleep: async () => {} };
  const counter = createCounter({ signals, node: "n1", clock, requestKey, ...more });
  counter.know(release);
  return counter;
}

let sequence = 0;
export function idOf(second = NOW, more: Partial<RequestIdentity> = {}): string {
  const identity = { second, variant: "candidate" as const, release: shortDigest(release), sequence: sequence++ };
  return mintRequestId(requestKeyOf(requestKey), { ...identity, ...more });
}

/** What a counter holds, by second, signal and group. */
export function drained(counter: Counter): Record<string, Pick<Sample, "n" | "k" | "cells">> {
  const rows = counter.drain().map(({ bucket, signal, group, n, k, cells }) => {
    const key = [bucket / 1000, signal, ...(group === undefined ? [] : [group])].join(" ");
    return [key, { n, k, ...(cells ? { cells } : {}) }] as const;
  });
  return Object.fromEntries(rows);
}

/** The same summed up over several drains. */
export function summed(drains: readonly Record<string, Pick<Sample, "n" | "k">>[]): Record<string, [number, number]> {
  const sums: Record<string, [number, number]> = {};
  for (const [key, { n, k }] of drains.flatMap(Object.entries<Pick<Sample, "n" | "k">>)) {
    const [before, part] = sums[key] ?? [0, 0];
    sums[key] = [before + n, part + k];
  }
  return sums;
}
