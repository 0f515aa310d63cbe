import type { Resolved } from "../../core/ports.ts";
import { nameOf } from "./address.ts";
import { type FlagDocument, servesInWords, type Variation } from "./flag-document.ts";
import type { ServingState } from "./serving-state.ts";
import { capture, intactState, type Snapshots } from "./snapshots.ts";

/** The name under which the state of a flag's version in an environment is kept. */
export function versionName({ address }: FlagDocument, environment: string, version: number | string): string {
  return `${nameOf(address)} in ${environment}, version ${version}`;
}

/**
 * What people mean by a reference: `version:N` or a number is a version that was captured; `off` and `on` are the live
 * targeting turned off or on; `variation:NAME` or a name is that variation for everyone. May throw as `snapshots` does.
 */
export async function resolveReference(
  snapshots: Snapshots,
  live: FlagDocument,
  environment: string,
  reference: string,
): Promise<Resolved> {
  const version = /^(?:version:)?(\d+)$/.exec(reference)?.[1];
  if (version !== undefined) {
    const digest = await snapshots.named(versionName(live, environment, version));
    const state = digest === undefined ? undefined : await intactState(snapshots, digest);
    if (digest !== undefined && state !== undefined) {
      return { kind: "revision", revision: { digest, label: label(live, state, `version ${version}`) } };
    }
    if (reference.startsWith("version:") || variationsCalled(live, reference).length === 0) {
      const reason = `version ${version} of the ${nameOf(live.address)} was never captured, and LaunchDarkly cannot give it back`;
      return { kind: "unknown", reason };
    }
  }
  const state = stateCalled(live, reference);
  if (typeof state === "string") return { kind: "unknown", reason: state };
  const digest = await capture(snapshots, state);
  return { kind: "revision", revision: { digest, label: label(live, state, reference) } };
}

function label({ address, variations }: FlagDocument, state: ServingState, called: string): string {
  return `${address.key} ${called}: ${servesInWords(state, variations)}`;
}

/** A state, or why there is none of that name. */
function stateCalled(live: FlagDocument, reference: string): ServingState | string {
  const { state, address } = live;
  if (reference === "on" || reference === "off") {
    if (address.kind === "flag") return { ...state, on: reference === "on" };
    return `LaunchDarkly has no instruction that turns an AI config ${reference}; name a variation, the disabled one say`;
  }
  const name = reference.replace(/^variation:/, "");
  const found = variationsCalled(live, name);
  if (found.length === 0) {
    const names = live.variations.map((one) => one.names[0] ?? one.id).join(", ");
    return `the ${nameOf(address)} has no variation "${name}" (it has: ${names})`;
  }
  const refs = new Set(found.map(({ ref }) => ref));
  const variation = found[0]?.ref;
  if (variation === undefined || refs.size > 1) return `${found.length} variations are called "${name}"; use an id`;
  return { ...state, on: true, fallthrough: { variation }, targets: [], rules: [], prerequisites: [] };
}

function variationsCalled({ variations }: FlagDocument, name: string): readonly Variation[] {
  const exact = variations.filter(({ id }) => id === name);
  return exact.length > 0 ? exact : variations.filter(({ names }) => names.includes(name));
}
