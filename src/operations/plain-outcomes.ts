import type { z } from "zod";
import type { outcomesInput } from "./inputs.ts";

type OutcomesInput = z.output<typeof outcomesInput>;

const MOST = 5000;
const LONGEST_NAME = 120;
const LONGEST_TEXT = 1000;
const MOST_VALUES = 1000;
const DIGEST = /^sha256:[0-9a-f]{64}$/;
const ARM = ["system", "release", "second", "key"] as const;

/**
 * The body of `outcomes` as it is, if it is one that the schema takes and leaves as it is; else undefined, and the schema
 * says what it makes of it. Of a thousand outcomes a second that is where most of the time went.
 */
export function plainOutcomes(body: object): OutcomesInput | undefined {
  const { outcomes } = body as { readonly outcomes?: unknown };
  if (!Array.isArray(outcomes) || outcomes.length > MOST || Object.keys(body).length !== 1) return undefined;
  let release: unknown;
  for (const item of outcomes as readonly unknown[]) {
    if (!isObject(item) || !isRecord(item["counts"], isCount)) return undefined;
    const { values, groups, unit } = item;
    const terms = Number(values !== undefined) + Number(groups !== undefined) + Number(unit !== undefined);
    if (terms > 0 && !areTerms(values, groups, unit)) return undefined;
    if ("request" in item) {
      if (!isText(item["request"], 0, 200) || Object.keys(item).length !== 2 + terms) return undefined;
      continue;
    }
    if (!isArm(item, release) || Object.keys(item).length !== ARM.length + 1 + terms) return undefined;
    release = item["release"];
  }
  return body as OutcomesInput;
}

type Fields = Readonly<Record<string, unknown>>;

/** @param known a digest: most often the next one is the same */
function isArm({ system, release, second, key }: Fields, known: unknown): boolean {
  if (!isText(system, 1, LONGEST_NAME) || !isText(key, 8, 100)) return false;
  if (!Number.isSafeInteger(second) || (second as number) < 0) return false;
  return release === known || (typeof release === "string" && DIGEST.test(release));
}

function areTerms(values: unknown, groups: unknown, unit: unknown): boolean {
  return (
    (values === undefined || isRecord(values, isValue)) &&
    (groups === undefined || isRecord(groups, isShort)) &&
    (unit === undefined || isShort(unit) || isRecord(unit, isShort))
  );
}

function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A name that stands for the prototype is left to the schema, which drops it. */
function isRecord(value: unknown, holds: (one: unknown) => boolean): boolean {
  if (!isObject(value)) return false;
  for (const name of Object.keys(value))
    if (name === "__proto__" || !isText(name, 1, LONGEST_NAME) || !holds(value[name])) return false;
  return true;
}

function isText(value: unknown, least: number, most: number): value is string {
  return typeof value === "string" && value.length >= least && value.length <= most;
}

const isShort = (value: unknown) => isText(value, 0, LONGEST_TEXT);
const isCount = (value: unknown) => typeof value === "number" && value >= 0 && value <= 1e6;
const isNumber = (value: unknown) => Number.isFinite(value);
const isValue = (value: unknown) =>
  isNumber(value) || (Array.isArray(value) && value.length <= MOST_VALUES && value.every(isNumber));
