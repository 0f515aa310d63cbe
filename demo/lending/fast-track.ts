/** A boolean flag as it was at most a second ago. */
export interface CachedFlag {
  /** Never waits: answers what is known, and asks again in the background when that is older than a second. */
  on(): boolean;
}

const FRESH = 1_000;
const TIMEOUT = 800;

/** Reads one boolean flag over OFREP (OpenFeature Remote Evaluation Protocol). Off until known and when unreachable. */
export function cachedFlag(rollbook: string, token: string, key: string): CachedFlag {
  let value = false;
  let askedAt = Number.NEGATIVE_INFINITY;

  const ask = async (): Promise<boolean> => {
    const response = await fetch(`${rollbook}/ofrep/v1/evaluate/flags/${key}`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body: JSON.stringify({ context: { targetingKey: "loan-approval" } }),
      signal: AbortSignal.timeout(TIMEOUT),
    });
    const answer = (await response.json()) as { value?: unknown };
    return response.ok && answer.value === true;
  };

  return {
    on() {
      if (performance.now() - askedAt >= FRESH) {
        askedAt = performance.now();
        void ask()
          .catch(() => false)
          .then((answer) => {
            value = answer;
          });
      }
      return value;
    },
  };
}
