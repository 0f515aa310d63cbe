import type { Channel, Notice } from "../../core/ports.ts";
import type { Milliseconds } from "../../core/time.ts";
import { nameIn } from "../webhook/audience.ts";
import { postJson } from "../webhook/post-json.ts";

export interface SlackOptions {
  /** Scheme of the audiences: the connection's name. */
  readonly scheme: string;
  /** A bot's token with `chat:write`: tells every channel that it is a member of. */
  readonly token?: string;
  /** Incoming webhooks by the channel's name in audiences; they need no token. The addresses are secrets. */
  readonly webhooks?: Readonly<Record<string, string>>;
  /** Base URL of the Web API; `https://slack.com/api` without it. */
  readonly api?: string;
  readonly fetch?: typeof globalThis.fetch;
  /** 5 s without it. */
  readonly timeoutMs?: Milliseconds;
}

/** Slack cuts longer texts, or refuses them. */
const LONGEST = 3900;
const MOST_KEYS = 1000;

/** What was posted under a key; `thread` is the `ts` of the first message. */
interface Posted {
  readonly texts: ReadonlySet<string>;
  readonly thread?: string;
}

/**
 * Tells Slack channels at `SCHEME://CHANNEL`: by an incoming webhook when the channel has one, else by
 * `chat.postMessage`. A repeat that was accepted before is not posted again; another text with the same key becomes a
 * reply in its thread (webhooks have no threads). Both are kept in memory: Slack knows no idempotency keys.
 */
export function createSlackChannel(options: SlackOptions): Channel {
  const { scheme, token, webhooks = {}, api = "https://slack.com/api" } = options;
  const { fetch = globalThis.fetch, timeoutMs = 5000 } = options;
  const posted = new Map<string, Posted>();
  const webhookOf = (channel: string) => (Object.hasOwn(webhooks, channel) ? webhooks[channel] : undefined);
  const channelOf = (audience: string) => {
    const channel = nameIn(scheme, audience);
    return channel !== undefined && (token !== undefined || webhookOf(channel)) ? channel : undefined;
  };

  async function byWebhook(url: string, message: object, signal: AbortSignal): Promise<undefined> {
    const body = JSON.stringify(message);
    const { status, text } = await postJson(fetch, { url, headers: {}, body, timeoutMs }, signal);
    if (status !== 200) throw new Error(`Slack answers ${status}: ${text.slice(0, 100)}`);
  }

  async function byToken(channel: string, message: object, thread: string | undefined, signal: AbortSignal) {
    const place = { channel: /^[CG][A-Z0-9]{7,}$/.test(channel) ? channel : `#${channel}` };
    const body = JSON.stringify({ ...place, ...message, ...(thread === undefined ? {} : { thread_ts: thread }) });
    const headers = { authorization: `Bearer ${token}` };
    const answer = await postJson(fetch, { url: `${api}/chat.postMessage`, headers, body, timeoutMs }, signal);
    const { ok, error, ts } = parsed(answer.text);
    // Slack says no with 200 and `ok: false`.
    if (ok !== true)
      throw new Error(`Slack answers ${typeof error === "string" ? error.slice(0, 100) : answer.status}`);
    return typeof ts === "string" ? ts : undefined;
  }

  return {
    name: scheme,
    serves: (audience) => channelOf(audience) !== undefined,
    async tell(audience, notice, signal) {
      const channel = channelOf(audience);
      if (channel === undefined) throw new Error(`${audience} has neither a webhook nor a token`);
      const key = `${channel} ${notice.about}`;
      const text = textOf(notice);
      const before = posted.get(key);
      if (before?.texts.has(text)) return;
      // No formatting, no links to users or groups, no previews: a notice says what it says.
      const message = { text, mrkdwn: false, link_names: false, unfurl_links: false, unfurl_media: false };
      const url = webhookOf(channel);
      const ts = url ? await byWebhook(url, message, signal) : await byToken(channel, message, before?.thread, signal);
      const thread = before?.thread ?? ts;
      posted.delete(key);
      posted.set(key, { texts: new Set([...(before?.texts ?? []), text]), ...(thread ? { thread } : {}) });
      for (const oldest of posted.keys()) {
        if (posted.size <= MOST_KEYS) break;
        posted.delete(oldest);
      }
    },
  };
}

/** Slack's three control characters as entities, and nothing else (docs.slack.dev, formatting message text). */
function textOf({ subject, text }: Notice): string {
  const all = [subject, text].filter((part) => part !== "").join("\n");
  const shown = all.length > LONGEST ? `${all.slice(0, LONGEST)} ... (cut)` : all;
  return shown.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

function parsed(text: string): Readonly<Record<string, unknown>> {
  try {
    return (JSON.parse(text) ?? {}) as Record<string, unknown>;
  } catch {
    return {};
  }
}
