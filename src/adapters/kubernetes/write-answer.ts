import type { Applied } from "../../core/ports.ts";
import { saidIn } from "./kube-client.ts";
import type { KubeAnswer } from "./kube-transport.ts";

/** What one guarded write came to. `moved`: the object was written to since it was read, so look again. */
export type Round = Applied | { readonly kind: "moved"; readonly version?: string };

/** A clear no, or something that may have had its effect. */
export function refusalIn(answer: KubeAnswer): Round {
  const reason = saidIn(answer);
  if (answer.kind === "silence") return { kind: "unknown", reason };
  if (answer.status === 409) return { kind: "moved" };
  return isClearNo(answer.status) ? refused(reason) : { kind: "unknown", reason };
}

/** Will the same call get the same answer? Time-outs, limits and the server's own faults pass. */
export function isClearNo(status: number): boolean {
  return status >= 400 && status < 500 && ![401, 408, 429].includes(status);
}

export function refused(reason: string): Applied {
  return { kind: "refused", reason };
}
