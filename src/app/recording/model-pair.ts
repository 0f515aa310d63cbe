/** Which two models of a recording play stable and candidate. Each is chosen by a part of its name that only it has. */
export interface PairChoice {
  readonly stable?: string | undefined;
  readonly candidate?: string | undefined;
}

export interface ModelPair {
  readonly stable: string;
  readonly candidate: string;
}

const VERSION = /[-_@:](?:\d{4}-\d{2}-\d{2}|\d{3,8}|v\d[\d.]*)$/i;

/** A model's name without its date or version: `gpt-4-0314` is of the family `gpt-4`. */
export function familyOf(model: string): string {
  return model.replace(VERSION, "");
}

/**
 * Chooses the pair. Of two models, the one that appears first is stable. Of more, the last family by name that has
 * exactly two versions plays, older version first. Throws a `SyntaxError` that says why and which models there are.
 */
export function choosePair(models: readonly string[], choice: PairChoice = {}): ModelPair {
  const there = `it has ${models.join(", ")}`;
  const pick = (part: string): string => {
    const matches = models.includes(part) ? [part] : models.filter((model) => model.includes(part));
    if (matches.length === 1) return matches[0]!;
    throw new SyntaxError(
      `"${part}" names ${matches.length === 0 ? "no model" : `${matches.length} models`}: ${there}`,
    );
  };
  const pairs = pairsOf(models);
  if (choice.stable !== undefined && choice.candidate !== undefined) {
    const pair = { stable: pick(choice.stable), candidate: pick(choice.candidate) };
    if (pair.stable === pair.candidate) throw new SyntaxError(`stable and candidate are both ${pair.stable}: ${there}`);
    return pair;
  }
  const chosen = choice.stable ?? choice.candidate;
  if (chosen !== undefined) {
    const model = pick(chosen);
    const pair = pairs.find(({ stable, candidate }) => stable === model || candidate === model);
    const other = pair?.stable === model ? pair.candidate : pair?.stable;
    if (other === undefined) throw new SyntaxError(`${model} has no one partner, so name both models: ${there}`);
    return choice.stable === undefined ? { stable: other, candidate: model } : { stable: model, candidate: other };
  }
  const last = pairs.at(-1);
  if (!last) throw new SyntaxError(`no two models belong together, so name stable and candidate: ${there}`);
  return last;
}

/** The pairs that belong together, by the name of their family; without a choice the last one plays. */
export function pairsOf(models: readonly string[]): readonly ModelPair[] {
  if (models.length === 2) return [{ stable: models[0]!, candidate: models[1]! }];
  const families = Map.groupBy(models, familyOf);
  return [...families]
    .filter(([, versions]) => versions.length === 2)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, versions]) => {
      const [older, newer] = versions.toSorted((a, b) => a.localeCompare(b, "en", { numeric: true }));
      return { stable: older!, candidate: newer! };
    });
}
