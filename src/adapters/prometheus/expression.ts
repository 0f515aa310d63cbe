/**
 * How the counters behind an expression are read. `selector`: raw series with their own timestamps, so that a reset of
 * one instance is seen. `expression`: values at fixed steps, for which a fall cannot be told from a vanished instance.
 */
export type Reading =
  | { readonly kind: "selector" | "expression"; readonly text: string }
  | { readonly kind: "flawed"; readonly reason: string };

const STRING = /"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`/.source;
const MATCHER = `(?:[a-zA-Z_]\\w*|${STRING})\\s*(?:(?:=~|!~|!=|=)\\s*(?:${STRING}))?`;
const SELECTOR = new RegExp(
  `^(?:[a-zA-Z_:][\\w:]*\\s*(?:\\{\\s*(?:${MATCHER}(?:\\s*,\\s*${MATCHER})*\\s*,?)?\\s*\\})?|\\{\\s*${MATCHER}(?:\\s*,\\s*${MATCHER})*\\s*,?\\s*\\})$`,
);
const STRINGS = new RegExp(STRING, "g");
const NO_COUNTER =
  /\b(rate|irate|increase|delta|idelta|deriv|resets|changes|predict_linear|histogram_\w+|\w+_over_time|avg|min|max|count|quantile|stddev|stdvar|topk|bottomk|absent|time|timestamp)\s*(?:(?:by|without)\s*\([^)]*\)\s*)?\(/;

/**
 * Reads what a signal's `of` or `part` asks for. An outer `sum` is taken away: its operands are summed here, series by
 * series. Refused is what yields no counter (`rate`, `increase` ...), what moves time, and a `sum` that drops the label
 * which names the release. Anything else is the server's to judge.
 * PromQL: https://prometheus.io/docs/prometheus/latest/querying/basics/
 */
export function readExpression(promql: string, releaseLabel: string): Reading {
  const whole = promql.trim();
  if (whole === "") return { kind: "flawed", reason: "it is empty" };
  const bare = whole.replaceAll(STRINGS, '""');
  const rateLike = NO_COUNTER.exec(bare)?.[1];
  if (rateLike) {
    const hint = "write the counter itself; its increments are taken here";
    return { kind: "flawed", reason: `${rateLike}() does not yield a counter: ${hint}` };
  }
  if (/[[@]|\boffset\b/.test(bare)) {
    return { kind: "flawed", reason: "ranges, @ and offset are not for counters: write the selector alone" };
  }
  const { operand, kept } = withoutSum(whole);
  if (kept && !kept(releaseLabel)) {
    return { kind: "flawed", reason: `the sum drops the label ${releaseLabel}: write sum by (${releaseLabel}) (...)` };
  }
  return { kind: SELECTOR.test(operand) ? "selector" : "expression", text: operand };
}

interface Unwrapped {
  readonly operand: string;
  /** Does the sum keep this label? Absent: there was no sum. */
  readonly kept?: (label: string) => boolean;
}

function withoutSum(text: string): Unwrapped {
  const ahead = /^sum\s*(?:(by|without)\s*\(([^()]*)\)\s*)?(?=\()/.exec(text);
  if (!ahead) return { operand: text };
  const body = text.slice(ahead[0].length);
  const end = closingOf(body);
  if (end === undefined) return { operand: text };
  const rest = body.slice(end + 1).trim();
  const behind = rest === "" ? undefined : /^(by|without)\s*\(([^()]*)\)$/.exec(rest);
  if (rest !== "" && !behind) return { operand: text };
  const [, word, list = ""] = behind ?? ahead;
  const labels = list.split(",").map((label) => label.trim());
  const kept = (label: string) => word !== undefined && labels.includes(label) === (word === "by");
  return { operand: body.slice(1, end).trim(), kept };
}

/** Where the bracket that opens a text is closed. */
function closingOf(text: string): number | undefined {
  const blank = text.replaceAll(STRINGS, (string) => " ".repeat(string.length));
  let depth = 0;
  for (let index = 0; index < blank.length; index++) {
    if (blank[index] === "(") depth += 1;
    if (blank[index] === ")") depth -= 1;
    if (depth === 0) return index;
  }
  return undefined;
}
