import { type BoundedMemory, createBoundedMemory } from "./bounded-memory.ts";
import { type Assignment, createLiveRoute, type LiveRoute } from "./live-route.ts";
import {
  createProviderEvents,
  type EvaluationContext,
  type JsonValue,
  type ProviderEvents,
  type ResolutionDetails,
} from "./open-feature.ts";
import type { Outcome } from "./outcome.ts";
import { createOutcomeReader, type OutcomeMapping, type TrackingDetails } from "./outcome-mapping.ts";
import { createOutcomeQueue, type OutcomeQueueOptions, type OutcomeStats } from "./outcome-queue.ts";
import { createRouteClient, type RouteClientOptions } from "./route-client.ts";

export interface RollbookProviderOptions extends RouteClientOptions, OutcomeQueueOptions {
  readonly token: string;
  /** How tracked events become outcomes; see `OutcomeMapping`. */
  readonly outcomes?: OutcomeMapping;
  /** How many targeting keys' last evaluations are remembered for `track` at least: 100,000. */
  readonly exposures?: number;
}

/** One evaluation, as far as its outcomes need it. */
export type Exposure = Pick<Assignment, "release"> & { readonly second: number };

/** An OpenFeature provider for servers that assigns in this process; and the same without OpenFeature. */
export interface RollbookProvider {
  readonly metadata: { readonly name: string };
  readonly runsOn: "server";
  readonly events: ProviderEvents;
  /** Resolves after the first try to reach Rollbook, successful or not: nothing waits for a control plane. */
  initialize(): Promise<void>;
  onClose(): Promise<void>;
  resolveBooleanEvaluation(
    key: string,
    otherwise: boolean,
    context: EvaluationContext,
  ): Promise<ResolutionDetails<boolean>>;
  resolveStringEvaluation(
    key: string,
    otherwise: string,
    context: EvaluationContext,
  ): Promise<ResolutionDetails<string>>;
  resolveNumberEvaluation(
    key: string,
    otherwise: number,
    context: EvaluationContext,
  ): Promise<ResolutionDetails<number>>;
  resolveObjectEvaluation<T extends JsonValue>(
    key: string,
    otherwise: T,
    context: EvaluationContext,
  ): Promise<ResolutionDetails<T>>;
  /**
   * Reports outcomes of the last evaluation of `context.targetingKey`, or of the one whose metadata `exposure` stands in
   * the details. Never throws and never waits.
   */
  track(event: string, context?: EvaluationContext, details?: TrackingDetails): void;
  /** Who gets what, without OpenFeature and its cost. Nothing is remembered: say which exposure an outcome belongs to. */
  assign(targetingKey: string): Assignment | undefined;
  /** What an assignment of this moment is called when its outcomes become known. */
  exposureOf(assignment: Assignment): Exposure;
  /** Reports outcomes of one exposure, by name, and what else is known of it. */
  report(exposure: Exposure, counts: Outcome["counts"], more?: Omit<Outcome, "counts">): void;
  /** Sends what has been reported so far. */
  flush(): Promise<void>;
  /** `unattributed`: tracked for a targeting key that was not evaluated lately; not sent, because the arm is unknown. */
  readonly stats: OutcomeStats & { readonly unattributed: number };
}

/**
 * Serves the release flag of one system. Before it has ever reached Rollbook every evaluation is the default that the
 * caller gives, as variant `stable`. When Rollbook is lost the candidate's share ends with its lease, and stable serves
 * the value that was last known.
 */
