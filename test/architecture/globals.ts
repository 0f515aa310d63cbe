import type { Token } from "./tokens.ts";

export interface GlobalUse {
  readonly name: string;
  readonly kind: "global" | "environment";
  readonly line: number;
}

/** Members that reach for time, chance or the environment. */
const MEMBERS: Readonly<Record<string, readonly string[]>> = {
  Date: ["now"],
  Math: ["random"],
  performance: ["now", "timeOrigin"],
  AbortSignal: ["timeout"],
  process: ["env", "hrtime", "uptime"],
};
const BARE = new Set(["setTimeout", "setInterval", "fetch"]);
const OWNERS = new Set(["globalThis", "window", "self", "global"]);

/** Uses of real time, chance, timers, network and environment; a member of our own objects is none of them. */
export function globalsOf(tokens: readonly Token[]): readonly GlobalUse[] {
  const uses: GlobalUse[] = [];
  const word = (index: number) => (tokens[index]?.kind === "text" ? undefined : tokens[index]?.value);

  tokens.forEach(({ kind, value, line }, index) => {
    if (kind !== "word") return;
    const owned = word(index - 1) === "." && !OWNERS.has(word(index - 2) ?? "");
    const member = memberAfter(tokens, index);
    if (value === "randomUUID") uses.push({ name: value, kind: "global", line });
    else if (owned) return;
    else if (member !== undefined && MEMBERS[value]?.includes(member)) {
      uses.push({ name: `${value}.${member}`, kind: member === "env" ? "environment" : "global", line });
    } else if (value === "process" && word(index - 1) === "=" && word(index - 2) === "}") {
      uses.push({ name: "{ ... } = process", kind: "environment", line });
    } else if (BARE.has(value) && !names(word, index)) uses.push({ name: value, kind: "global", line });
    else if (value === "Date" && word(index - 1) === "new" && word(index + 1) === "(" && word(index + 2) === ")") {
      uses.push({ name: "new Date()", kind: "global", line });
    }
  });
  return uses;
}

/** The `b` of `a.b`, `a?.b` and `a["b"]`. */
function memberAfter(tokens: readonly Token[], index: number): string | undefined {
  const optional = tokens[index + 1]?.value === "?" && tokens[index + 2]?.value === "." ? 1 : 0;
  const next = tokens[index + 1 + optional];
  if (next?.kind === "sign" && (next.value === "." || next.value === "[")) return tokens[index + 2 + optional]?.value;
  return undefined;
}

/** Is this word a property's or parameter's name, or a type query, and no use? */
function names(word: (index: number) => string | undefined, index: number): boolean {
  const next = word(index + 1);
  return next === ":" || (next === "?" && word(index + 2) === ":") || word(index - 1) === "typeof";
}
