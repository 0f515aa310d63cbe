import type { CrashPoint } from "../restore/crash-point.ts";
import type { ControlPorts } from "./ports.ts";

/** Ports of a process: once it is dead nothing is answered any more, and nothing that it says is heard. */
export function mortalPorts(ports: ControlPorts, crashAt: CrashPoint | undefined) {
  const { promise: death, resolve } = Promise.withResolvers<void>();
  let alive = true;
  const kill = () => {
    alive = false;
    resolve();
  };
  const gate = async <T>(call: () => Promise<T>): Promise<T> => {
    if (!alive) return new Promise(() => undefined);
    const answer = await call();
    return alive ? answer : new Promise(() => undefined);
  };
  const { store, clock, traffic, adapterFor } = ports;
  const calls = Object.entries(store).map(([name, method]) => [
    name,
    (...given: readonly unknown[]) => gate(() => (method as (...all: unknown[]) => Promise<unknown>)(...given)),
  ]);
  const mortal: ControlPorts = {
    ...ports,
    store: Object.fromEntries(calls),
    clock: { now: clock.now, sleep: (span, signal) => gate(() => clock.sleep(span, signal)) },
    traffic: {
      current: traffic.current,
      ...(traffic.fallbacks ? { fallbacks: traffic.fallbacks } : {}),
      set: (route) => alive && traffic.set(route),
      renew: (system, until) => alive && traffic.renew(system, until),
    },
    adapterFor: (at) => {
      const adapter = adapterFor(at);
      return {
        ...adapter,
        read: (place, signal) => gate(() => adapter.read(place, signal)),
        apply: (request, signal) => gate(() => adapter.apply(request, signal)),
      };
    },
    emit: (event) => alive && ports.emit(event),
    atCrashPoint: (point) => {
      if (!alive || point !== crashAt) return;
      kill();
      throw new Error(`crash at ${point}`);
    },
  };
  return { ports: mortal, kill, death };
}
