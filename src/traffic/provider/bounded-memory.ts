/** Remembers the newest word on each of the newest keys. */
export interface BoundedMemory<Value> {
  get(key: string): Value | undefined;
  set(key: string, value: Value): void;
}

/**
 * Of at least the newest `most` keys, and of at most twice as many: when one map is full the one before is given up whole.
 * Taking the oldest key out of a map each time would be slow, because a map keeps the gaps and begins with them.
 */
export function createBoundedMemory<Value>(most: number): BoundedMemory<Value> {
  let young = new Map<string, Value>();
  let old = new Map<string, Value>();
  return {
    get: (key) => young.get(key) ?? old.get(key),
    set(key, value) {
      if (young.size >= most && !young.has(key)) {
        old = young;
        young = new Map();
      }
      young.set(key, value);
    },
  };
}
