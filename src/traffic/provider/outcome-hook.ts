import { createBoundedMemory } from "./bounded-memory.ts";
import type { EvaluationContext, Hook } from "./open-feature.ts";
import { createOutcomeReader, type OutcomeMapping, type TrackingDetails } from "./outcome-mapping.ts";
import { createOutcomeQueue, type OutcomeQueueOptions, type OutcomeStats } from "./outcome-queue.ts";

export interface OutcomeHookOptions extends OutcomeQueueOptions {
  readonly outcomes?: OutcomeMapping;
  /** How many evaluations are remembered for `track` at least: 100,000. */
  readonly exposures?: number;
}

/** Outcomes for any OpenFeature provider that reads release flags over OFREP. */
export interface OutcomeHook {
  /** Remembers the request id of the last evaluation of each targeting key. */
  readonly hook: Hook;
  /**
   * Reports outcomes of the last evaluations of `context.targetingKey`, or of the `requestId` in the details. An event
   * counts once for each evaluation: a repeated one is a repetition.
   */
  track(event: string, context?: EvaluationContext, details?: TrackingDetails): void;
  flush(): Promise<void>;
  close(): Promise<void>;
  readonly stats: OutcomeStats & { readonly unattributed: number };
}

/** A hook sees evaluations and never tracking events: `track` has to be called, or `withOutcomes` gives it to a client. */
export function createOutcomeHook(options: OutcomeHookOptions): OutcomeHook {
  const read = createOutcomeReader(options.outcomes);
  const queue = createOutcomeQueue(options);
  const evaluations = createBoundedMemory<string>(options.exposures ?? 100_000);
  const flags = new Set<string>();
  let unattributed = 0;
  return {
    hook: {
      after({ flagKey, context }, { flagMetadata }) {
        const id = flagMetadata?.["requestId"];
        if (typeof id !== "string" || typeof context.targetingKey !== "string") return;
        flags.add(flagKey);
        evaluations.set(`${flagKey}\n${context.targetingKey}`, id);
      },
    },
    track(event, context = {}, details = {}) {
      const outcome = read(event, details);
      if (!outcome) return;
      const named = details["requestId"];
      const remembered = [...flags].map((flag) => evaluations.get(`${flag}\n${context.targetingKey}`));
      const requests = typeof named === "string" ? [named] : remembered.filter((id) => id !== undefined);
      if (requests.length === 0) unattributed++;
      for (const request of requests) queue.addRequest(request, outcome);
    },
    flush: queue.flush,
    close: queue.close,
    get stats() {
      return { ...queue.stats, unattributed };
    },
  };
}

/** What is needed of another provider. */
interface AnyProvider {
  readonly hooks?: readonly unknown[];
  track?(event: string, context: never, details: never): void;
  onClose?(): Promise<void>;
}

/** The provider with outcomes: its evaluations are remembered, and `client.track` reports. Closing it sends the rest. */
export function withOutcomes<Provider extends object>(provider: Provider, outcomes: OutcomeHook): Provider {
  const own: AnyProvider = provider;
  const more: AnyProvider = {
    hooks: [...(own.hooks ?? []), outcomes.hook],
    track(event, context, details) {
      outcomes.track(event, context, details);
      own.track?.(event, context, details);
    },
    async onClose() {
      await outcomes.close();
      await own.onClose?.();
    },
  };
  return new Proxy(provider, {
    get(target, name) {
      if (Object.hasOwn(more, name)) return Reflect.get(more, name);
      const member: unknown = Reflect.get(target, name, target);
      // Methods of classes with private fields want their own object.
      return typeof member === "function" ? member.bind(target) : member;
    },
    has: (target, name) => Object.hasOwn(more, name) || Reflect.has(target, name),
  });
}
