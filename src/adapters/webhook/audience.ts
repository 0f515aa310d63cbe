/** The name in `SCHEME://NAME`: `credit-incidents` of `slack://credit-incidents`. */
export function nameIn(scheme: string, audience: string): string | undefined {
  const start = `${scheme}://`;
  const name = audience.slice(start.length);
  return audience.startsWith(start) && /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,79}$/.test(name) ? name : undefined;
}
