/** Where an alias of MLflow's registry lies: models and prompts share one space of names. */
export interface Place {
  readonly kind: "model" | "prompt";
  readonly name: string;
  readonly alias: string;
  /** How the settings name it: `NAME@ALIAS`. */
  readonly key: string;
}

/** A place, or what is wrong with the address. */
export type PlaceOrFlaw = Place | { readonly flaw: string };

/** Room for `rollbook.fence.` within the 250 characters that MLflow allows a tag's key. */
const LONGEST_ALIAS = 200;

/**
 * Reads `SCHEME://models/NAME@ALIAS` and `SCHEME://prompts/NAME@ALIAS`, percent-encoded where a name must be. Which
 * names and aliases MLflow takes: mlflow/utils/validation.py (3.17).
 */
export function placeAt(scheme: string, at: string): PlaceOrFlaw {
  const form = `write ${scheme}://models/NAME@ALIAS or ${scheme}://prompts/NAME@ALIAS`;
  const [kind, encoded, ...more] = at.slice(scheme.length + 3).split("/");
  if ((kind !== "models" && kind !== "prompts") || encoded === undefined || more.length > 0) {
    return { flaw: `${at} is no alias of MLflow's registry; ${form}` };
  }
  const text = decoded(encoded);
  const cut = text?.lastIndexOf("@") ?? -1;
  if (text === undefined || cut <= 0) return { flaw: `${at} names no alias; ${form}` };
  const [name, alias] = [text.slice(0, cut), text.slice(cut + 1)];
  if (/[/:]/.test(name)) return { flaw: `"${name}" is no name: MLflow allows neither / nor : in it` };
  if (!/^[\w-]+$/.test(alias) || alias.length > LONGEST_ALIAS) return { flaw: `"${alias}" is no alias of MLflow` };
  if (alias.toLowerCase() === "latest" || /^v\d+$/i.test(alias)) {
    return { flaw: `"${alias}" is reserved by MLflow and cannot be moved; set an alias of your own` };
  }
  return { kind: kind === "models" ? "model" : "prompt", name, alias, key: `${name}@${alias}` };
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
