import { readFileSync } from "node:fs";
import { parentPort, workerData } from "node:worker_threads";
import { type LoadedPolicy, loadPolicy } from "@open-policy-agent/opa-wasm";
import type { Json } from "../../core/digest.ts";
import type { EngineAnswer, EngineQuestion } from "./wasm-engine.ts";

/** 64 KiB each: at most 128 MiB for a policy, its data and one evaluation. */
const PAGES = { initial: 5, maximum: 2048 };

/** The exports of OPA's Wasm ABI that are used here. */
interface OpaExports {
  builtins(): number;
  opa_json_dump(value: number): number;
}

const { wasm, data } = workerData as { readonly wasm: Uint8Array<ArrayBuffer>; readonly data: Json };
const loading = load();
loading.catch(() => undefined);

parentPort?.on("message", (question: EngineQuestion) => {
  void answer(question).then((said) => parentPort?.postMessage({ id: question.id, said }));
});

async function answer({ entrypoint, input }: EngineQuestion): Promise<EngineAnswer> {
  try {
    const policy = await loading;
    const known = Object.keys(policy.entrypoints);
    if (!known.includes(entrypoint)) {
      const reason = `the policy has no entry point ${entrypoint} (it has ${known.sort().join(", ")}); build it with -e ${entrypoint}`;
      return { kind: "undefined", reason };
    }
    const [first] = policy.evaluate(input, entrypoint) as readonly { readonly result: unknown }[];
    if (first === undefined)
      return { kind: "undefined", reason: `data.${entrypoint.replaceAll("/", ".")} is undefined` };
    return { kind: "value", value: first.result };
  } catch (error) {
    return { kind: "failed", reason: reasonOf(error) };
  }
}

async function load(): Promise<LoadedPolicy> {
  const policy = await loadPolicy(wasm, PAGES);
  const missing = builtinsOf(policy).filter((name) => !SUPPORTED.has(name));
  if (missing.length > 0) {
    throw new Error(`the policy needs ${missing.join(", ")}, which Wasm in process does not have; ask an OPA server`);
  }
  policy.setData(data as object);
  return policy;
}

/** The built-in functions that the policy expects of its host. */
function builtinsOf(policy: LoadedPolicy): readonly string[] {
  const exports = (policy.wasmInstance as unknown as { readonly exports: OpaExports }).exports;
  const memory = Buffer.from(policy.mem.buffer);
  const from = exports.opa_json_dump(exports.builtins());
  return Object.keys(JSON.parse(memory.toString("utf8", from, memory.indexOf(0, from))));
}

/** What the runtime says it supports, from its own list of capabilities. */
const SUPPORTED: ReadonlySet<string> = new Set(
  (
    JSON.parse(
      readFileSync(new URL("../capabilities.json", import.meta.resolve("@open-policy-agent/opa-wasm")), "utf8"),
    ) as { readonly builtins: readonly { readonly name: string }[] }
  ).builtins.map(({ name }) => name),
);

/** OPA's runtime throws errors, texts and objects with a message. */
function reasonOf(error: unknown): string {
  const message = (error as { readonly message?: unknown } | null)?.message;
  return String(typeof message === "string" ? message : error).slice(0, 300);
}
