const UNWRITABLE: ReadonlySet<unknown> = new Set(["Infinity", "-Infinity", "NaN", "-0"]);

/**
 * Entities as JSON text, without loss: JSON alone would turn an infinite e-value into null and -0 into 0.
 * The text is never hashed, so fields keep the order in which they were given.
 */
export function toBody(entity: object): string {
  return JSON.stringify(entity, (_key, value: unknown) =>
    typeof value === "number" && (!Number.isFinite(value) || Object.is(value, -0))
      ? { $number: Object.is(value, -0) ? "-0" : String(value) }
      : value,
  );
}

/** Reads what `toBody` wrote. */
export function fromBody<T>(body: string): T {
  if (!body.includes('{"$number":"')) return JSON.parse(body) as T;
  return JSON.parse(body, (_key, value: unknown) => {
    const text = typeof value === "object" && value !== null && "$number" in value ? value.$number : undefined;
    return UNWRITABLE.has(text) ? Number(text) : value;
  }) as T;
}

/** The entity in a row of one `body` column, where there is a row. */
export function entityIn<T>(row: object | undefined): T | undefined {
  return row === undefined ? undefined : fromBody<T>((row as { body: string }).body);
}

/** The entities in rows of one `body` column. */
export function entitiesIn<T>(rows: readonly object[]): readonly T[] {
  return rows.map((row) => fromBody<T>((row as { body: string }).body));
}
