/** Counts that belong to one request, as Rollbook's `POST /v1/outcomes` takes them. */
export interface Outcome {
  readonly request: string;
  readonly counts: Readonly<Record<string, number>>;
}

export interface ReporterState {
  readonly reported: number;
  readonly waiting: number;
  /** Given up: the queue was full, or Rollbook refused or could not be reached in all attempts. */
  readonly dropped: number;
}

export interface OutcomeReporter {
  /** Never waits and never throws. */
  report(outcome: Outcome): void;
  state(): ReporterState;
  /** Sends what is waiting, once, and ends. */
  close(): Promise<void>;
}

interface ReporterOptions {
  /** Base address of Rollbook, without a final slash. */
  readonly rollbook: string;
  readonly token: string;
  /** Milliseconds between batches. */
  readonly every?: number;
  readonly attempts?: number;
}

const QUEUE_LIMIT = 20_000;
const BATCH_LIMIT = 1_000;
const TIMEOUT = 3_000;

type Sent = "accepted" | "refused" | "unreachable";

/** Reports outcomes in batches. A batch that fails is sent again with the same content, so a repeat can be recognised. */
export function outcomeReporter(options: ReporterOptions): OutcomeReporter {
  const { rollbook, token, every = 100, attempts = 5 } = options;
  const queue: Outcome[] = [];
  let reported = 0;
  let dropped = 0;
  let closing = false;
  let sending: Promise<void> | undefined;

  const post = async (body: string): Promise<Sent> => {
    try {
      const response = await fetch(`${rollbook}/v1/outcomes`, {
        method: "POST",
        headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
        body,
        signal: AbortSignal.timeout(TIMEOUT),
      });
      await response.arrayBuffer();
      if (response.ok) return "accepted";
      return response.status >= 500 || response.status === 429 ? "unreachable" : "refused";
    } catch {
      return "unreachable";
    }
  };

  const deliver = async (batch: readonly Outcome[]): Promise<void> => {
    const body = JSON.stringify({ outcomes: batch });
    for (let attempt = 1; attempt <= attempts; attempt += 1) {
      const sent = await post(body);
      if (sent === "accepted") {
        reported += batch.length;
        return;
      }
      if (sent === "refused" || closing) break;
      await new Promise((resolve) => setTimeout(resolve, 100 * attempt));
    }
    dropped += batch.length;
  };

  const flush = (): void => {
    if (sending || queue.length === 0) return;
    sending = deliver(queue.splice(0, BATCH_LIMIT)).finally(() => {
      sending = undefined;
    });
  };
  const timer = setInterval(flush, every);

  return {
    report(outcome) {
      if (closing || queue.length >= QUEUE_LIMIT) dropped += 1;
      else queue.push(outcome);
    },
    state: () => ({ reported, waiting: queue.length, dropped }),
    async close() {
      closing = true;
      clearInterval(timer);
      await sending;
      flush();
      await sending;
    },
  };
}
