import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import type { Dispatcher } from "undici";
import type { Ending } from "../attribution/counter.ts";
import { type Attempt, type DataPlane, decide, headersOf, nextAfter, stillHolds } from "./attempt.ts";
import type { StaticAnswer } from "./containment.ts";
import { KEY_HEADER, requestHeaders, responseHeaders } from "./headers.ts";
import { type Refusal, refusalOf, refuse } from "./refusal.ts";
import { BodyStream, BodyTooLarge, ClientLeft, planBody, readBody } from "./request-body.ts";
import type { Upstream } from "./upstream.ts";

const EMPTY = Buffer.alloc(0);

/** Thrown in `onRequestStart`, before a byte is written: undici then keeps both the connection and the body. */
class NotSent extends Error {}

/** One request through the gateway, as the handler of its dispatch. */
export class Exchange implements Dispatcher.DispatchHandler {
  readonly #plane: DataPlane;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #key: string;
  #headers: string[] = [];
  #body: Buffer | BodyStream | undefined;
  #attempt: Attempt | undefined;
  #controller: Dispatcher.DispatchController | undefined;
  #status = 0;
  #since = 0;
  #sent = false;
  #ended = false;
  #over: (() => void) | undefined;

  constructor(plane: DataPlane, request: IncomingMessage, response: ServerResponse) {
    this.#plane = plane;
    this.#request = request;
    this.#response = response;
    const key = request.headers[KEY_HEADER];
    this.#key = typeof key === "string" && key !== "" ? key : String(plane.nextSequence());
  }

