import { parse } from "yaml";

/** What a model takes and gives: the name of each column or parameter (or `#0` and so on) with its type. */
export interface Signature {
  readonly inputs: ReadonlyMap<string, string>;
  readonly outputs: ReadonlyMap<string, string>;
  readonly params: ReadonlyMap<string, string>;
}

const PARTS = ["inputs", "outputs", "params"] as const;

/**
 * The signature in an MLmodel file, where each part is JSON inside YAML (mlflow/models/signature.py); undefined when
 * the model was logged without one or the file cannot be read as such.
 */
export function signatureIn(mlmodel: string): Signature | undefined {
  try {
    const file = parse(mlmodel, { schema: "core" }) as { signature?: Record<string, unknown> } | null;
    const signature = file?.signature;
    if (typeof signature !== "object" || signature === null) return undefined;
    const part = (name: (typeof PARTS)[number]) => {
      const text = signature[name];
      const columns: unknown = typeof text === "string" ? JSON.parse(text) : [];
      return new Map((Array.isArray(columns) ? columns : []).map(columnOf));
    };
    return { inputs: part("inputs"), outputs: part("outputs"), params: part("params") };
  } catch {
    return undefined;
  }
}

function columnOf(column: Record<string, unknown>, index: number): readonly [string, string] {
  const { name, type, required, ...more } = column;
  const details = Object.keys(more).length === 0 ? "" : ` ${JSON.stringify(more)}`;
  const optional = required === false ? ", optional" : "";
  return [typeof name === "string" ? name : `#${index}`, `${String(type)}${details}${optional}`];
}

/** The differences between what is live and what would come back, one for each column. */
export function signatureChanges(live: Signature, target: Signature): readonly string[] {
  return PARTS.flatMap((part) => {
    const names = [...new Set([...live[part].keys(), ...target[part].keys()])];
    return names.flatMap((name) => {
      const [has, had] = [live[part].get(name), target[part].get(name)];
      if (has === had) return [];
      if (had === undefined) return [`${part}: ${name} (${has}) is in live only`];
      if (has === undefined) return [`${part}: ${name} (${had}) is in the target only`];
      return [`${part}: ${name} is ${has} in live and ${had} in the target`];
    });
  });
}
