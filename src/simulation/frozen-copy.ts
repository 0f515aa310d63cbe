/**
 * A deep frozen copy of a plain value, as a database would hand it back: later changes of the original do not reach
 * it, undefined fields are gone. Throws TypeError for what a database cannot keep.
 */
export function frozenCopy<T>(value: T): T {
  if (typeof value === "bigint" || typeof value === "function" || typeof value === "symbol")
    throw new TypeError(`a ${typeof value} cannot be kept`);
  if (value === null || typeof value !== "object") return value;
  if (Array.isArray(value)) return Object.freeze(value.map(frozenCopy)) as T;
  const copy: Record<string, unknown> = {};
  const fields = value as Readonly<Record<string, unknown>>;
  for (const key of Object.keys(fields)) if (fields[key] !== undefined) copy[key] = frozenCopy(fields[key]);
  return Object.freeze(copy) as T;
}
