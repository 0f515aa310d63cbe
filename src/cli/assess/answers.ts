import { isMap, parseDocument, stringify } from "yaml";
import { RollbookError } from "../../core/errors.ts";

/** What a person has said so far. Kept as YAML, so that it can be read, repeated and gone on with. */
export interface Answers {
  readonly systems: readonly SystemAnswers[];
  /** Nobody adds more systems. */
  readonly listed?: boolean;
  readonly first?: string;
  readonly deploys?: string;
  readonly traffic?: string;
  readonly strategy?: string;
  readonly stable?: string;
  readonly candidate?: string;
  /** Each as `complaints/answers rises 50%`. */
  readonly triggers?: readonly string[];
  /** How near to normal is fixed, in percent. */
  readonly within?: number;
  readonly told?: readonly string[];
}

export interface SystemAnswers {
  readonly name: string;
  readonly does?: string;
  readonly kind?: string;
  readonly impact?: number;
  readonly likelihood?: number;
  readonly reach?: number;
  readonly owner?: string;
}

type Kind = "text" | "number" | "truth" | "texts";
const KEYS: Readonly<Record<Exclude<keyof Answers, "systems">, Kind>> = {
  listed: "truth",
  first: "text",
  deploys: "text",
  traffic: "text",
  strategy: "text",
  stable: "text",
  candidate: "text",
  triggers: "texts",
  within: "number",
  told: "texts",
};
const SYSTEM_KEYS: Readonly<Record<keyof SystemAnswers, Kind>> = {
  name: "text",
  does: "text",
  kind: "text",
  impact: "number",
  likelihood: "number",
  reach: "number",
  owner: "text",
};

export const noAnswers: Answers = { systems: [] };

/** Reads answers. What they say is checked when it is used as an answer. @throws USAGE with the key that is wrong */
export function readAnswers(text: string, file: string): Answers {
  const fail = (reason: string) => new RollbookError("USAGE", { what: `${file}: ${reason}` });
  const document = parseDocument(text);
  if (document.errors[0]) throw fail(document.errors[0].message.split("\n")[0] ?? "not YAML");
  if (document.contents === null) return noAnswers;
  if (!isMap(document.contents)) throw fail("answers are a block of `key: value` pairs");
  const { systems = [], ...rest } = document.toJS() as Record<string, unknown>;
  if (!Array.isArray(systems)) throw fail("`systems` must be a list");
  checkKeys(rest, KEYS, "", fail);
  systems.forEach((system: unknown, index) => {
    const at = `systems[${index}]`;
    if (typeof system !== "object" || system === null) throw fail(`${at} must be a block with a name`);
    checkKeys(system as Record<string, unknown>, SYSTEM_KEYS, `${at}.`, fail);
    if (!("name" in system)) throw fail(`${at} has no name`);
  });
  return { systems, ...rest } as Answers;
}

export function writeAnswers(answers: Answers): string {
  return `# Answers of \`rollbook assess\`. Change them and run it again; it goes on where something is missing.\n${stringify(answers)}`;
}

function checkKeys(
  given: Readonly<Record<string, unknown>>,
  keys: Readonly<Record<string, Kind>>,
  at: string,
  fail: (reason: string) => Error,
): void {
  for (const [key, value] of Object.entries(given)) {
    const kind = Object.hasOwn(keys, key) ? keys[key] : undefined;
    if (!kind) throw fail(`there is no answer \`${at}${key}\`; there is ${Object.keys(keys).join(", ")}`);
    if (!isOf(kind, value)) throw fail(`\`${at}${key}\` must be ${KINDS[kind]}`);
  }
}

const KINDS: Readonly<Record<Kind, string>> = {
  text: "a text",
  number: "a number",
  truth: "true or false",
  texts: "a list of texts",
};

function isOf(kind: Kind, value: unknown): boolean {
  if (kind === "texts") return Array.isArray(value) && value.every((one) => typeof one === "string");
  return typeof value === { text: "string", number: "number", truth: "boolean" }[kind];
}
