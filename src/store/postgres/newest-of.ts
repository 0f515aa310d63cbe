/**
 * The last of the entities under each key, in the order in which the keys came first: one statement of Postgres cannot
 * write a row twice.
 */
export function newestOf<T>(entities: readonly T[], key: (entity: T) => string): readonly T[] {
  if (entities.length === 1) return entities;
  return [...new Map(entities.map((entity) => [key(entity), entity])).values()];
}
