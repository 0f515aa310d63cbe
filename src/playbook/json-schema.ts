import { parse } from "yaml";
import type { Json } from "../core/digest.ts";
import { claimForms, moves } from "./language/when-keys.ts";
import { type BlockSpec, type KeySpec, language, reservedNames, type ValueSpec } from "./language.ts";
import { lengths, patterns } from "./patterns.ts";

/** A JSON Schema, as plain data. */
type Schema = { readonly [key: string]: Json };

const blocks: Readonly<Record<string, BlockSpec>> = language;

/**
 * The language as a JSON Schema for editors (draft-07, which the YAML language server reads). It is made from the same
 * table as the parser: what the parser accepts the schema accepts. What needs more than one place of the file at a time
 * (a signal that is not declared, a canary that does not rise) only the parser knows.
 */
export function playbookSchema(): Schema {
  const { playbook, ...others } = blocks;
  const definitions = Object.fromEntries(Object.entries(others).map(([name, spec]) => [name, schemaOf(name, spec)]));
  return {
    $schema: "http://json-schema.org/draft-07/schema#",
    $id: "https://rollbook.dev/schema/v1.json",
    title: "Rollbook playbook v1",
    description: "One AI system's declared answer to what, when, how, fixed and who.",
    ...schemaOf("playbook", playbook!),
    ...choose({ properties: { authority: { const: "act" } }, required: ["authority"] }, refusal("playbook") ?? {}, {}),
    definitions,
  };
}

function schemaOf(name: string, spec: BlockSpec): Schema {
  const own = Object.entries(spec.keys);
  const required = own.filter(([, key]) => key.need === "must").map(([key]) => key);
  return {
    type: "object",
    ...(own.length > 0 ? { properties: Object.fromEntries(own.map(([key, value]) => [key, keySchema(value)])) } : {}),
    ...(required.length > 0 ? { required } : {}),
    ...namesSchema(spec),
    ...rules[name],
  };
}

/** What the names of a block may be, and what stands under them. */
function namesSchema({ keys, names }: BlockSpec): Schema {
  if (!names) return { additionalProperties: false };
  const own = Object.keys(keys);
  const needed = Object.values(keys).filter((key) => key.need === "must").length;
  const pattern: Schema = names.spans
    ? { pattern: patterns.span }
    : { pattern: patterns.name, maxLength: lengths.name };
  return {
    additionalProperties: valueSchema(names.value),
    propertyNames: own.length > 0 ? { anyOf: [{ enum: own }, pattern] } : pattern,
    ...(needed + names.least > 0 ? { minProperties: needed + names.least } : {}),
    maxProperties: own.length + names.most,
  };
}

function keySchema(key: KeySpec): Schema {
  const value = valueSchema(key.value);
  const note = key.instead === undefined ? "" : ` No effect yet. ${key.instead}`;
  const texts = {
    description: `${key.meaning[0]!.toUpperCase()}${key.meaning.slice(1)}${key.said ? ` (${key.said})` : ""}.${note}`,
    examples: Object.values(parse(key.example) as Record<string, Json>),
  };
  // Beside a reference draft-07 reads nothing.
  return "$ref" in value ? { allOf: [value], ...texts } : { ...value, ...texts };
}

function valueSchema(value: ValueSpec): Schema {
  switch (value.kind) {
    case "name":
      return { type: "string", pattern: patterns.name, maxLength: lengths.name };
    case "address":
      return {
        type: "string",
        pattern: patterns.address,
        maxLength: lengths.address,
        not: { pattern: patterns.credentials },
      };
    case "flag":
      return { enum: [true, false, "true", "false"] };
    case "words":
      return { enum: value.words };
    case "text": {
      const text = { type: "string", pattern: value.pattern, maxLength: lengths.value };
      if (!value.number) return text;
      return { anyOf: [{ type: "number", minimum: value.number.from, maximum: value.number.to }, text] };
    }
    case "list":
      return { type: "array", items: valueSchema(value.of), minItems: value.least, maxItems: value.most };
    case "either":
      return { anyOf: value.of.map(valueSchema) };
    case "block":
      return { $ref: `#/definitions/${value.block}` };
  }
}

