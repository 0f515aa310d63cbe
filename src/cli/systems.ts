import { RollbookError } from "../core/errors.ts";
import type { Order, Rollback } from "../core/rollout.ts";
import type { WayBack } from "../core/way-back.ts";
import { ask } from "./client.ts";
import type { CommandInput } from "./command.ts";

/** A rollout, as `status` shows it. */
export interface ShownRollout {
  readonly id: string;
  readonly system: string;
  readonly phase: string;
  readonly step: number;
  readonly candidate: string;
  readonly stable: string;
  readonly startedAt: number;
  readonly endedAt?: number;
  readonly promotedAt?: number;
  readonly unannounced?: boolean;
  readonly note?: string;
  readonly wouldHave?: { readonly at: number; readonly because: readonly string[] };
  readonly candidateLabel?: string;
  readonly rollback?: Rollback;
  readonly order?: Order;
}

/** One system, as the server's `status` shows it. */
export interface Status {
  readonly system: string;
  readonly owner: string;
  readonly risk: string;
  readonly authority: string;
  /** The digest of the playbook that is in effect. */
  readonly playbook: string;
  readonly environment?: { readonly name: string };
  readonly gateway?: string;
  /** Which replica acts on it, where there are several. */
  readonly holder?: { readonly here: boolean; readonly name?: string };
  readonly route?: { readonly candidatePpm: number; readonly epoch: number; readonly contained?: string };
  /** The same as requests see it: without a share whose lease has lapsed. */
  readonly served?: { readonly candidatePpm: number; readonly contained?: string };
  /** What was done and the store has not taken yet. */
  readonly unrecorded?: { readonly what: string; readonly since: number; readonly reason: string };
  /** Since when the store cannot be read, and why: what it would know is as old as that. */
  readonly storeAway?: { readonly since: number; readonly reason: string };
  /** Since when it takes no write any more, until the process is started again. */
  readonly storeOver?: { readonly since: number; readonly reason: string };
  /** The rollout whose run breaks by a fault of Rollbook's own. */
  readonly broken?: { readonly what: string; readonly since: number; readonly reason: string };
  readonly lastKnownGood?: {
    readonly release: string;
    readonly provedAt?: number;
    readonly label?: string;
    readonly revisions?: Readonly<Record<string, { readonly digest: string; readonly label: string }>>;
  };
  readonly sources: Readonly<Record<string, { readonly kind: string; readonly reason?: string }>>;
  readonly drift?: {
    readonly since: number;
    readonly watched: readonly string[];
    readonly told?: {
      readonly at: number;
      readonly because: readonly { readonly name: string; readonly since: number }[];
    };
  };
  readonly wayBack?: WayBack;
  readonly rollouts: readonly ShownRollout[];
}

/** The names of all protected systems. */
export async function systemNames(input: CommandInput): Promise<readonly string[]> {
  const systems = (await ask(input, "GET", "/v1/systems")) as readonly { readonly system: string }[];
  return systems.map(({ system }) => system);
}

/** The system that is meant; undefined where the server has at most one. @throws USAGE where there are several */
export async function systemMeant(input: CommandInput): Promise<string | undefined> {
  if (input.options.system !== undefined) return input.options.system;
  const names = await systemNames(input);
  if (names.length < 2) return undefined;
  const what = `This Rollbook protects ${names.join(", ")}: name one with --system`;
  throw new RollbookError("USAGE", { what });
}

export async function statusOf(input: CommandInput, system: string | undefined): Promise<Status> {
  const query = system === undefined ? "" : `?system=${encodeURIComponent(system)}`;
  return (await ask(input, "GET", `/v1/status${query}`)) as Status;
}

/** The rollout that is named, or the newest one of the system. @throws NOT_FOUND */
export async function newestRollout(input: CommandInput): Promise<string> {
  const [named] = input.words;
  if (named !== undefined) return named;
  const { rollouts } = await statusOf(input, await systemMeant(input));
  if (!rollouts[0]) throw new RollbookError("NOT_FOUND", { what: "rollout yet" });
  return rollouts[0].id;
}

/** The rollout that is named, or the one that is running. @throws NOT_FOUND */
export async function runningRollout(input: CommandInput): Promise<string> {
  const [named] = input.words;
  if (named !== undefined) return named;
  const { rollouts, system } = await statusOf(input, await systemMeant(input));
  const running = rollouts.find(({ endedAt }) => endedAt === undefined);
  if (!running) throw new RollbookError("NOT_FOUND", { what: `running rollout of ${system}` });
  return running.id;
}

/** The rollout that is named, or the one that is running, or the newest one whose restore is stuck. @throws NOT_FOUND */
export async function waitingRollout(input: CommandInput): Promise<string> {
  const [named] = input.words;
  if (named !== undefined) return named;
  const { rollouts, system } = await statusOf(input, await systemMeant(input));
  const running = rollouts.find(({ endedAt }) => endedAt === undefined);
  const waiting = running ?? (rollouts[0]?.rollback?.outcome === "stuck" ? rollouts[0] : undefined);
  if (!waiting) throw new RollbookError("NOT_FOUND", { what: `running or stuck rollout of ${system}` });
  return waiting.id;
}

/** Where a call of one rollout goes. */
export function rolloutPath(id: string, action: string): string {
  return `/v1/rollouts/${encodeURIComponent(id)}/${action}`;
}

/** Data for programs. */
export function show(input: CommandInput, value: unknown): void {
  input.out(JSON.stringify(value, undefined, 2));
}
