import { digestOf } from "../../core/digest.ts";
import type { Channel, Clock } from "../../core/ports.ts";
import type { Milliseconds } from "../../core/time.ts";
import { nameIn } from "./audience.ts";
import { postJson } from "./post-json.ts";
import { signatureOf, signingKey } from "./signature.ts";

export interface WebhookOptions {
  /** Scheme of the audiences: the connection's name. */
  readonly scheme: string;
  /** Where notices are posted, whatever the audience's name is; the body says it. */
  readonly url: string;
  /** `whsec_` and 24 to 64 bytes in base64. The newest first: while people change the secret, both sign. */
  readonly secrets: readonly [string, ...string[]];
  readonly clock: Pick<Clock, "now">;
  readonly fetch?: typeof globalThis.fetch;
  /** 5 s without it. */
  readonly timeoutMs?: Milliseconds;
}

/**
 * Posts notices as signed webhooks (Standard Webhooks 1.0.0): `webhook-id`, `webhook-timestamp` and `webhook-signature`
 * with HMAC-SHA256 over `id.timestamp.body`. A repeat of a notice has the same id and the same body. Throws when made
 * with a secret that is none: REQUEST_INVALID.
 */
export function createWebhookChannel(options: WebhookOptions): Channel {
  const { scheme, url, clock, fetch = globalThis.fetch, timeoutMs = 5000 } = options;
  const keys = options.secrets.map(signingKey);
  return {
    name: scheme,
    serves: (audience) => nameIn(scheme, audience) !== undefined,
    async tell(audience, notice, signal) {
      // Two audiences of one notice are two messages: the receiver may drop repeats of an id.
      const id = `msg_${digestOf(`${audience}\n${notice.key}`).slice(-32)}`;
      const timestamp = String(Math.floor(clock.now() / 1000));
      const { key, about, subject, text } = notice;
      const body = JSON.stringify({ type: "rollbook.notice", data: { audience, key, about, subject, text } });
      const headers = {
        "webhook-id": id,
        "webhook-timestamp": timestamp,
        "webhook-signature": signatureOf(keys, id, timestamp, body),
        "idempotency-key": id,
      };
      const { status } = await postJson(fetch, { url, headers, body, timeoutMs }, signal);
      if (status < 200 || status > 299) throw new Error(`the webhook's receiver answers ${status}`);
    },
  };
}
