import type { Signal } from "../../core/playbook.ts";

/**
 * The signals that nothing feeds when a system is routed by a flag: those from the gateway. An evaluation is no request
 * (clients keep answers, ask for all flags at once, ask again), so it is never counted as one. Such a signal is to be
 * declared `from: events`, and its `of` and `part` reported.
 */
export function signalsWithoutGateway(signals: readonly Signal[]): readonly string[] {
  return signals.filter(({ from }) => from === "gateway").map(({ name }) => name);
}
