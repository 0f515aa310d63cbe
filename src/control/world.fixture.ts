import { type Digest, digestOf } from "../core/digest.ts";
import type { Playbook } from "../core/playbook.ts";
import type { Store } from "../core/ports.ts";
import { defineRelease, type Release } from "../core/release.ts";
import type { Rollout } from "../core/rollout.ts";
import type { Sample } from "../core/sample.ts";
import type { CrashPoint } from "../restore/crash-point.ts";
import { createSimulatedClock, type SimulatedClock } from "../simulation/clock.ts";
import { createSeededIds } from "../simulation/ids.ts";
import { createMemoryStore } from "../simulation/memory-store.ts";
import { createSeededRandom } from "../simulation/random.ts";
import { createSimulatedTarget, type SimulatedTarget } from "../simulation/simulated-target.ts";
import { createSimulatedTraffic, type TrueRate } from "../simulation/simulated-traffic.ts";
import { type Control, createControl } from "./control.ts";
import { mortalPorts } from "./mortal-ports.fixture.ts";
import type { ControlPorts, RolloutEvent, RolloutEventKind, Settings } from "./ports.ts";

export const START = Date.UTC(2027, 0, 1);
const SYSTEM = "loans";
const accepts = { schema: [digestOf("schema 1"), digestOf("schema 2")] };

export const stable = defineRelease(SYSTEM, "release 1", {
  schema: { digest: digestOf("schema 1"), label: "schema 1" },
  model: { digest: digestOf("model 1"), label: "model 1", accepts },
});
export const candidate = defineRelease(SYSTEM, "release 2", {
  schema: { digest: digestOf("schema 2"), label: "schema 2" },
  model: { digest: digestOf("model 2"), label: "model 2", accepts },
});
export const third = defineRelease(SYSTEM, "release 3", {
  ...candidate.revisions,
  schema: stable.revisions["schema"]!,
});

/** What somebody makes of release 1 who puts model 2 in place without Rollbook. */
export const intruder = defineRelease(SYSTEM, "model 2", {
  ...stable.revisions,
  model: { digest: digestOf("model 2"), label: "model 2" },
});

/** What somebody makes of release 1 who puts all of release 2 in place without Rollbook. */
const redeployed = defineRelease(SYSTEM, "schema 2 + model 2", {
  ...intruder.revisions,
  schema: candidate.revisions["schema"]!,
});

/** A component that a playbook may list and no release knows a revision of. */
export const index = { name: "index", at: "sim:schema-beside", undo: "compensatable" } as const;

/** What somebody makes of release 1 who puts model 2 in place, under a playbook that lists the index too. */
const indexed = defineRelease(SYSTEM, "model 2 + schema 1", {
  ...intruder.revisions,
  index: stable.revisions["schema"]!,
});

export const playbook: Playbook = {
  digest: digestOf("playbook"),
  system: SYSTEM,
  owner: "credit-risk",
  risk: "high",
  authority: "act",
  components: [
    { name: "schema", at: "sim:schema", undo: "compensatable" },
    { name: "model", at: "sim:model", undo: "compensatable" },
    { name: "route", at: "gateway:loans", undo: "compensatable" },
  ],
  signals: [
    { name: "losses", kind: "share", part: "defaulted", of: "loans", from: "events", better: "down" },
    { name: "leaks", kind: "count", part: "leaked", of: "requests", from: "gateway", better: "down" },
  ],
  triggers: [
    { kind: "compare", name: "rising", signal: "losses", move: "rises", by: { kind: "relative", value: 0.4 } },
  ],
  hardLimits: [{ name: "leak", signal: "leaks", comparison: ">=", limit: 1, min: 1 }],
  falseAlarms: 0.001,
  how: { steps: [10, 95], each: 3000, holdback: 5, contain: "stable", within: 60_000 },
  fixed: { criteria: [{ kind: "within", signal: "losses", margin: { kind: "relative", value: 0.6 } }], for: 3000 },
  who: { now: ["page://dashboard"] },
};

/** The same, with a second place for everything. */
export const twoPlaces = playbook.components.map((component) =>
  component.name === "route" ? component : { ...component, beside: `${component.at}-beside` },
);

export const settings: Settings = {
  tickMs: 250,
  judgeMs: 250,
  exposureMs: 2000,
  leaseMs: 3000,
  baselineMs: 5000,
  blindMs: 5000,
  patienceMs: 40_000,
  proofMs: 20_000,
  pollMs: 1000,
  readinessMs: 4000,
  holder: "first",
};

export interface WorldOptions {
  /** Another name than `loans`. */
  readonly system?: string;
  /** Another system's world, whose time, store and targets it shares. */
  readonly beside?: { readonly clock: SimulatedClock; readonly store: Store; readonly target: SimulatedTarget };
  readonly store?: Store;
  readonly playbook?: Partial<Playbook>;
  readonly settings?: Partial<Settings>;
  /** True share of losses of release 2; 0.05 is stable's. */
  readonly losses?: number | readonly TrueRate[];
  readonly leaks?: number;
  readonly requestsPerSecond?: number;
  /** Outcomes of release 2 never arrive. */
  readonly blind?: boolean;
  /** Rivals beside the targets, by address, and what they want. */
  readonly rivals?: Readonly<Record<string, Digest>>;
  readonly fallbacks?: { readonly else: boolean; readonly safe: boolean };
  /** From the first restore on this release loses three times in ten, whatever it did before. */
  readonly sickAfterRestore?: Release["id"];
  /** From the first restore on no outcome arrives. */
  readonly silentAfterRestore?: boolean;
  /** Replaces some ports of every controller. */
  readonly ports?: (ports: ControlPorts) => Partial<ControlPorts>;
}

