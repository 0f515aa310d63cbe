import { isDigest, type Json } from "../../core/digest.ts";
import type { Undo } from "../../core/playbook.ts";
import type { Applied, Guarantee, RestoreAdapter, RestoreRequest } from "../../core/ports.ts";
import type { Milliseconds } from "../../core/time.ts";
import { appliedIn, bodyOf, concernsIn, heldIn, observedIn, resolvedIn, seenIn } from "./command-answers.ts";
import { type Command, type CommandEnd, runCommand } from "./run-command.ts";

export type Argv = Command["argv"];

/** The programs of one component; docs/adapters/command.md says what each is given and answers. */
export interface CommandComponent {
  readonly read: Argv;
  readonly apply: Argv;
  readonly holds?: Argv;
  readonly resolve?: Argv;
  readonly seen?: Argv;
  readonly concerns?: Argv;
  readonly identify?: Argv;
  /** What `apply` really does with what it is given; not what one would like. */
  readonly guarantee: Guarantee;
  /** What a change by `apply` is. */
  readonly undo?: Undo;
  /** Of one program. */
  readonly timeoutMs: Milliseconds;
}

export interface CommandAdapterOptions {
  /** Scheme of the addresses: the connection's name. */
  readonly scheme: string;
  readonly components: Readonly<Record<string, CommandComponent>>;
  /** Working folder of the programs. */
  readonly folder: string;
  /** Their whole environment, besides what tells them what is asked. */
  readonly environment: Readonly<Record<string, string>>;
}

type Operation = "read" | "apply" | "holds" | "resolve" | "seen" | "concerns" | "identify";

/**
 * Restores components by running programs, at `SCHEME://NAME`. Values reach a program in environment variables and as
 * JSON on its standard input, never on its command line. The guarantee is the weakest of the components'. One `apply`
 * of a component runs at a time; one that is not `cas` is read right before it is written. Never throws.
 */
export function createCommandAdapter(options: CommandAdapterOptions): RestoreAdapter {
  const { scheme, components } = options;
  const prefix = `${scheme}://`;
  const known = (at: string) => {
    const name = at.slice(prefix.length);
    const component = at.startsWith(prefix) && Object.hasOwn(components, name) ? components[name] : undefined;
    return component && { name, component };
  };
  const nowhere = (at: string) => `${at} is not declared (declared: ${Object.keys(components).join(", ") || "none"})`;
  const turns = new Map<string, Promise<unknown>>();
  const fences = new Map<string, number>();

  /** Runs one program of a component, which must have it. */
  async function run(
    at: string,
    operation: Operation,
    values: Readonly<Record<string, string | number>>,
    signal: AbortSignal,
  ): Promise<CommandEnd> {
    const found = known(at);
    const argv = found?.component[operation];
    if (!found || !argv) return { kind: "not-started", reason: nowhere(at), lasting: true };
    const all = { operation, at, component: found.name, ...values };
    const variables = Object.entries(all).map(([key, value]) => [`ROLLBOOK_${key.toUpperCase()}`, String(value)]);
    const { folder, environment } = options;
    const { timeoutMs } = found.component;
    const input = `${JSON.stringify(inputOf(all))}\n`;
    return runCommand(
      { argv, folder, timeoutMs, input, environment: { ...environment, ...Object.fromEntries(variables) } },
      signal,
    );
  }

  async function apply(request: RestoreRequest, component: CommandComponent, signal: AbortSignal): Promise<Applied> {
    const { at, desired, before, key, fence } = request;
    if (component.guarantee !== "cas") {
      const highest = fences.get(at) ?? 0;
      if (fence < highest) return { kind: "stale", reason: `fence ${highest} has written` };
      const live = observedIn(await run(at, "read", {}, signal));
      if (live.kind === "unreachable") return { kind: "unknown", reason: `not written: ${live.reason}` };
      if (live.digest === desired) return { kind: "already" };
      if (live.digest !== before.digest) return { kind: "conflict", reason: "another revision is live" };
    }
    const values = { desired, before_digest: before.digest, before_version: before.version, key, fence };
    const applied = appliedIn(await run(at, "apply", values, signal), desired);
    if (applied.kind !== "refused") fences.set(at, Math.max(fence, fences.get(at) ?? 0));
    return applied;
  }

  const has = (operation: Operation) => Object.values(components).some((component) => component[operation]);
  return {
    name: scheme,
    guarantee: weakest(Object.values(components).map(({ guarantee }) => guarantee)),
    serves: (at) => at.startsWith(prefix) && at.length > prefix.length,
    undo: (at) => known(at)?.component.undo,
    read: async (at, signal) => observedIn(await run(at, "read", {}, signal)),
    async holds(at, digest, signal) {
      if (!isDigest(digest)) return false;
      if (!known(at)?.component.holds) return heldIn(await run(at, "read", {}, signal)).includes(digest);
      const body = bodyOf(await run(at, "holds", { digest }, signal));
      return typeof body !== "string" && body["intact"] === true;
    },
    async apply(request, signal) {
      const { at } = request;
      const found = known(at);
      if (!found) return { kind: "refused", reason: nowhere(at) };
      if (!isDigest(request.desired)) return { kind: "refused", reason: "the desired digest is not a digest" };
      const turn = (turns.get(at) ?? Promise.resolve()).then(() => apply(request, found.component, signal));
      turns.set(at, turn);
      return turn;
    },
    ...(has("resolve") && {
      async resolve(at, reference, signal) {
        if (!known(at)?.component.resolve) return { kind: "unknown", reason: `${at} resolves no names` };
        return resolvedIn(await run(at, "resolve", { reference }, signal), reference);
      },
    }),
    ...(has("seen") && {
      async seen(at, digest, signal) {
        if (known(at)?.component.seen) return seenIn(await run(at, "seen", { digest }, signal));
        const live = observedIn(await run(at, "read", {}, signal));
        if (live.kind === "unreachable") return live;
        return live.digest === digest ? { kind: "seen" } : { kind: "pending", reason: "another revision is live" };
      },
      sees: (at) => known(at)?.component.seen !== undefined,
    }),
    ...(has("concerns") && {
      async concerns(at, digest, signal) {
        return known(at)?.component.concerns ? concernsIn(await run(at, "concerns", { digest }, signal)) : [];
      },
    }),
    ...(has("identify") && {
      async identify(at, signal) {
        if (!known(at)?.component.identify) return { kind: "unreachable", reason: `${at} does not say who it is` };
        const body = bodyOf(await run(at, "identify", {}, signal));
        if (typeof body === "string") return { kind: "unreachable", reason: body };
        const { identity } = body;
        if (typeof identity !== "string" || identity === "")
          return { kind: "unreachable", reason: "its answer has no identity" };
        return { kind: "identified", identity };
      },
    }),
  } satisfies RestoreAdapter;
}

/** The same values for programs that read JSON: `before` as one object. */
function inputOf(values: Readonly<Record<string, string | number>>): Json {
  const { before_digest: digest, before_version: version, ...rest } = values;
  return digest === undefined ? rest : { ...rest, before: { digest, version } };
}

function weakest(all: readonly Guarantee[]): Guarantee {
  if (all.includes("blind")) return "blind";
  return all.includes("idempotent") ? "idempotent" : "cas";
}
