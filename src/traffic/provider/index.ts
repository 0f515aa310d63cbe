// The package's `rollbook/provider`.
export type { FlagValue } from "../routing/assignment-state.ts";
export type { Assignment } from "./live-route.ts";
export type { Outcome } from "./outcome.ts";
export { createOutcomeHook, type OutcomeHook, type OutcomeHookOptions, withOutcomes } from "./outcome-hook.ts";
export type { OutcomeMapping, TrackingDetails } from "./outcome-mapping.ts";
export type { OutcomeStats } from "./outcome-queue.ts";
export {
  createRollbookProvider,
  type Exposure,
  type RollbookProvider,
  type RollbookProviderOptions,
} from "./provider.ts";
