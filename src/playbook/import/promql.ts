/** A counter in Prometheus: its name and matchers. */
export interface Counter {
  readonly name: string;
  readonly matchers: readonly Matcher[];
}

export interface Matcher {
  readonly label: string;
  readonly operator: "=" | "!=" | "=~" | "!~";
  readonly value: string;
}

/** What a PromQL query measures, where it is made of counters that Rollbook can count itself. */
export type Measured =
  /** `part / of`, or what is left of 1; times `scale`, 100 for percent. */
  | {
      readonly kind: "share";
      readonly part: Counter;
      readonly of: Counter;
      readonly complement: boolean;
      readonly scale: number;
    }
  /** A quantile of a histogram. */
  | { readonly kind: "quantile"; readonly quantile: number; readonly buckets: Counter };

/** A longer query is nothing that could be a ratio of two counters. */
const MAX_QUERY = 5000;
const STRING = /"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`/;
/** No series is nothing counted, which counters say by themselves. */
const OR_ZERO = /\s+or\s+(?:on\s*\(\s*\)\s*)?vector\s*\(\s*0\s*\)\s*$/;
const MATCHER = new RegExp(String.raw`\s*([A-Za-z_]\w*)\s*(=~|!~|!=|=)\s*(${STRING.source})\s*(,|$)`, "y");

