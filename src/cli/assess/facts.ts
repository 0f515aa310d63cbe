import { rules } from "./fact-rules.ts";
import type { Tree } from "./tree.ts";

/** What a folder tells by itself, and where it was found. */
export interface Fact {
  readonly about: FactKind;
  readonly what: string;
  readonly where: string;
}

export type FactKind =
  | "repository"
  | "owner"
  | "runs"
  | "deploys"
  | "model"
  | "prompt"
  | "agent"
  | "flags"
  | "schema"
  | "api";

/** One kind of evidence: files of this name, and what in them says it. */
export interface FactRule {
  readonly about: FactKind;
  readonly file: RegExp;
  /** Absent: the file's being there is the fact. Groups are taken into `what` as $1. */
  readonly text?: RegExp;
  readonly what: string;
}

/** Everything found, each once, with the first place that says it. Pure: it reads nothing but the tree. */
export function factsIn(tree: Tree): readonly Fact[] {
  const found = new Map<string, Fact>();
  for (const rule of rules) {
    for (const file of tree.files) {
      if (!rule.file.test(file)) continue;
      const match = rule.text ? rule.text.exec(tree.read(file) ?? "") : undefined;
      if (rule.text && !match) continue;
      const what = rule.what.replaceAll("$FILE", file).replaceAll("$1", match?.[1]?.trim() ?? "");
      const key = `${rule.about} ${what}`;
      if (!found.has(key)) found.set(key, { about: rule.about, what, where: file });
    }
  }
  const owner = ownerIn(tree);
  return owner ? [...found.values(), owner] : [...found.values()];
}

/** Who owns most of what CODEOWNERS names. */
function ownerIn(tree: Tree): Fact | undefined {
  const where = tree.files.find((file) => /^(?:\.github\/|\.gitlab\/|docs\/)?CODEOWNERS$/.test(file));
  const owners = (where ? (tree.read(where) ?? "") : "")
    .split("\n")
    .map((line) => line.replace(/#.*/, ""))
    .flatMap((line) => line.trim().split(/\s+/).slice(1))
    .filter((word) => word.includes("@"));
  const counts = new Map<string, number>();
  for (const owner of owners) counts.set(owner, (counts.get(owner) ?? 0) + 1);
  const [most] = [...counts].sort(([, a], [, b]) => b - a);
  return where && most ? { about: "owner", what: most[0], where } : undefined;
}

/** The name of the repository: its remote's, or the folder's. */
export function repositoryName(tree: Tree, facts: readonly Fact[]): string {
  const remote = facts.find(({ about }) => about === "repository")?.what;
  return (
    remote
      ?.replace(/\.git$/, "")
      .split(/[/:]/)
      .at(-1) || tree.name
  );
}

/** The port that the service listens on, where a file says one. */
export function portIn(facts: readonly Fact[]): number | undefined {
  const text = facts.map(({ what }) => /port (\d{2,5})\b/.exec(what)?.[1]).find((port) => port !== undefined);
  return text === undefined ? undefined : Number(text);
}
