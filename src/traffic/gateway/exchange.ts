import type { KeyObject } from "node:crypto";
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import type { Dispatcher, Pool } from "undici";
import { shortDigest } from "../../core/digest.ts";
import type { Route } from "../../core/entry.ts";
import type { Clock } from "../../core/ports.ts";
import type { ReleaseId } from "../../core/release.ts";
import type { Counter } from "../attribution/counter.ts";
import { mintRequestId } from "../attribution/request-id.ts";
import { assign, type Variant } from "../routing/assignment.ts";
import type { Exposure } from "../routing/exposure.ts";
import { KEY_HEADER, requestHeaders, responseHeaders } from "./headers.ts";
import type { Limits } from "./limits.ts";
import { type Refusal, refusalOf, refuse } from "./refusal.ts";
import { BodyStream, BodyTooLarge, ClientLeft, planBody, readBody } from "./request-body.ts";

/** An upstream: where requests of one variant go. `base` is the path that its address carries. */
export interface Upstream {
  readonly pool: Pool;
  readonly base: string;
}

/** What every exchange of a gateway shares. */
export interface DataPlane {
  readonly exposure: Exposure;
  readonly counter: Counter;
  readonly clock: Clock;
  readonly key: KeyObject;
  readonly limits: Limits;
  readonly upstreams: Readonly<Record<Variant, Upstream>>;
  nextSequence(): number;
  dispatchedToCandidate(): void;
}

const EMPTY = Buffer.alloc(0);

/** One way of serving a request: the route it was decided under, and what that came to. */
interface Attempt {
  readonly route: Route;
  readonly variant: Variant | "fallback";
  readonly release: ReleaseId;
  readonly second: number;
  readonly id: string;
}

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
  #sent = false;
  #ended = false;

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
    const route = this.#plane.exposure.effective();
    return route && this.#attemptAs(route, assign(route, this.#key));
  }

  #attemptAs(route: Route, variant: Attempt["variant"]): Attempt {
    const release = variant === "candidate" ? route.candidate! : route.stable;
    const second = Math.floor(this.#plane.clock.now() / 1000);
    const sequence = this.#plane.nextSequence();
    const identity = { second, variant, release: shortDigest(release), sequence };
    return { route, variant, release, second, id: mintRequestId(this.#plane.key, identity) };
  }

  #dispatch(attempt: Attempt | undefined, body: Buffer | BodyStream | undefined = this.#body): void {
    if (this.#ended) return;
    this.#body = body;
    this.#attempt = attempt;
    if (attempt) this.#send(attempt);
    else this.#refuse("NO_ROUTE");
  }

  #send(attempt: Attempt): void {
    const { pool, base } = this.#plane.upstreams[attempt.variant === "candidate" ? "candidate" : "stable"];
    const body = this.#body ?? null;
    const headers = [...this.#headers, "rollbook-request", attempt.id];
    // A body that broke while no dispatch was under way has nobody else to tell.
    if (body instanceof BodyStream && body.errored) this.onResponseError(null, body.errored);
    else pool.dispatch({ path: base + this.#request.url!, method: this.#request.method!, headers, body }, this);
  }

  /** The last moment before bytes leave: a route that has changed while this request waited is obeyed. */
  onRequestStart(controller: Dispatcher.DispatchController): void {
    const { route, variant } = this.#attempt!;
    if (this.#ended) throw new NotSent();
    if (variant !== "fallback" && this.#plane.exposure.effective() !== route) throw new NotSent();
    if (variant === "candidate") this.#plane.dispatchedToCandidate();
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
    this.#end({ failed: this.#status >= 500, cancelled: false });
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

  /** No response came. Where nothing has left for the candidate, stable answers; the failure stays the candidate's. */
  #fail(why: Refusal): void {
    const attempt = this.#attempt!;
    if (why !== "BAD_REQUEST") this.#count(attempt, { failed: true, cancelled: false });
    if (why === "BAD_REQUEST" || this.#sent || attempt.variant !== "candidate") this.#refuse(why);
    else {
      const route = this.#plane.exposure.effective() ?? attempt.route;
      queueMicrotask(() => this.#dispatch(this.#attemptAs(route, "fallback")));
    }
  }

  /** The upstream broke off in mid-stream: the client must see a broken answer and never a short one. */
  #cut(): void {
    this.#end({ failed: true, cancelled: false });
    // HTTP/1.0 bodies end with the connection, so that a clean close would look like the end.
    if (this.#request.httpVersionMinor === 0) this.#response.socket?.resetAndDestroy();
    this.#response.destroy();
  }

  #onClose(): void {
    if (this.#ended) return;
    this.#end({ failed: this.#status >= 500, cancelled: true });
    this.#controller?.abort(new Error("the client left"));
  }

  #refuse(why: Refusal): void {
    this.#ended = true;
    refuse(this.#response, why, this.#ownHeaders());
  }

  #end(ending: { failed: boolean; cancelled: boolean }): void {
    this.#ended = true;
    if (this.#attempt) this.#count(this.#attempt, ending);
  }

  #count(attempt: Attempt, ending: { failed: boolean; cancelled: boolean }): void {
    if (attempt.variant !== "fallback") this.#plane.counter.count(attempt.second, attempt.release, ending);
  }

  #ownHeaders(): string[] {
    const attempt = this.#attempt;
    if (!attempt) return [];
    const variant = attempt.variant === "fallback" ? "candidate" : attempt.variant;
    const release = shortDigest(attempt.release);
    const own = ["rollbook-request", attempt.id, "rollbook-release", release, "rollbook-variant", variant];
    own.push("rollbook-epoch", String(attempt.route.epoch));
    if (attempt.variant === "fallback") own.push("rollbook-served", "stable");
    return own;
  }
}
