// The parts of OpenFeature's server-side API that are used here (@openfeature/server-sdk 1.x), by shape: whoever uses
// the SDK brings it along, and nobody else has to.

export type EvaluationContext = { readonly targetingKey?: string; readonly [attribute: string]: unknown };

export type JsonValue = null | boolean | number | string | JsonValue[] | { [key: string]: JsonValue };

export interface ResolutionDetails<Value> {
  value: Value;
  variant?: string;
  reason?: string;
  flagMetadata?: Record<string, string | number | boolean>;
  // The SDK's codes are an enum of these texts, and an enum takes no text.
  errorCode?: never;
  errorMessage?: string;
}

/** What a hook is told before and after an evaluation, as far as it is used here. */
export interface HookContext {
  readonly flagKey: string;
  readonly context: Readonly<EvaluationContext>;
}

export interface Hook {
  after?(context: HookContext, details: { readonly flagMetadata?: Readonly<Record<string, unknown>> }): void;
}

// What the SDK's handlers take is the SDK's; by shape it is whatever `emit` was given.
type Handler = (details?: never) => unknown;

/** Tells the SDK what has changed. */
export interface ProviderEvents {
  addHandler(event: string, handler: Handler): void;
  removeHandler(event: string, handler: Handler): void;
  removeAllHandlers(event?: string): void;
  getHandlers(event: string): ((details?: unknown) => unknown)[];
  setLogger(logger: unknown): ProviderEvents;
  /** One of the SDK's events, for example `PROVIDER_STALE`. */
  emit(event: string, details?: { readonly [name: string]: unknown }): void;
}

export function createProviderEvents(): ProviderEvents {
  const handlers = new Map<string, Set<Handler>>();
  const events: ProviderEvents = {
    addHandler: (event, handler) => void handlers.set(event, (handlers.get(event) ?? new Set()).add(handler)),
    removeHandler: (event, handler) => void handlers.get(event)?.delete(handler),
    removeAllHandlers: (event) => (event === undefined ? handlers.clear() : void handlers.delete(event)),
    getHandlers: (event) => [...(handlers.get(event) ?? [])] as never,
    setLogger: () => events,
    emit: (event, details) => handlers.get(event)?.forEach((handler) => void handler(details as never)),
  };
  return events;
}
