/** Set by `npm run check`, which takes its time; `npm test` runs a sample. */
const long = process.env.ROLLBOOK_TESTS === "long";

/** How many runs, worlds or seeds a test plays: all of them in `npm run check`, and a sixth in `npm test`. */
export function runs(all: number): number {
  return long ? all : Math.ceil(all / 6);
}
