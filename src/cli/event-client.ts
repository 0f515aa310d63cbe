import { setTimeout as sleep } from "node:timers/promises";
import { RollbookError } from "../core/errors.ts";

/** How long a lost connection is tried again before the watcher gives up. */
const PATIENCE_MS = 300_000;
/** How long to wait before that, unless the stream says otherwise. */
const AGAIN_MS = 1000;
/** Events that are remembered, to leave out what the server replays after a reconnection. */
const REMEMBERED = 2000;

export interface Events {
  readonly server: string;
  readonly signal: AbortSignal;
  /** Told when the connection is lost and when it is there again. */
  readonly say: (text: string) => void;
}

/**
 * The data of server-sent events (WHATWG HTML §9.2) as they come, each once, over reconnections; `undefined` when a
 * connection has just been made. Ends when the signal aborts. @throws SERVER_UNREACHABLE when nobody answers at first,
 * or for five minutes.
 */
export async function* eventsOf({ server, signal, say }: Events): AsyncGenerator<string | undefined> {
  const seen = new Set<string>();
  let [lostAt, told, reason]: [number | undefined, boolean, string] = [undefined, false, ""];
  let known = false;
  let again = AGAIN_MS;
  while (!signal.aborted) {
    try {
      const body = await connect(server, signal);
      if (told) say("connected again");
      [known, lostAt, told] = [true, undefined, false];
      yield undefined;
      for await (const data of dataIn(body, (ms) => (again = ms))) {
        if (seen.has(data)) continue;
        seen.add(data);
        if (seen.size > REMEMBERED) seen.delete(seen.values().next().value!);
        yield data;
      }
      reason = "the stream ended";
    } catch (error) {
      if (signal.aborted) return;
      const cause = (error as Error).cause;
      reason = (cause instanceof Error ? cause.message : "") || (error as Error).message;
      if (!known) throw new RollbookError("SERVER_UNREACHABLE", { url: server, reason });
    }
    const now = Date.now();
    // A stream that was only silent for long is cut by whoever is in between: that is worth no word.
    if (lostAt !== undefined && !told) {
      say(`the connection is lost (${reason}); trying again`);
      told = true;
    }
    lostAt ??= now;
    if (now - lostAt > PATIENCE_MS) throw new RollbookError("SERVER_UNREACHABLE", { url: server, reason });
    await sleep(again, undefined, { signal }).catch(() => undefined);
  }
}

async function connect(server: string, signal: AbortSignal): Promise<ReadableStream<Uint8Array>> {
  const answer = await fetch(new URL("/v1/events", server), { headers: { accept: "text/event-stream" }, signal });
  if (!answer.ok || !answer.body || !answer.headers.get("content-type")?.startsWith("text/event-stream"))
    throw new Error(`it answered ${answer.status}, and not with events`);
  return answer.body;
}

/** The data fields of a stream; several `data` lines of one event are one text. `retry` lines are handed on. */
async function* dataIn(body: AsyncIterable<Uint8Array>, retry: (ms: number) => void): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let [rest, data]: [string, string[]] = ["", []];
  for await (const chunk of body) {
    rest += decoder.decode(chunk, { stream: true });
    const lines = rest.split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop() ?? "";
    for (const line of lines) {
      if (/^retry: ?\d{1,6}$/.test(line)) retry(Number(line.slice(6)));
      if (line.startsWith("data:")) data.push(line.slice(5).replace(/^ /, ""));
      if (line !== "" || data.length === 0) continue;
      yield data.join("\n");
      data = [];
    }
  }
}
