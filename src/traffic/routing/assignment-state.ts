import { isDigest, type Json } from "../../core/digest.ts";
import type { Route } from "../../core/entry.ts";
import type { Instant } from "../../core/time.ts";
import { BUCKETS, type Variant } from "./assignment.ts";

/** What a release flag says: anything that JSON can hold, of one type for all releases. */
export type FlagValue = Exclude<Json, null>;

/** All that a client needs to assign by itself, as it goes over the wire. */
export interface AssignmentState {
  readonly system: string;
  /** Key of the release flag. */
  readonly key: string;
  readonly route: Route;
  /** By the server's clock, as `now` is. */
  readonly leaseUntil: Instant;
  readonly now: Instant;
  readonly values: Readonly<Partial<Record<Variant, FlagValue>>>;
}

/** Reads what a server sent; answers what is wrong with it, for a client that must not act on half of it. */
export function readAssignmentState(text: string, system: string): AssignmentState | { readonly flaw: string } {
  let state: AssignmentState;
  try {
    state = JSON.parse(text);
  } catch {
    return { flaw: "the answer is not JSON" };
  }
  const { route, values, key, leaseUntil, now } = state ?? {};
  if (state?.system !== system || route?.system !== system) return { flaw: `the answer is not about ${system}` };
  if (typeof key !== "string" || !isInstant(leaseUntil) || !isInstant(now)) return { flaw: "the answer is not whole" };
  if (!Number.isInteger(route.epoch) || !isDigest(route.stable)) return { flaw: "the route has no epoch or no stable" };
  if (route.candidate !== undefined && !isDigest(route.candidate)) return { flaw: "the candidate is not a digest" };
  const ppm = route.candidatePpm;
  if (!Number.isInteger(ppm) || ppm < 0 || ppm > BUCKETS) return { flaw: "the share is not in 0 to 1,000,000" };
  if ((values?.stable ?? null) === null) return { flaw: "stable has no value" };
  if (route.candidate !== undefined && (values.candidate ?? null) === null) return { flaw: "candidate has no value" };
  return state;
}

function isInstant(value: unknown): boolean {
  return typeof value === "number" && Number.isFinite(value) && value >= 0;
}