/** Ports whose targets take so long to be read. */
export const slowly =
  (ms: number): NonNullable<WorldOptions["ports"]> =>
  ({ adapterFor, clock }) => ({
    adapterFor: (at) => ({
      ...adapterFor(at),
      read: async (place, signal) => {
        await clock.sleep(ms, signal);
        return adapterFor(at).read(place, signal);
      },
    }),
  });

/** A protected system in memory: simulated time, targets and traffic, and controllers that can be killed. */
export function createControlWorld(options: WorldOptions = {}) {
  const { system = SYSTEM, beside } = options;
  const clock = beside?.clock ?? createSimulatedClock(START);
  const random = createSeededRandom("control");
  const store = options.store ?? beside?.store ?? createMemoryStore();
  const held = (name: string) => [digestOf(`${name} 1`), digestOf(`${name} 2`)] as const;
  const own = ({ label, revisions }: Release) => defineRelease(system, label, revisions);
  const newTarget = () =>
    createSimulatedTarget({
      clock,
      random: random.fork("target"),
      revisions: {
        "sim:schema": held("schema"),
        "sim:model": held("model"),
        "sim:schema-beside": held("schema"),
        "sim:model-beside": held("model"),
        "sim:cards-schema": held("schema"),
        "sim:cards-model": held("model"),
      },
      ...(options.rivals ? { rivals: options.rivals } : {}),
    });
  const target = beside?.target ?? newTarget();
  const rates = (bad: NonNullable<WorldOptions["losses"]>, good: number) => {
    const harmful = [candidate, intruder, redeployed, indexed].map((release) => [own(release).id, bad] as const);
    return { ...Object.fromEntries(harmful), [own(stable).id]: good, [own(third).id]: good };
  };
  const traffic = createSimulatedTraffic({
    clock,
    random: random.fork("traffic"),
    route: { system, epoch: 0, stable: own(stable).id, candidatePpm: 0 },
    requestsPerSecond: options.requestsPerSecond ?? 1000,
    ...(options.fallbacks ? { fallbacks: options.fallbacks } : {}),
    signals: [
      { name: "losses", rates: rates(options.losses ?? 0.05, 0.05) },
      { name: "leaks", kind: "count", rates: rates(options.leaks ?? 0, 0) },
    ],
  });
  const ids = createSeededIds(random.fork(beside ? `ids of ${system}` : "ids"));
  const events: RolloutEvent[] = [];
  const notices: string[] = [];
  const book: Playbook = { ...playbook, system, ...options.playbook };

  /** What reaches the controller of what happened. */
  const asTold = (samples: readonly Sample[]): readonly Sample[] => {
    const restored = events.some(({ kind }) => kind === "restored");
    if (restored && options.silentAfterRestore) return [];
    return samples
      .filter(({ release }) => !options.blind || ![candidate.id, intruder.id].includes(release))
      .map((sample) => {
        const sick = restored && sample.release === options.sickAfterRestore && sample.signal === "losses";
        return sick ? { ...sample, k: Math.round(sample.n * 0.3) } : sample;
      });
  };

  const shared: ControlPorts = {
    store,
    clock,
    ids,
    traffic,
    signals: {
      drain: () => asTold(traffic.drain()),
    },
    adapterFor: () => target,
    checkpoint: async () => undefined,
    notifier: { notify: async (_, subject, text) => void notices.push(`${subject}: ${text}`) },
    emit: (event) => void events.push(event),
    atCrashPoint: () => undefined,
  };

  let newest: Control;
  let alive = false;
  let watching = new AbortController();
  /** Only the newest controller watches: who was there before has died or has lost the right to. */
  const watch = (by: Control) => {
    watching.abort();
    watching = new AbortController();
    by.watch(watching.signal).catch(() => undefined);
  };

  /** Another controller over the same world, which dies at the crash point if one is given; its playbook may be an edited one. */
  const boot = (holder: string, crashAt?: CrashPoint, edited: Partial<Playbook> = {}) => {
    const ports = { ...shared, ...options.ports?.(shared) };
    const mortal = mortalPorts(ports, crashAt);
    const control = createControl(
      mortal.ports,
      { ...settings, ...options.settings, holder },
      { ...book, ...edited },
      {
        ledger: async () => ({ size: 0, root: "", verified: true, checkpoint: "" }),
        lastCandidateDispatch: () => traffic.lastServed(own(candidate).id),
      },
    );
    newest = control;
    if (alive) watch(control);
    return { control, kill: mortal.kill, death: mortal.death };
  };

  const { control, kill } = boot("first");
  /** Adopts release 1 and sends out another one, release 2 if nothing is said. */
  const release = async (next: Release = candidate, by = control) => {
    await by.adopt(own(stable));
    return by.release(own(next));
  };
  return {
    clock,
    store,
    target,
    traffic,
    events,
    notices,
    playbook: book,
    control,
    kill,
    boot,
    release,
    ended: (id: string): Promise<Rollout> => control.ended(id),
    kinds: (): readonly RolloutEventKind[] => events.map(({ kind }) => kind),
    entries: async () => (await store.entries(0, 10_000)).map(({ leaf }) => JSON.parse(leaf)),
    /** Everything in it happens in simulated time, beside the watch that a server always runs. */
    live: async <T>(story: () => Promise<T>, within = 3_600_000): Promise<T> => {
      alive = true;
      watch(newest);
      try {
        return await clock.run(story(), { within });
      } finally {
        alive = false;
        watching.abort();
      }
    },
    /** Sleeps until it is so, a tick at a time. */
    until: async (so: () => boolean | Promise<boolean>) => {
      while (!(await so())) await clock.sleep(50);
    },
  };
}
