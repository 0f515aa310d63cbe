/** The count that a text holds, or why it holds none. Prometheus keeps float64: past 2^53 single steps are lost. */
export function countOf(text: string | undefined): number | string {
  const value = Number(text);
  if (text === undefined || !Number.isFinite(value)) return `a counter's value is ${text}`;
  if (value < 0) return `a counter is negative (${text}): is it a gauge?`;
  if (!Number.isInteger(value)) return `a counter is no whole number (${text}): only counted things can be judged`;
  return value > Number.MAX_SAFE_INTEGER ? `a counter is past 2^53 (${text}), where single steps are lost` : value;
}