  /** Reads what has to be read first and dispatches. */
  start(): void {
    const request = this.#request;
    const plan = planBody(request, this.#plane.limits.bodyBytes);
    if (!request.url?.startsWith("/")) this.#refuse("BAD_REQUEST");
    else if (asksForWebSocket(request)) this.#refuse("UPGRADE_UNSUPPORTED");
    else if (plan === "too-large") this.#refuse("BODY_TOO_LARGE");
    else {
      this.#response.on("close", () => this.#onClose());
      this.#headers = requestHeaders(request.rawHeaders, request.headers.connection);
      if (plan === "stream") this.#body = new BodyStream(request, this.#plane.limits.bodyBytes);
      if (plan !== "read-first") this.#dispatch(this.#decide());
      else readBody(request, (body) => this.#dispatch(this.#decide(), body));
    }
  }

  #decide(): Attempt | undefined {
    return decide(this.#plane, this.#key);
  }

  #dispatch(attempt: Attempt | undefined, body: Buffer | BodyStream | undefined = this.#body): void {
    if (this.#ended) return;
    this.#body = body;
    this.#attempt = attempt;
    if (!attempt) this.#refuse("NO_ROUTE");
    else if (!attempt.to) this.#refuse("CONTAINED");
    else if ("status" in attempt.to) this.#answer(attempt.to);
    else this.#send(attempt, attempt.to);
  }

  #send(attempt: Attempt, { pool, base }: Upstream): void {
    const body = this.#body ?? null;
    this.#since = performance.now();
    this.#leave();
    if (attempt.variant !== "fallback") this.#over = this.#plane.begin(attempt.variant);
    const headers = [...this.#headers, "rollbook-request", attempt.id];
    // A body that broke while no dispatch was under way has nobody else to tell.
    if (body instanceof BodyStream && body.errored) this.onResponseError(null, body.errored);
    else pool.dispatch({ path: base + this.#request.url!, method: this.#request.method!, headers, body }, this);
  }

  /** The answer that was signed before it was needed: no upstream has a part in it. */
  #answer({ status, body, headers }: StaticAnswer): void {
    this.#ended = true;
    this.#leave();
    if (this.#body instanceof BodyStream) this.#body.destroy();
    const own = Object.entries({ "content-type": "application/json", ...headers }).flat();
    own.push("content-length", String(Buffer.byteLength(body)), ...this.#ownHeaders());
    this.#response.writeHead(status, own);
    this.#response.end(body);
  }

  /** The last moment before bytes leave: a route that has changed while this request waited is obeyed. */
  onRequestStart(controller: Dispatcher.DispatchController): void {
    const attempt = this.#attempt!;
    if (this.#ended || !stillHolds(this.#plane, attempt)) throw new NotSent();
    if (attempt.server === "candidate") this.#plane.dispatchedToCandidate();
    this.#sent = true;
    this.#controller = controller;
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: IncomingHttpHeaders,
    statusText?: string,
  ): void {
    if (status < 200 || this.#ended) return;
    const flat = responseHeaders(headers);
    flat.push(...this.#ownHeaders());
    this.#response.writeHead(status, statusText ?? "", flat);
    this.#status = status;
    // A body without a length may be a stream whose first word is far off. An empty chunk sends the headers byte for
    // byte, where flushHeaders() would turn Latin-1 into UTF-8, and together with a first word that is here already.
    if (headers["content-length"] === undefined) this.#response.write(EMPTY);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#ended || this.#response.write(chunk)) return;
    controller.pause();
    this.#response.once("drain", () => controller.resume());
  }

  onResponseEnd(): void {
    if (this.#ended) return;
    const failed = this.#status >= 500;
    this.#end({ failed, cancelled: false, ...(failed ? {} : this.#waited()) });
    this.#response.end();
  }

  onResponseError(_controller: Dispatcher.DispatchController | null, error: Error): void {
    if (this.#ended) return;
    if (error instanceof NotSent) queueMicrotask(() => this.#dispatch(this.#decide()));
    else if (this.#status > 0) this.#cut();
    else if (error instanceof ClientLeft) this.#onClose();
    else if (error instanceof BodyTooLarge) {
      this.#end({ failed: false, cancelled: true });
      this.#refuse("BODY_TOO_LARGE");
    } else this.#fail(refusalOf(error));
  }

  /** No response came. Where nothing has left, the next one in the chain answers; the failure stays the first one's. */
  #fail(why: Refusal): void {
    const attempt = this.#attempt!;
    const waited = why === "UPSTREAM_TIMEOUT" ? this.#waited() : {};
    if (why !== "BAD_REQUEST") this.#count(attempt, { failed: true, cancelled: false, ...waited });
    const next = why === "BAD_REQUEST" || this.#sent ? undefined : nextAfter(this.#plane, attempt, this.#key);
    if (!next) this.#refuse(why);
    else queueMicrotask(() => this.#dispatch(stillHolds(this.#plane, next) ? next : this.#decide()));
  }

  /** The upstream broke off in mid-stream: the client must see a broken answer and never a short one. */
  #cut(): void {
    this.#end({ failed: true, cancelled: false, ...this.#waited() });
    // HTTP/1.0 bodies end with the connection, so that a clean close would look like the end.
    if (this.#request.httpVersionMinor === 0) this.#response.socket?.resetAndDestroy();
    this.#response.destroy();
  }

  #onClose(): void {
    if (this.#ended) return;
    const failed = this.#status >= 500;
    this.#end({ failed, cancelled: true, ...(failed ? {} : this.#waited()) });
    this.#controller?.abort(new Error("the client left"));
  }

  #refuse(why: Refusal): void {
    this.#ended = true;
    this.#leave();
    refuse(this.#response, why, this.#ownHeaders());
  }

  /** For the last byte; of an answer that never came whole, at least so long. */
  #waited(): { seconds?: number } {
    return this.#since === 0 ? {} : { seconds: (performance.now() - this.#since) / 1000 };
  }

  #end(ending: Ending): void {
    this.#ended = true;
    this.#leave();
    if (this.#attempt) this.#count(this.#attempt, ending);
  }

  /** It is no longer under way for whom it was sent to. */
  #leave(): void {
    this.#over?.();
    this.#over = undefined;
  }

  #count(attempt: Attempt, ending: Ending): void {
    if (attempt.variant !== "fallback") this.#plane.counter.count(attempt.second, attempt.release, ending, this.#key);
  }

  #ownHeaders(): string[] {
    return this.#attempt ? headersOf(this.#attempt) : [];
  }
}

/** Other upgrades may be ignored (RFC 9110 §7.8); a WebSocket client can do nothing with a plain answer. */
function asksForWebSocket({ headers }: IncomingMessage): boolean {
  return headers.upgrade !== undefined && /\bwebsocket\b/i.test(headers.upgrade);
}
