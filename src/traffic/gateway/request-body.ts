import type { IncomingMessage } from "node:http";
import { Readable } from "node:stream";

/** The client sent more than the gateway takes. */
export class BodyTooLarge extends Error {}

/** The client broke off before its body was whole. */
export class ClientLeft extends Error {}

/** Bodies up to this size are read before the dispatch, so that the route is asked as late as it can be. */
const READ_FIRST = 65_536;

export type BodyPlan = "none" | "read-first" | "stream" | "too-large";

/** How to carry a request's body, from its framing alone. */
export function planBody(request: IncomingMessage, limit: number): BodyPlan {
  const length = request.headers["content-length"];
  if (length === undefined) return request.headers["transfer-encoding"] === undefined ? "none" : "stream";
  const size = Number(length);
  if (size > limit) return "too-large";
  return size === 0 ? "none" : size <= READ_FIRST ? "read-first" : "stream";
}

/** Collects a small body and hands it on once, when the client has sent all of it. */
export function readBody(request: IncomingMessage, done: (body: Buffer) => void): void {
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => done(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)));
}

/**
 * A body on its way, with back-pressure and the limit. It stands between the client's request and undici, which would
 * destroy the request itself: so one body can be handed to a second dispatch when the first one has sent nothing.
 */
export class BodyStream extends Readable {
  readonly #request: IncomingMessage;
  readonly #limit: number;
  #size = 0;
  #begun = false;

  constructor(request: IncomingMessage, limit: number) {
    super();
    this.#request = request;
    this.#limit = limit;
    // Between two dispatches nobody else listens, and an error without a listener would end the process.
    this.on("error", () => {});
  }

  override _read(): void {
    if (!this.#begun) {
      this.#begun = true;
      this.#request.on("data", this.#onData).on("end", this.#onEnd).on("close", this.#onClose);
    }
    this.#request.resume();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    if (this.#begun) {
      this.#request.off("data", this.#onData).off("end", this.#onEnd).off("close", this.#onClose);
      // What is left of the body is thrown away, or the connection could not be used again.
      this.#request.resume();
    }
    callback(error);
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#size += chunk.length;
    if (this.#size > this.#limit) this.destroy(new BodyTooLarge());
    else if (!this.push(chunk)) this.#request.pause();
  };

  readonly #onEnd = (): void => void this.push(null);

  readonly #onClose = (): void => {
    if (!this.#request.complete) this.destroy(new ClientLeft());
  };
}
