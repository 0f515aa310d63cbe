import { shortDigest } from "../../core/digest.ts";
import type { Policy, PolicyAnswer } from "../../core/ports.ts";
import type { Milliseconds } from "../../core/time.ts";
import { ruleAt } from "./address.ts";
import { type CompiledPolicy, readPolicy, stampOf } from "./policy-file.ts";
import { answerOf } from "./result.ts";
import { startWasmEngine, type WasmEngine } from "./wasm-engine.ts";

export interface OpaWasmOptions {
  /** Scheme of the addresses: the connection's name. */
  readonly scheme: string;
  /** A `policy.wasm`, or a bundle of `opa build -t wasm`. */
  readonly file: string;
  /** A JSON file with the data of a bare `policy.wasm`. */
  readonly data?: string;
  /** Of one decision, the loading included; 1 s without it. */
  readonly timeoutMs?: Milliseconds;
}

export interface OpaWasmPolicy extends Policy {
  close(): Promise<void>;
}

interface Loaded {
  readonly stamp: string;
  readonly policy: CompiledPolicy;
  readonly engine: WasmEngine;
}

/**
 * Asks a policy that was compiled to Wasm, in a thread of this process: no server, no network. The address
 * `SCHEME://lending/back` is the entry point `lending/back`. A changed file is read anew before the next decision; one
 * that cannot be used makes the policy `unreachable`. Never throws.
 */
export function createOpaWasmPolicy({ scheme, file, data, timeoutMs = 1000 }: OpaWasmOptions): OpaWasmPolicy {
  const files = data === undefined ? [file] : [file, data];
  let loaded: Loaded | undefined;
  let turn: Promise<unknown> = Promise.resolve();

  async function load(): Promise<Loaded> {
    const stamp = await stampOf(files);
    if (loaded && loaded.stamp === stamp && !loaded.engine.ended()) return loaded;
    void loaded?.engine.stop();
    loaded = undefined;
    const policy = await readPolicy(file, data);
    loaded = { stamp, policy, engine: startWasmEngine(policy, timeoutMs) };
    return loaded;
  }

  /** One look at the files at a time, so that a change starts one thread only. */
  function current(): Promise<Loaded> {
    const found = turn.then(load);
    turn = found.catch(() => undefined);
    return found;
  }

  async function decide(rule: readonly string[], question: Parameters<Policy["decide"]>[1], signal: AbortSignal) {
    const { policy, engine } = await current();
    const said = await engine.evaluate(rule.join("/"), question, signal);
    if (said.kind === "value") return answerOf(rule, said.value, decisionOf(policy));
    const kind = said.kind === "undefined" ? ("undefined" as const) : ("unreachable" as const);
    return { kind, reason: said.reason };
  }

  return {
    name: scheme,
    serves: (at) => ruleAt(scheme, at) !== undefined,
    async decide(at, question, signal): Promise<PolicyAnswer> {
      const rule = ruleAt(scheme, at);
      if (!rule) return { kind: "unreachable", reason: `${at} is not ${scheme}://PACKAGE/RULE` };
      try {
        return await decide(rule, question, signal);
      } catch (error) {
        return { kind: "unreachable", reason: `the compiled policy: ${(error as Error).message}` };
      }
    },
    async close() {
      await turn;
      await loaded?.engine.stop();
      loaded = undefined;
    },
  };
}

/** Which policy decided: the digest of its file, and its bundle's revision. */
function decisionOf({ digest, revision }: CompiledPolicy): string {
  return `wasm ${shortDigest(digest)}${revision === undefined ? "" : `, revision ${revision}`}`;
}