/** Reads the queries that people write for canaries: ratios of rates, and quantiles of histograms. Else undefined. */
export function readQuery(promql: string): Measured | undefined {
  if (promql.length > MAX_QUERY) return undefined;
  const text = bare(promql.replaceAll(/(^|\n)\s*#[^\n]*/g, "$1"));
  return quantileOf(text) ?? shareOf(bare(text.replace(OR_ZERO, "")));
}

function quantileOf(text: string): Measured | undefined {
  const call = /^histogram_quantile\s*\(\s*(0?\.\d+|0|1)\s*,/.exec(text);
  if (!call || !text.endsWith(")")) return undefined;
  const buckets = counterOf(text.slice(call[0].length, -1));
  const isHistogram = buckets?.name.endsWith("_bucket");
  return isHistogram && buckets ? { kind: "quantile", quantile: Number(call[1]), buckets } : undefined;
}

type Share = Extract<Measured, { kind: "share" }>;

function shareOf(text: string): Share | undefined {
  // `a or b / c` is `a or (b / c)`: no ratio.
  if (/\b(?:or|and|unless)\b/.test(outside(text))) return undefined;
  const minus = splitAt(text, ["-"]);
  if (minus) {
    const whole = Number(minus.left);
    const rest = shareOf(bare(minus.right));
    if (!rest || (whole !== 1 && whole !== 100) || rest.scale !== whole) return undefined;
    return { ...rest, complement: !rest.complement };
  }
  const product = splitAt(text, ["*", "/"]);
  if (!product) return undefined;
  const [left, right] = [bare(product.left), bare(product.right)];
  if (product.operator === "*") {
    const percent = [left, right].find((side) => Number(side) === 100);
    const share = percent && shareOf(percent === left ? right : left);
    return share && share.scale === 1 ? { ...share, scale: 100 } : undefined;
  }
  return ratioOf(left, right);
}

function ratioOf(left: string, right: string): Share | undefined {
  const of = counterOf(right);
  if (!of) return undefined;
  const part = counterOf(left);
  if (part) return { kind: "share", part, of, complement: false, scale: 1 };
  // `100 * bad / all` is read from the left.
  const product = splitAt(left, ["*"]);
  if (product && Number(product.left) === 100) {
    const scaled = counterOf(product.right);
    return scaled && { kind: "share", part: scaled, of, complement: false, scale: 100 };
  }
  const minus = splitAt(left, ["-"]);
  const rest = minus && counterOf(minus.right);
  const same = minus && rest && sayCounter(counterOf(minus.left)) === sayCounter(of);
  return same ? { kind: "share", part: rest, of, complement: true, scale: 1 } : undefined;
}

/** The counter inside `sum(rate(NAME{...}[5m])) by (...)`. */
function counterOf(text: string): Counter | undefined {
  let inside = bare(text.replace(OR_ZERO, ""));
  inside = inside.replace(/^(sum\s*\([\s\S]*\))\s*(?:by|without)\s*\([^()]*\)$/, "$1");
  const sum = /^(?:sum|scalar)\s*(?:(?:by|without)\s*\([^()]*\)\s*)?\(/.exec(inside);
  if (sum && closingOf(inside, sum[0].length - 1) === inside.length - 1)
    return counterOf(inside.slice(sum[0].length, -1));
  const rate = /^(?:rate|irate|increase)\s*\(/.exec(inside);
  if (!rate || closingOf(inside, rate[0].length - 1) !== inside.length - 1) return undefined;
  const range = /^([\s\S]*?)\s*\[[^[\]]*\]\s*$/.exec(inside.slice(rate[0].length, -1));
  return range ? readSelector(range[1]!) : undefined;
}

/** Reads `name{label="value"}`. */
export function readSelector(text: string): Counter | undefined {
  const shape = /^\s*([A-Za-z_:][\w:]*)\s*(?:\{([\s\S]*)\})?\s*$/.exec(text);
  if (!shape) return undefined;
  const matchers = readMatchers(shape[2] ?? "");
  return matchers && { name: shape[1]!, matchers };
}

function readMatchers(text: string): readonly Matcher[] | undefined {
  const matchers: Matcher[] = [];
  const end = text.trimEnd().length;
  for (let at = 0; at < end; at = MATCHER.lastIndex) {
    MATCHER.lastIndex = at;
    const match = MATCHER.exec(text);
    if (!match) return undefined;
    matchers.push({
      label: match[1]!,
      operator: match[2] as Matcher["operator"],
      value: match[3]!.slice(1, -1),
    });
  }
  return matchers;
}

/** The selector as PromQL. */
export function sayCounter(counter: Counter | undefined): string {
  if (!counter) return "";
  const inside = counter.matchers.map(({ label, operator, value }) => `${label}${operator}"${value}"`).join(", ");
  return inside === "" ? counter.name : `${counter.name}{${inside}}`;
}

/** Without brackets around all of it. */
function bare(text: string): string {
  const trimmed = text.trim();
  const whole = trimmed.startsWith("(") && closingOf(trimmed, 0) === trimmed.length - 1;
  return whole ? bare(trimmed.slice(1, -1)) : trimmed;
}

interface Split {
  readonly left: string;
  readonly operator: string;
  readonly right: string;
}

/** At the last of these operators outside all brackets, as left-associative operators are read. */
function splitAt(text: string, operators: readonly string[]): Split | undefined {
  const flat = outside(text);
  for (let at = flat.length - 1; at > 0; at--) {
    const operator = flat[at]!;
    if (operators.includes(operator))
      return { left: text.slice(0, at).trim(), operator, right: text.slice(at + 1).trim() };
  }
  return undefined;
}

function closingOf(text: string, open: number): number {
  let depth = 0;
  const flat = withoutStrings(text);
  for (let at = open; at < flat.length; at++) {
    if ("([{".includes(flat[at]!)) depth++;
    if (")]}".includes(flat[at]!)) depth--;
    if (depth === 0) return at;
  }
  return -1;
}

/** The text with everything in brackets and strings blanked, so that places stay what they are. */
function outside(text: string): string {
  let depth = 0;
  return withoutStrings(text)
    .split("")
    .map((sign) => {
      if ("([{".includes(sign)) depth++;
      const shown = depth === 0 ? sign : " ";
      if (")]}".includes(sign)) depth--;
      return shown;
    })
    .join("");
}

function withoutStrings(text: string): string {
  return text.replaceAll(new RegExp(STRING.source, "g"), (string) => " ".repeat(string.length));
}
