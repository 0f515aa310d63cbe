import type { UnderWay } from "../../core/under-way.ts";
import type { Variant } from "../routing/assignment.ts";

/** Counts the requests of both arms that have begun since the shares last changed, and those of them that go on. */
export interface RequestsUnderWay {
  /** The shares have changed: what began before counts no more. */
  restart(): void;
  /** A request of this arm begins; the answer is to be called when it ends. */
  begin(variant: Variant): () => void;
  now(): UnderWay;
}

export function createRequestsUnderWay(): RequestsUnderWay {
  const fresh = () => ({ candidate: { begun: 0, open: 0 }, stable: { begun: 0, open: 0 } });
  let arms = fresh();
  return {
    restart() {
      arms = fresh();
    },
    begin(variant) {
      const arm = arms[variant];
      arm.begun += 1;
      arm.open += 1;
      return () => {
        arm.open -= 1;
      };
    },
    now: () => ({ candidate: { ...arms.candidate }, stable: { ...arms.stable } }),
  };
}
