import { digestOf, shortDigest } from "../../core/digest.ts";
import { describeSignalSource } from "../../testing/index.ts";
import { createCounter } from "./counter.ts";
import { mintRequestId } from "./request-id.ts";
import { requestKeyOf } from "./request-key.ts";

const requestKey = new Uint8Array(32).fill(5);
const release = digestOf("candidate");

function worldOf(from: "events" | "gateway") {
  const signal = { name: "errors", kind: "share", part: "failed", of: "requests", from, better: "down" } as const;
  const clock = { now: () => 1_000_000, sleep: async () => {} };
  const counter = createCounter({ signals: [signal], node: "n1", clock, requestKey });
  counter.know(release);
  let sequence = 0;
  let second = 990;
  return {
    source: counter,
    signal: signal.name,
    release,
    happen(n: number, k: number) {
      second += 1;
      for (let index = 0; index < n; index++) {
        const failed = index < k;
        if (from === "gateway") counter.count(second, release, { failed, cancelled: false }, "key");
        const identity = { second, variant: "candidate" as const, release: shortDigest(release), sequence: sequence++ };
        if (from === "events") {
          const id = mintRequestId(requestKeyOf(requestKey), identity);
          counter.report(id, { requests: 1, failed: failed ? 1 : 0 });
          counter.report(id, { requests: 1, failed: 1 });
        }
      }
    },
    stop() {},
  };
}

describeSignalSource({ name: "the gateway's counter of requests", setup: () => worldOf("gateway") });
describeSignalSource({ name: "the gateway's counter of reports", setup: () => worldOf("events") });
