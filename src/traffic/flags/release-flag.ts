import { randomInt } from "node:crypto";
import { shortDigest } from "../../core/digest.ts";
import type { Route } from "../../core/entry.ts";
import type { Clock, TrafficAdapter } from "../../core/ports.ts";
import type { ReleaseId } from "../../core/release.ts";
import type { Instant, Milliseconds } from "../../core/time.ts";
import type { Counter } from "../attribution/counter.ts";
import { mintRequestId } from "../attribution/request-id.ts";
import { requestKeyOf } from "../attribution/request-key.ts";
import { assign, BUCKETS, type Variant } from "../routing/assignment.ts";
import type { AssignmentState, FlagValue } from "../routing/assignment-state.ts";
import { createExposure, type Exposure } from "../routing/exposure.ts";
import { createFlagChanges, type FlagChanges } from "./flag-changes.ts";

export interface FlagTrafficOptions {
  readonly system: string;
  /** Key of the flag: the KEY of `route: flags://KEY`. */
  readonly key: string;
  readonly clock: Clock;
  /** Is told which releases are out, so that outcomes of evaluations can be attributed. Evaluations are not counted. */
  readonly counter: Pick<Counter, "know" | "restartUnits">;
  /** 32 bytes that sign request ids, the same as the counter's. */
  readonly requestKey: Uint8Array;
  /**
   * What the flag says for a release: its label, a model's name, a prompt's id, a URL. By release and not by variant,
   * because a promoted candidate becomes stable and must go on saying the same. Asked when a release comes onto the
   * route, so that containment asks nobody; where it answers undefined the flag says the release's short digest.
   */
  readonly values?: (release: ReleaseId, variant: Variant) => FlagValue | undefined;
}

/** One evaluation, in the words of OFREP (open-feature/protocol, service/openapi.yaml). */
export interface Evaluation {
  readonly key: string;
  readonly value: FlagValue;
  readonly variant: Variant;
  /** `SPLIT` while the targeting key decides, `STATIC` while everybody gets the same. */
  readonly reason: "SPLIT" | "STATIC";
  readonly metadata: Readonly<Record<string, string | number>>;
}

/** A flag with several answers, each for some targeting keys. */
export interface ReleaseFlag {
  readonly key: string;
  /** Undefined before the first route. */
  evaluate(targetingKey: string): Evaluation | undefined;
  /** Changes with every answer that may change, for entity tags; and once a minute, so that request ids stay young. */
  state(): string;
}

/** What is live for the clients that assign by themselves. */
export type LiveAssignment = Omit<AssignmentState, "now">;

/** The edge of a system that has no gateway: the flag is what sends users to a release. */
export interface FlagTraffic extends ReleaseFlag {
  readonly system: string;
  readonly traffic: TrafficAdapter & Pick<Exposure, "effective">;
  /** Undefined before the first route. */
  live(): LiveAssignment | undefined;
  /** When an evaluation last said `candidate`. Clients with a cache may have acted on one later than that. */
  lastCandidateEvaluation(): Instant | undefined;
  /** How many evaluations said which variant, for people to look at; they are no requests and feed no signal. */
  readonly evaluations: Readonly<Record<Variant, number>>;
  /** After each change of what the flag says: a new route, a lease that lapsed or moved. */
  readonly onChange: FlagChanges["listen"];
  close(): void;
}

const LAST_SEQUENCE = 2 ** 48 - 2;

/** How old a request id in an answer that a client may keep can get, without another change. */
const YOUNG: Milliseconds = 60_000;

/**
 * Serves candidate and stable as variants of one flag. Sticky and nested as in `assign`, and under the same lease as the
 * gateway: without a living controller every evaluation says stable. Throws a RangeError for a key that is not 32 bytes.
 */
export function createFlagTraffic(options: FlagTrafficOptions): FlagTraffic {
  const { system, key, clock, counter } = options;
  const exposure = createExposure(system, clock);
  const changes = createFlagChanges(clock);
  const mint = minterOf(options);
  const evaluations = { stable: 0, candidate: 0 };
  let values: ReadonlyMap<ReleaseId, FlagValue> = new Map();
  let lastCandidate: Instant | undefined;

  function set(route: Route): void {
    exposure.set(route);
    if (exposure.current(system) !== route) return;
    const pairs = [
      ["stable", route.stable],
      ["candidate", route.candidate],
    ] as const;
    const next = new Map<ReleaseId, FlagValue>();
    for (const [variant, release] of pairs) {
      if (release === undefined) continue;
      counter.know(release);
      next.set(release, values.get(release) ?? options.values?.(release, variant) ?? shortDigest(release));
    }
    values = next;
    counter.restartUnits();
    changes.tell("route");
  }

  function evaluate(targetingKey: string): Evaluation | undefined {
    const route = exposure.effective();
    if (!route) return undefined;
    const variant = assign(route, targetingKey);
    const release = variant === "candidate" ? route.candidate! : route.stable;
    const now = clock.now();
    if (variant === "candidate") lastCandidate = now;
    evaluations[variant]++;
    const metadata = { system, release, epoch: route.epoch, requestId: mint(now, variant, release) };
    return { key, value: values.get(release)!, variant, reason: reasonOf(route), metadata };
  }

  return {
    system,
    key,
    traffic: {
      current: exposure.current,
      effective: exposure.effective,
      set,
      renew(asked, until) {
        exposure.renew(asked, until);
        if (asked === system) changes.lease(until);
      },
    },
    evaluate,
    state: () => stateOf(key, exposure.effective(), clock.now()),
    live: () => liveOf(options, exposure, values),
    lastCandidateEvaluation: () => lastCandidate,
    evaluations,
    onChange: changes.listen,
    close: changes.close,
  };
}

function stateOf(key: string, route: Route | undefined, now: Instant): string {
  return route ? `${key} ${route.epoch} ${route.candidatePpm} ${Math.floor(now / YOUNG)}` : `${key} none`;
}

function reasonOf({ candidate, candidatePpm }: Route): Evaluation["reason"] {
  return candidate !== undefined && candidatePpm > 0 && candidatePpm < BUCKETS ? "SPLIT" : "STATIC";
}

function minterOf({ requestKey }: FlagTrafficOptions): (now: Instant, variant: Variant, release: ReleaseId) => string {
  const signer = requestKeyOf(requestKey);
  // The start is random, so that two processes do not give two evaluations of one second the same id.
  let sequence = randomInt(LAST_SEQUENCE);
  return (now, variant, release) => {
    sequence = sequence === LAST_SEQUENCE ? 0 : sequence + 1;
    return mintRequestId(signer, { second: Math.floor(now / 1000), variant, release: shortDigest(release), sequence });
  };
}

function liveOf(
  { system, key }: FlagTrafficOptions,
  exposure: Exposure,
  values: ReadonlyMap<ReleaseId, FlagValue>,
): LiveAssignment | undefined {
  const route = exposure.current(system);
  if (!route) return undefined;
  const candidate = route.candidate && values.get(route.candidate);
  const said = { stable: values.get(route.stable)!, ...(candidate === undefined ? {} : { candidate }) };
  return { system, key, route, leaseUntil: exposure.leaseUntil, values: said };
}
