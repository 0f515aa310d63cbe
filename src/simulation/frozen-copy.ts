/**
 * A deep frozen copy of a plain value, as a database would hand it back: later changes of the original do not reach
 * it, undefined fields are gone. Throws TypeError for what a database cannot keep.
 */
export function frozenCopy<T>(value: T): T {
  if (typeof value === "object" && value !== null) return copyOf(value);
  if (typeof value === "bigint" || typeof value === "function" || typeof value === "symbol")
    throw new TypeError(`a ${typeof value} cannot be kept`);
  return value;
}

function copyOf<T extends object>(value: T): T {
  if (Array.isArray(value)) return Object.freeze(value.map(frozenCopy)) as unknown as T;
  const copy: Record<string, unknown> = {};
  const fields = value as Readonly<Record<string, unknown>>;
  for (const key of Object.keys(fields)) {
    const field = fields[key];
    // Most fields are texts and numbers.
    if (typeof field === "string" || typeof field === "number") copy[key] = field;
    else if (field !== undefined) copy[key] = frozenCopy(field);
  }
  return Object.freeze(copy) as T;
}
