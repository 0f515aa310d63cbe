import type { KeyObject } from "node:crypto";
import { type Digest, shortDigest } from "../../core/digest.ts";
import type { Route } from "../../core/entry.ts";
import type { Clock } from "../../core/ports.ts";
import type { ReleaseId } from "../../core/release.ts";
import type { Counter } from "../attribution/counter.ts";
import { mintRequestId } from "../attribution/request-id.ts";
import { assign, type Variant } from "../routing/assignment.ts";
import type { Exposure } from "../routing/exposure.ts";
import type { Containment, StaticAnswer } from "./containment.ts";
import type { Limits } from "./limits.ts";
import type { Upstream } from "./upstream.ts";

/** What every exchange of a gateway shares. */
export interface DataPlane {
  readonly exposure: Exposure;
  readonly counter: Counter;
  readonly clock: Clock;
  readonly key: KeyObject;
  readonly limits: Limits;
  upstreamOf(variant: Variant, swapped: boolean | undefined): Upstream;
  readonly fallback: { readonly else?: Upstream; readonly safe?: Upstream | StaticAnswer };
  containment(): Containment | undefined;
  nextSequence(): number;
  dispatchedToCandidate(): void;
  /** A request of an arm begins; the answer is to be called when it ends. */
  begin(variant: Variant): () => void;
}

/** Who serves a request in the end. */
export type Server = Variant | "else" | "safe";

/** One way of serving a request: what it was decided under, and what that came to. */
export interface Attempt {
  readonly route: Route | undefined;
  readonly containment: Containment | undefined;
  /** `fallback`: served by another one than the assigned; it counts for nobody. */
  readonly variant: Variant | "fallback";
  readonly server: Server;
  /** Absent where the pre-signed fallback that is needed was not given. */
  readonly to: Upstream | StaticAnswer | undefined;
  readonly release: ReleaseId;
  readonly second: number;
  readonly id: string;
}

/** Stands in request ids for "none of our releases". */
const NO_RELEASE: Digest = `sha256:${"0".repeat(64)}`;

/** What to do with a request now; undefined before the first route, unless a containment says where to go. */
export function decide(plane: DataPlane, key: string): Attempt | undefined {
  const contained = plane.containment();
  if (contained === "else" || contained === "safe") return preSigned(plane, contained);
  const route = plane.exposure.effective();
  if (!route) return undefined;
  const variant = contained === "stable" ? "stable" : assign(route, key);
  return attemptAt(plane, route, variant, variant, plane.upstreamOf(variant, route.swapped));
}

/** The way after one that could not be reached and got nothing; undefined when there is none. */
export function nextAfter(plane: DataPlane, failed: Attempt, key: string): Attempt | undefined {
  if (plane.containment() !== failed.containment) return decide(plane, key);
  if (failed.server === "else" && plane.fallback.safe) return preSigned(plane, "safe");
  const route = plane.exposure.effective() ?? failed.route;
  if (failed.server !== "candidate" || !route) return undefined;
  return attemptAt(plane, route, "fallback", "stable", plane.upstreamOf("stable", route.swapped));
}

/** Is it still what would be decided? Asked before the first byte leaves. */
export function stillHolds(plane: DataPlane, attempt: Attempt): boolean {
  const { variant, server, route, containment, to } = attempt;
  if (plane.containment() !== containment) return false;
  if (server === "else" || server === "safe") return true;
  if (variant !== "fallback" && plane.exposure.effective() !== route) return false;
  return plane.upstreamOf(server, (plane.exposure.effective() ?? route)?.swapped) === to;
}

function preSigned(plane: DataPlane, wanted: "else" | "safe"): Attempt {
  const server = wanted === "else" && plane.fallback.else ? "else" : "safe";
  return attemptAt(plane, plane.exposure.effective(), "fallback", server, plane.fallback[server]);
}

function attemptAt(
  plane: DataPlane,
  route: Route | undefined,
  variant: Attempt["variant"],
  server: Server,
  to: Attempt["to"],
): Attempt {
  const release = (server === "candidate" ? route?.candidate : route?.stable) ?? NO_RELEASE;
  const second = Math.floor(plane.clock.now() / 1000);
  const identity = { second, variant, release: shortDigest(release), sequence: plane.nextSequence() };
  const containment = plane.containment();
  return { route, containment, variant, server, to, release, second, id: mintRequestId(plane.key, identity) };
}

/** What the answer says of who made it, flat: names and values in turn. */
export function headersOf({ id, server, variant, release, route }: Attempt): string[] {
  const own = ["rollbook-request", id];
  if (server === "stable" || server === "candidate") {
    own.push("rollbook-release", shortDigest(release));
    own.push("rollbook-variant", variant === "fallback" ? "candidate" : variant);
  }
  if (route) own.push("rollbook-epoch", String(route.epoch));
  if (variant === "fallback") own.push("rollbook-served", server);
  return own;
}
