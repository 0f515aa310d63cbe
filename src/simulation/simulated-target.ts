import { type Digest, digestOf } from "../core/digest.ts";
import type {
  Applied,
  Clock,
  Guarantee,
  Observed,
  Random,
  RestoreAdapter,
  RestoreRequest,
  RivalRequest,
  Seen,
} from "../core/ports.ts";
import type { Instant } from "../core/time.ts";
import { drawPick } from "./draws.ts";
import { createFaultInjector, type FaultKind, type FaultRates } from "./faults.ts";

/** A change that really happened at the target: what a checker counts, whatever the callers believe. */
export interface Effect {
  readonly at: string;
  readonly time: Instant;
  /** `rival` wrote behind our back. */
  readonly by: "request" | "rival";
  readonly key: string;
  readonly fence: number;
  readonly from: Digest;
  readonly to: Digest;
}

export interface SimulatedTargetOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** For each address what it serves at first and which digests it retains; the first of `held` serves. */
  readonly revisions: Readonly<Record<string, readonly [Digest, ...Digest[]]>>;
  readonly faults?: FaultRates;
  /** For an address what a rival keeps writing there, a second after anything else was written, unless it is frozen. */
  readonly rivals?: Readonly<Record<string, Digest>>;
  /** `cas` without it. `idempotent` knows keys only; `blind` does what it is told, and what serves can be asked for. */
  readonly guarantee?: Guarantee;
}

/** A restore target in memory with seeded faults, and its own truth beside what callers are told. */
export interface SimulatedTarget extends RestoreAdapter {
  /** Every accepted effect, in order. */
  readonly effects: readonly Effect[];
  /** How often each fault was injected. */
  readonly injected: Readonly<Record<FaultKind, number>>;
  /** The next call that can meet this fault meets it. */
  inject(kind: FaultKind): void;
  /** What really serves now. Throws on an unknown address. */
  live(at: string): Digest;
  /** Someone else changes the live revision. */
  rivalWrite(at: string, digest: Digest): void;
  /** The rival of an address does its work now, if it is not frozen. Throws on an unknown address. */
  rivalActs(at: string): void;
  /** What the rival of an address is told: `working`, `working fast`, `frozen`. */
  rivalState(at: string): string | undefined;
  /** Somebody tells the rival something else. */
  tellRival(at: string, state: string): void;
  /** The target loses a revision that it had retained. */
  lose(at: string, digest: Digest): void;
}

interface Place {
  digest: Digest;
  version: number;
  /** The highest fence that has written. */
  fence: number;
  readonly held: Set<Digest>;
  readonly keys: Set<string>;
  /** What readers see instead until then, while a write is not through yet. */
  shown: { readonly digest: Digest; readonly version: number; readonly until: Instant } | undefined;
  writtenAt: Instant;
}

/** A controller beside a place. */
interface Keeper {
  readonly wants: Digest;
  state: string;
  fence: number;
  readonly keys: Set<string>;
}

const FROZEN = "frozen";
/** How long a rival takes to notice. */
const RIVAL_MS = 1000;