export function createRollbookProvider(options: RollbookProviderOptions): RollbookProvider {
  const { system } = options;
  const clock = () => performance.now();
  const route = createLiveRoute(clock);
  const events = createProviderEvents();
  const queue = createOutcomeQueue(options);
  const client = createRouteClient(options, route, clock, {
    changed: ({ key }) => events.emit("PROVIDER_CONFIGURATION_CHANGED", { flagsChanged: [key] }),
    lost: (message) => events.emit("PROVIDER_STALE", { message }),
    found: () => events.emit("PROVIDER_READY"),
  });
  const evaluations = createBoundedMemory<Exposure>(options.exposures ?? 100_000);
  const resolve = createResolver(system, route, evaluations);
  const exposureOf = ({ release }: Assignment) => ({ release, second: Math.floor(route.serverNow() / 1000) });
  const report = ({ release, second }: Exposure, outcome: Outcome) => queue.addArm(system, release, second, outcome);
  const tracker = createTracker(options, evaluations, report);
  return {
    metadata: { name: "rollbook" },
    runsOn: "server",
    events,
    initialize: () => client.start(),
    async onClose() {
      client.close();
      await queue.close();
    },
    resolveBooleanEvaluation: async (key, otherwise, context) => resolve(key, otherwise, context),
    resolveStringEvaluation: async (key, otherwise, context) => resolve(key, otherwise, context),
    resolveNumberEvaluation: async (key, otherwise, context) => resolve(key, otherwise, context),
    resolveObjectEvaluation: async (key, otherwise, context) => resolve(key, otherwise, context),
    track: tracker.track,
    assign: route.assign,
    exposureOf,
    report: (exposure, counts, more = {}) => report(exposure, { ...more, counts }),
    flush: () => queue.flush(),
    get stats() {
      return { ...queue.stats, unattributed: tracker.unattributed() };
    },
  };
}

function createResolver(system: string, route: LiveRoute, evaluations: BoundedMemory<Exposure>) {
  return <T>(key: string, otherwise: T, { targetingKey }: EvaluationContext): ResolutionDetails<T> => {
    const { state } = route;
    if (!state) return { value: otherwise, variant: "stable", reason: "DEFAULT", flagMetadata: { system } };
    if (key !== state.key) return failed(otherwise, "FLAG_NOT_FOUND", `${system} is behind the flag "${state.key}"`);
    if (!targetingKey) return failed(otherwise, "TARGETING_KEY_MISSING", "context.targetingKey decides who gets what");
    const { variant, release, value, epoch } = route.assign(targetingKey)!;
    if (typeof value !== typeof otherwise) {
      return failed(otherwise, "TYPE_MISMATCH", `the flag says a ${typeof value} and not a ${typeof otherwise}`);
    }
    const second = Math.floor(route.serverNow() / 1000);
    evaluations.set(targetingKey, { release, second });
    const flagMetadata = { system, release, epoch, exposure: `${release}@${second}` };
    const reason = state.route.candidatePpm > 0 && !route.lapsed() ? "SPLIT" : "STATIC";
    return { value: value as T, variant, reason, flagMetadata };
  };
}

function failed<T>(value: T, code: string, errorMessage: string): ResolutionDetails<T> {
  return { value, reason: "ERROR", errorCode: code as never, errorMessage };
}

function createTracker(
  options: Pick<RollbookProviderOptions, "outcomes">,
  evaluations: BoundedMemory<Exposure>,
  report: (exposure: Exposure, outcome: Outcome) => void,
) {
  const read = createOutcomeReader(options.outcomes);
  let unattributed = 0;
  return {
    unattributed: () => unattributed,
    track(event: string, context: EvaluationContext = {}, details: TrackingDetails = {}): void {
      const outcome = read(event, details);
      if (!outcome) return;
      const named = details["exposure"];
      const remembered = typeof context.targetingKey === "string" ? evaluations.get(context.targetingKey) : undefined;
      const exposure = typeof named === "string" ? exposureIn(named) : remembered;
      if (exposure) report(exposure, outcome);
      else unattributed++;
    },
  };
}

function exposureIn(text: string): Exposure | undefined {
  const match = /^(sha256:[0-9a-f]{64})@(\d{1,12})$/.exec(text);
  return match ? { release: match[1] as Exposure["release"], second: Number(match[2]) } : undefined;
}
