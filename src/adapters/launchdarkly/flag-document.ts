import { canonicalJson, type Digest, type Json } from "../../core/digest.ts";
import type { FlagAddress } from "./address.ts";
import {
  type RawTargeting,
  type Serve,
  type ServingState,
  servingState,
  stateDigest,
  variationRef,
} from "./serving-state.ts";

export interface Variation {
  readonly id: string;
  readonly ref: Digest;
  /** What people call it: its name, its value when that is short, `KEY@VERSION` for a variation of an AI config. */
  readonly names: readonly string[];
}

/** A flag or AI config in one environment, as the management API answers. */
export interface FlagDocument {
  readonly address: FlagAddress;
  readonly variations: readonly Variation[];
  /** The environment's own count of changes; every patch that changes something adds one. */
  readonly version: number;
  readonly state: ServingState;
  readonly digest: Digest;
  readonly archived: boolean;
  readonly temporary: boolean;
  readonly tags: readonly string[];
}

type Fields = Readonly<Record<string, unknown>>;

/** Throws, saying what is missing, on an answer that it does not understand. */
export function flagDocument(address: FlagAddress, environment: string, body: unknown): FlagDocument {
  const fields = fieldsOf(body, "the answer");
  const targeting = fieldsOf(
    fieldsOf(fields["environments"], "environments")[environment],
    `the environment "${environment}"; check the setting \`environment\``,
  );
  const variations = listOf(fields["variations"], "variations").map((one) => fieldsOf(one, "a variation"));
  const ai = address.kind === "ai-config";
  const version = targeting[ai ? "_version" : "version"];
  const on = targeting[ai ? "enabled" : "on"];
  if (typeof version !== "number" || typeof on !== "boolean") throw new Error("the answer has no version and state");
  const values = variations.map(({ value }) => (value ?? null) as Json);
  const state = servingState(address, { ...targeting, on } as RawTargeting, values);
  return {
    address,
    variations: variations.map((one, index) => variationOf(one, values[index] as Json)),
    version,
    state,
    digest: stateDigest(state),
    archived: fields["archived"] === true || targeting["archived"] === true,
    temporary: fields["temporary"] === true,
    tags: Array.isArray(fields["tags"]) ? fields["tags"].map(String) : [],
  };
}

/** What the SDKs are given for a flag: the same targeting, and the variations as bare values. Throws as above. */
export function servedState(address: FlagAddress, payload: unknown): { digest: Digest; version: unknown } | undefined {
  const flag = fieldsOf(fieldsOf(fieldsOf(payload, "the answer")["flags"], "flags"), "flags")[address.key];
  if (flag === undefined) return undefined;
  const fields = fieldsOf(flag, "the flag");
  if (fields["deleted"] === true) return undefined;
  const values = listOf(fields["variations"], "variations") as readonly Json[];
  const state = servingState(address, { ...fields, on: fields["on"] === true } as RawTargeting, values);
  return { digest: stateDigest(state), version: fields["version"] };
}

/** What a state serves to whoever no rule and no target names, in words. */
export function servesInWords({ on, off, fallthrough }: ServingState, variations: readonly Variation[]): string {
  if (!on) return `off, serves ${off === null ? "the default in the code" : quoted(off, variations)}`;
  if (fallthrough === null) return "on";
  return `on, serves ${serveInWords(fallthrough, variations)}`;
}

function serveInWords(serve: Serve, variations: readonly Variation[]): string {
  if ("variation" in serve) return quoted(serve.variation, variations);
  return serve.weights.map(({ variation, weight }) => `${weight / 1000} % ${quoted(variation, variations)}`).join(", ");
}

export function quoted(ref: Digest, variations: readonly Variation[]): string {
  const found = variations.find((one) => one.ref === ref);
  return found ? `"${found.names[0] ?? found.id}"` : "a variation that is gone";
}

function variationOf(fields: Fields, value: Json): Variation {
  const { _id: id, name } = fields;
  if (typeof id !== "string") throw new Error("a variation has no id");
  const short = canonicalJson(value);
  const meta = typeof value === "object" && value !== null && "_ldMeta" in value ? value["_ldMeta"] : undefined;
  const names = [name, typeof value === "string" ? value : short].filter(
    (one): one is string => typeof one === "string" && one !== "" && one.length <= 60,
  );
  return { id, ref: variationRef(value), names: [...new Set([...names, ...metaNames(meta)])] };
}

function metaNames(meta: unknown): readonly string[] {
  if (typeof meta !== "object" || meta === null) return [];
  const { variationKey, version } = meta as Fields;
  if (typeof variationKey !== "string") return [];
  return typeof version === "number" ? [variationKey, `${variationKey}@${version}`] : [variationKey];
}

function fieldsOf(value: unknown, what: string): Fields {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new Error(`the answer lacks ${what}`);
  return value as Fields;
}

function listOf(value: unknown, what: string): readonly unknown[] {
  if (!Array.isArray(value)) throw new Error(`the answer lacks ${what}`);
  return value;
}
