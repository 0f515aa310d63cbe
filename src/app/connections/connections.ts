import type { Environment } from "../../core/playbook.ts";
import type { Notice, Policy, PolledSource, RestoreAdapter } from "../../core/ports.ts";
import { refuse } from "../../core/refusal.ts";
import type { DeclaredUndo } from "../../playbook/lint-undo.ts";
import type { Connection, SourceContext } from "./connection.ts";
import { guarded, identityFlaw } from "./identity.ts";

/** All outside systems that this process knows, by name; the name is the scheme of their addresses. */
export interface Connections {
  readonly names: readonly string[];
  /** What restores the component at this address, guarded by the identity that was declared for it. @throws RELEASE_REFUSED */
  adapterFor(at: string): RestoreAdapter;
  policyFor(at: string): Policy;
  source(name: string, context: SourceContext): PolledSource;
  /** Tells one audience. Throws when nothing serves it, or it was not accepted. */
  tell(audience: string, notice: Notice): Promise<void>;
  /** Aborts when this process ends. */
  readonly closing: AbortSignal;
  /** Does anything serve this audience? */
  reaches(audience: string): boolean;
  /** Why this is not the environment that a playbook names; empty when it is. */
  elsewhere(environment: Environment | undefined): Promise<readonly string[]>;
  get(name: string): Connection | undefined;
  close(): Promise<void>;
}

/** One connection with the identity that people declared for what answers there. */
export interface Named {
  readonly name: string;
  readonly connection: Connection;
  readonly identity?: string;
}

const TELL_MS = 10_000;
const ADD =
  "Add the connection to connections.yaml, or correct the address; `rollbook doctor --folder DIR` checks both.";

/** `builtIn` are adapters of this process itself: flags, and what a caller brings. */
export function createConnections(all: readonly Named[], builtIn: readonly RestoreAdapter[] = []): Connections {
  const closing = new AbortController();
  const byName = new Map(all.map((named) => [named.name, named]));
  const adapters = [
    ...builtIn,
    ...all.flatMap(({ connection, identity }) =>
      connection.restore ? [identity === undefined ? connection.restore : guarded(connection.restore, identity)] : [],
    ),
  ];
  const channelFor = (audience: string) =>
    all.find(({ connection }) => connection.channel?.serves(audience))?.connection.channel;
  return {
    names: [...byName.keys()],
    get: (name) => byName.get(name)?.connection,
    adapterFor(at) {
      const adapter = adapters.find((candidate) => candidate.serves(at));
      if (!adapter) throw refuse(`no connection serves ${at}`, ADD);
      return adapter;
    },
    policyFor(at) {
      const policy = all.find(({ connection }) => connection.policy?.serves(at))?.connection.policy;
      if (!policy) throw refuse(`no connection serves the policy ${at}`, ADD);
      return policy;
    },
    source(name, context) {
      const make = byName.get(name)?.connection.source;
      if (!make) throw refuse(`no connection called ${name} has signals`, ADD);
      return make(context);
    },
    reaches: (audience) => audience.startsWith("page://") || channelFor(audience) !== undefined,
    async tell(audience, notice) {
      if (audience.startsWith("page://")) return;
      const channel = channelFor(audience);
      if (!channel) throw refuse(`nothing serves the audience ${audience}`, ADD);
      await channel.tell(audience, notice, AbortSignal.timeout(TELL_MS));
    },
    async elsewhere(environment) {
      const checks = (environment?.is ?? []).map((is) => mismatch(is, adapters, all));
      return (await Promise.all(checks)).filter((reason) => reason !== undefined);
    },
    closing: closing.signal,
    async close() {
      closing.abort();
      await Promise.all(all.map(({ connection }) => connection.close?.()));
    },
  };
}

/** What the connection of an address declares of a change there; undefined where none serves it. */
export function undoIn(all: readonly Named[]): (at: string) => DeclaredUndo | undefined {
  return (at) => {
    const restore = all.find(({ connection }) => connection.restore?.serves(at))?.connection.restore;
    return restore && (restore.undo(at) ?? "undeclared");
  };
}

async function mismatch(
  is: string,
  adapters: readonly RestoreAdapter[],
  all: readonly Named[],
): Promise<string | undefined> {
  if (is === "local") return undefined;
  const adapter = adapters.find((candidate) => candidate.identify && candidate.serves(is));
  if (!adapter) return `nothing can tell who answers at ${is}`;
  const named = all.find(({ connection }) => connection.restore?.serves(is));
  return (await identityFlaw(adapter, is, named?.identity))?.reason;
}
