/** Powers of ten and of two that a quantity may end in (k8s.io/apimachinery resource.Quantity). */
const DECIMAL: Readonly<Record<string, number>> = { n: -9, u: -6, m: -3, "": 0, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18 };
const BINARY: Readonly<Record<string, bigint>> = {
  Ki: 2n ** 10n,
  Mi: 2n ** 20n,
  Gi: 2n ** 30n,
  Ti: 2n ** 40n,
  Pi: 2n ** 50n,
  Ei: 2n ** 60n,
};
const SHAPE = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,3})|(n|u|m|k|M|G|T|P|E|[KMGTPE]i)?)$/;

/** One spelling for equal amounts, in billionths: `1` and `1000m`, `1Gi` and `1024Mi`. Other texts stay as they are. */
export function canonicalQuantity(amount: string): string {
  const match = SHAPE.exec(amount.trim());
  if (match === null) return amount;
  const [, sign = "", whole = "", fraction = "", exponent, suffix = ""] = match;
  if (`${whole}${fraction}` === "") return amount;
  const power = 9 + (exponent === undefined ? (DECIMAL[suffix] ?? 0) : Number(exponent)) - fraction.length;
  const digits = BigInt(`${whole}${fraction}`) * (BINARY[suffix] ?? 1n);
  // Finer than a billionth is rounded up, as the API server does.
  const size = power >= 0 ? digits * 10n ** BigInt(power) : divideUp(digits, 10n ** BigInt(-power));
  return size === 0n ? "0n" : `${sign === "-" ? "-" : ""}${size}n`;
}

function divideUp(dividend: bigint, divisor: bigint): bigint {
  return (dividend + divisor - 1n) / divisor;
}