const required = (key: string): Schema => ({ required: [key] });
const gateway: Schema = { type: "string", pattern: "^gateway://" };
const edge: Schema = { type: "string", pattern: patterns.edge };

/** A component with such an address, in its short or its long form. */
const livesAt = (at: Schema): Schema => ({ anyOf: [at, { type: "object", properties: { at }, required: ["at"] }] });

/** Where a value is like `test` it must be like `yes`, else like `no`. */
function choose(test: Schema, yes: Schema, no: Schema): Schema {
  // biome-ignore lint/suspicious/noThenProperty: JSON Schema has a keyword of this name
  return { if: test, then: yes, else: no };
}

/** Somewhere in the block stands a value like this. */
const some = (value: Schema): Schema => ({ not: { additionalProperties: { not: value } } });

/** The keys of a trigger: those of one form may stand there, the others may not. */
function claimKeys(form: keyof typeof claimForms): Schema {
  const fitting: readonly string[] = claimForms[form];
  return Object.fromEntries(Object.keys(language.claim.keys).map((key) => [key, fitting.includes(key)]));
}

function onlyForm(form: "hard" | "policy"): Schema {
  return { properties: claimKeys(form), additionalProperties: false };
}

function moveForm(form: (typeof moves)[number]): Schema {
  const needed = claimForms[form].filter((key) => ["by", "limit", "across"].includes(key));
  return {
    properties: claimKeys(form),
    required: needed,
    additionalProperties: { const: form },
    minProperties: needed.length + 1,
  };
}

/** What holds between the keys of one block. */
const rules: Readonly<Record<string, Schema>> = {
  what: { anyOf: [required("route"), some(livesAt(gateway))] },
  signals: { propertyNames: { pattern: patterns.name, maxLength: lengths.name, not: { enum: reservedNames } } },
  signal: {
    oneOf: (["share", "count", "mean", "time"] as const).map(required),
    dependencies: {
      share: ["of"],
      mean: { oneOf: [required("between"), required("min")], properties: { from: { const: "events" } } },
      between: ["mean"],
      min: ["mean"],
      per: ["share"],
      time: { properties: { from: { enum: ["events", "gateway"] }, better: { const: "down" } } },
    },
  },
  when: some({ type: "object", not: { anyOf: [required("hard"), required("policy")] } }),
  claim: {
    additionalProperties: { enum: moves },
    minProperties: 1,
    maxProperties: Object.keys(language.claim.keys).length + 1,
    ...choose(
      required("hard"),
      onlyForm("hard"),
      choose(required("policy"), onlyForm("policy"), { anyOf: moves.map(moveForm) }),
    ),
    dependencies: { over: ["hard", "min"], min: ["hard", "over"], unanswered: ["then"] },
  },
  forward: {
    anyOf: [
      { properties: { approve: { anyOf: [{ const: 0 }, { type: "string", pattern: "^0+$" }] } } },
      { properties: { from: { minItems: 1 } } },
    ],
  },
  criterion: { minProperties: 1, maxProperties: 1 },
  drillPlace: { minProperties: 1, maxProperties: 1 },
};

/** What `authority: act` refuses of a block and of the blocks in it; undefined when it takes everything. */
function refusal(name: string): Schema | undefined {
  const { keys, names } = blocks[name]!;
  const properties = Object.entries(keys).flatMap(([key, { instead, value }]): [string, Schema][] => {
    if (instead !== undefined) return [[key, { not: {}, description: `No effect yet. ${instead}` }]];
    const inner = refusalOf(value);
    return inner ? [[key, inner]] : [];
  });
  if (name === "what") properties.push(["route", livesAt(edge)]);
  const inner = names && refusalOf(names.value);
  if (properties.length === 0 && !inner) return undefined;
  return {
    ...(properties.length > 0 ? { properties: Object.fromEntries(properties) } : {}),
    ...(inner ? { additionalProperties: inner } : {}),
  };
}

function refusalOf(value: ValueSpec): Schema | undefined {
  if (value.kind === "block") return refusal(value.block);
  return undefined;
}
