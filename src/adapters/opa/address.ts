/** The segments of `SCHEME://package/rule` (`opa://lending/back` is `data.lending.back`), or undefined. */
export function ruleAt(scheme: string, at: string): readonly [string, string, ...string[]] | undefined {
  const start = `${scheme}://`;
  if (!at.startsWith(start)) return undefined;
  const segments = at.slice(start.length).split("/");
  if (segments.length < 2 || !segments.every((segment) => SEGMENT.test(segment))) return undefined;
  return segments as [string, string, ...string[]];
}

/** What Rego takes in a package's path: variables, and names with dashes and dots in brackets. */
const SEGMENT = /^[A-Za-z0-9_][A-Za-z0-9_.-]*$/;
