import type { Control } from "../control/control.ts";
import type { Route } from "../core/entry.ts";
import { RollbookError } from "../core/errors.ts";
import type { Playbook } from "../core/playbook.ts";
import type { RestoreAdapter, SourceHealth, Store, TokenRecord } from "../core/ports.ts";
import type { ReleaseId } from "../core/release.ts";
import type { Instant } from "../core/time.ts";

/** One protected system, as operations see it. */
export interface OperatedSystem {
  playbook(): Playbook;
  control(): Control;
  readonly edge: {
    readonly gateway?: string;
    /** The route as requests see it now: the candidate's share is a lease and may have lapsed. */
    readonly served: () => Route | undefined;
  };
  /** Which replica acts on it; undefined where there is only one process. */
  holder?(): { readonly here: boolean; readonly name?: string } | undefined;
  sources(): { readonly health: () => Readonly<Record<string, SourceHealth>> };
}

/** What operations need: the systems of this process, the store, and what connections, edge and ledger do. */
export interface OperationContext {
  readonly systems: ReadonlyMap<string, OperatedSystem>;
  readonly store: Store;
  /** What this process knows of its store by using it. `over`: it takes no write any more, until the process is started again. */
  readonly storeHealth: { readonly unreadable: () => Trouble | undefined; readonly over: () => Trouble | undefined };
  readonly connections: {
    readonly names: readonly string[];
    readonly adapterFor: (at: string) => Pick<RestoreAdapter, "read" | "seen">;
    readonly reaches: (audience: string) => boolean;
    readonly elsewhere: (environment: Playbook["environment"]) => Promise<readonly string[]>;
  };
  /** Makes a token and answers its secret, once. */
  readonly issueToken: (role: TokenRecord["role"], id: string) => Promise<string>;
  readonly reportOutcomes: (items: readonly OutcomeItem[]) => Taken & { readonly accepted: number };
  /** Counts that other processes have made; each is checked when it is taken. */
  readonly takeBlocks: (blocks: readonly unknown[]) => Taken & { readonly new: number; readonly duplicate: number };
  readonly ledger: {
    readonly verify: () => Promise<unknown>;
    readonly receipt: (index: number) => Promise<unknown>;
  };
}

interface Trouble {
  readonly since: Instant;
  readonly reason: string;
}

/** What was not taken of a batch, and why. */
interface Taken {
  readonly rejected: number;
  /** Group labels that were counted as `other`. */
  readonly otherGroups?: number;
  readonly flaws?: readonly { readonly index: number; readonly reason: string }[];
}

/** Outcomes of one request by its id, or of one arm that an authenticated reporter assigned by itself. */
export type OutcomeItem = OutcomeNumbers &
  (
    | { readonly request: string }
    | { readonly system: string; readonly release: ReleaseId; readonly second: number; readonly key: string }
  );

interface OutcomeNumbers {
  readonly counts: Readonly<Record<string, number>>;
  readonly values?: Readonly<Record<string, number | readonly number[]>>;
  readonly groups?: Readonly<Record<string, string>>;
  readonly unit?: string | Readonly<Record<string, string>>;
}

/** The system that is meant: by its name, or the only one there is. @throws NOT_FOUND, SYSTEM_UNREACHABLE, REQUEST_INVALID */
export function systemOf({ systems }: OperationContext, name: string | undefined): OperatedSystem {
  if (systems.size === 0) throw new RollbookError("SYSTEM_UNREACHABLE", { reason: "no AI system is connected yet" });
  if (name !== undefined) {
    const found = systems.get(name);
    if (found) return found;
    throw new RollbookError("NOT_FOUND", { what: `system ${name}; there is ${[...systems.keys()].join(", ")}` });
  }
  if (systems.size === 1) return [...systems.values()][0]!;
  throw new RollbookError("REQUEST_INVALID", { reason: `which system? Name one of ${[...systems.keys()].join(", ")}` });
}

/** The use cases of the system that a rollout belongs to. @throws NOT_FOUND */
export async function controlOf(context: OperationContext, rollout: string): Promise<Control> {
  const running = [...context.systems.values()].find((system) => system.control().acting(rollout));
  if (running) return running.control();
  const found = await context.store.rollout(rollout);
  if (!found) throw new RollbookError("NOT_FOUND", { what: `rollout ${rollout}` });
  return systemOf(context, found.system).control();
}