/** Addresses are those of `revisions`; any scheme will do. A lost, slow or aborted call answers `unknown`, never throws. */
export function createSimulatedTarget(options: SimulatedTargetOptions): SimulatedTarget {
  const { clock, random, guarantee = "cas" } = options;
  const faults = createFaultInjector(random, options.faults ?? {});
  const places = new Map<string, Place>();
  for (const [at, held] of Object.entries(options.revisions)) {
    places.set(at, {
      digest: held[0],
      version: 1,
      fence: 0,
      held: new Set(held),
      keys: new Set(),
      writtenAt: 0,
      shown: undefined,
    });
  }
  const keepers = new Map<string, Keeper>(
    Object.entries(options.rivals ?? {}).map(([at, wants]) => [
      at,
      { wants, state: "working", fence: 0, keys: new Set() },
    ]),
  );
  const schemes = new Set([...places.keys()].map(schemeOf));
  const effects: Effect[] = [];

  function write(at: string, place: Place, to: Digest, by: Effect["by"], key: string, fence: number): void {
    effects.push({ at, time: clock.now(), by, key, fence, from: place.digest, to });
    place.digest = to;
    place.version++;
    place.shown = undefined;
    place.writtenAt = clock.now();
  }

  /** Somebody reads: what a rival would have done by now has happened. */
  function letRivalAct(at: string, place: Place, now: boolean): void {
    const keeper = keepers.get(at);
    if (!keeper || keeper.state === FROZEN || keeper.wants === place.digest) return;
    if (now || clock.now() - place.writtenAt >= RIVAL_MS) rivalWrite(at, keeper.wants);
  }

  function keeperAt(at: string): Keeper | undefined {
    return keepers.get(at.replace(/#rival$/, ""));
  }

  function writeRival({ at, state, before, key, fence }: RivalRequest): Applied {
    const keeper = keeperAt(at);
    if (!keeper) return { kind: "refused", reason: `there is nobody at ${at}` };
    if (keeper.keys.has(key)) return { kind: "already" };
    if (fence < keeper.fence) return { kind: "stale", reason: `fence ${keeper.fence} has written` };
    if (before.version !== keeper.state) return { kind: "conflict", reason: `it is ${keeper.state}` };
    Object.assign(keeper, { state, fence });
    keeper.keys.add(key);
    return { kind: "applied" };
  }

  function rivalWrite(at: string, digest: Digest): void {
    write(at, known(places, at), digest, "rival", "rival", 0);
  }

  /** What the target does when a request really reaches it. */
  function arrive({ at, desired, before, key, fence }: RestoreRequest): Applied {
    const place = places.get(at);
    if (place === undefined) return { kind: "refused", reason: `there is nothing at ${at}` };
    if (guarantee !== "blind" && place.keys.has(key)) return { kind: "already" };
    if (guarantee === "cas") {
      if (fence < place.fence) return { kind: "stale", reason: `fence ${place.fence} has written` };
      if (before.version !== String(place.version) || before.digest !== place.digest) {
        return { kind: "conflict", reason: `version ${place.version} is live, not ${before.version}` };
      }
    }
    if (!place.held.has(desired)) return { kind: "refused", reason: `${desired} is not retained` };
    place.fence = Math.max(place.fence, fence);
    place.keys.add(key);
    const { digest, version } = place;
    write(at, place, desired, "request", key, fence);
    if (faults.strikes("half-applied")) {
      const mixture = digestOf(`half of ${desired}`);
      place.shown = { digest: mixture, version: place.version, until: clock.now() + faults.delay() };
    } else if (faults.strikes("late-view")) place.shown = { digest, version, until: clock.now() + faults.delay() };
    return { kind: "applied" };
  }

  async function deliver(request: RestoreRequest): Promise<Applied> {
    if (faults.strikes("slow")) await clock.sleep(faults.delay());
    if (faults.strikes("lost-request")) return { kind: "unknown", reason: "no answer" };
    const place = places.get(request.at);
    if (place !== undefined && faults.strikes("rival-write")) {
      const others = [...place.held].filter((digest) => digest !== place.digest);
      if (others.length > 0) rivalWrite(request.at, drawPick(random, others));
    }
    const answer = arrive(request);
    if (faults.strikes("duplicate")) void clock.sleep(faults.delay()).then(() => arrive(request));
    return faults.strikes("lost-reply") ? { kind: "unknown", reason: "the answer was lost" } : answer;
  }

  return {
    name: "simulated",
    guarantee,
    undo: () => "compensatable",
    effects,
    injected: faults.counts,
    inject: faults.inject,
    live: (at) => known(places, at).digest,
    rivalWrite,
    rivalActs: (at) => letRivalAct(at, known(places, at), true),
    rivalState: (at) => keepers.get(at)?.state,
    tellRival: (at, state) => void Object.assign(keepers.get(at) ?? {}, { state }),
    async rivals(at) {
      const rival = {
        at: `${at}#rival`,
        through: at,
        label: `the rival of ${at}`,
        guarantee: "cas",
        frozen: FROZEN,
      } as const;
      return keepers.has(at) ? [rival] : [];
    },
    async readRival({ at }, signal) {
      if (signal.aborted || faults.strikes("unreachable")) return { kind: "unreachable", reason: "no answer" };
      const state = keeperAt(at)?.state;
      if (state === undefined) return { kind: "unreachable", reason: `there is nobody at ${at}` };
      return { kind: "live", state, version: state };
    },
    async writeRival(request, signal) {
      if (signal.aborted || faults.strikes("lost-request")) return { kind: "unknown", reason: "no answer" };
      const answer = writeRival(request);
      return faults.strikes("lost-reply") ? { kind: "unknown", reason: "the answer was lost" } : answer;
    },
    lose: (at, digest) => void known(places, at).held.delete(digest),
    serves: (at) => schemes.has(schemeOf(at)),
    async read(at, signal): Promise<Observed> {
      if (faults.strikes("slow")) await clock.sleep(faults.delay(), signal);
      if (signal.aborted) return { kind: "unreachable", reason: "the call was aborted" };
      if (faults.strikes("unreachable")) return { kind: "unreachable", reason: "no answer" };
      const place = places.get(at);
      if (place === undefined) return { kind: "unreachable", reason: `there is nothing at ${at}` };
      letRivalAct(at, place, false);
      const { digest, version } = place.shown && clock.now() < place.shown.until ? place.shown : place;
      return { kind: "live", digest, version: String(version) };
    },
    async holds(at, digest, signal) {
      if (signal.aborted || faults.strikes("unreachable")) return false;
      return places.get(at)?.held.has(digest) ?? false;
    },
    ...(guarantee === "blind" && {
      async seen(at, digest): Promise<Seen> {
        const serves = places.get(at)?.digest;
        return serves === digest ? { kind: "seen" } : { kind: "pending", reason: "another revision serves" };
      },
    }),
    async apply(request, signal) {
      if (signal.aborted) return { kind: "unknown", reason: "the call was aborted" };
      return untilAborted(deliver(request), signal);
    },
  };
}

function known(places: ReadonlyMap<string, Place>, at: string): Place {
  const place = places.get(at);
  if (place === undefined) throw new RangeError(`There is nothing at ${at} in this simulation.`);
  return place;
}

function schemeOf(at: string): string {
  return at.slice(0, at.indexOf(":") + 1);
}

/** The request stays on its way when the caller stops waiting. */
function untilAborted(answer: Promise<Applied>, signal: AbortSignal): Promise<Applied> {
  return new Promise((resolve) => {
    const giveUp = () => resolve({ kind: "unknown", reason: "the call was aborted" });
    signal.addEventListener("abort", giveUp, { once: true });
    void answer.then((given) => {
      signal.removeEventListener("abort", giveUp);
      resolve(given);
    });
  });
}
