import { isTraffic, readTrigger, type StarterKind, slug, starterKinds, usualTriggers } from "../starter/starter.ts";
import type { Answers, SystemAnswers } from "./answers.ts";
import type { Fact } from "./facts.ts";
import { portIn } from "./facts.ts";
import { rank, sayRank, scales } from "./ranking.ts";
import { strategies, strategiesOf } from "./strategies.ts";

/** What the folder told, for proposals. */
export interface Findings {
  readonly repository: string;
  readonly facts: readonly Fact[];
}

/** One question about one system of the list. */
export interface SystemQuestion {
  readonly key: Exclude<keyof SystemAnswers, "name">;
  readonly ask: (system: SystemAnswers) => string;
  readonly propose: (system: SystemAnswers, findings: Findings) => string;
  /** The answer as it is kept, or what is wrong with it. */
  readonly take: (text: string) => Taken;
}

/** One question about the system that comes first. */
export interface FirstQuestion {
  readonly key: Exclude<keyof Answers, "systems" | "listed">;
  readonly ask: (answers: Answers) => string;
  readonly propose: (answers: Answers, findings: Findings) => string;
  readonly take: (text: string, answers: Answers) => Taken;
  readonly unless?: (answers: Answers) => boolean;
}

export type Taken = { readonly kept: unknown } | { readonly flaw: string };

const kept = (value: unknown): Taken => ({ kept: value });
const text = (said: string): Taken => (said === "" ? { flaw: "a few words" } : kept(said));
const choice =
  (words: readonly string[]) =>
  (said: string): Taken =>
    words.includes(said) ? kept(said) : { flaw: `one of ${words.join(", ")}` };
const level = (said: string): Taken => (/^[1-4]$/.test(said) ? kept(Number(said)) : { flaw: "a number from 1 to 4" });
const url = (said: string): Taken =>
  /^https?:\/\/[^\s"]+$/.test(said) && URL.canParse(said)
    ? kept(said)
    : { flaw: "an address such as http://127.0.0.1:8001" };
const listed = (lines: readonly string[]) => lines.map((line, index) => `\n    ${index + 1}  ${line}`).join("");

const factsOf = ({ facts }: Findings, about: Fact["about"]) =>
  facts.filter((fact) => fact.about === about).map(({ what }) => what);

/** Asked for each system, in this order. */
export const systemQuestions: readonly SystemQuestion[] = [
  {
    key: "does",
    ask: ({ name }) => `What does ${name} decide or answer, for whom`,
    propose: () => "not written down yet",
    take: text,
  },
  {
    key: "kind",
    ask: ({ name }) =>
      `What is ${name}?${Object.entries(starterKinds)
        .map(([kind, says]) => `\n    ${kind}: ${says}`)
        .join("")}\n  Kind`,
    propose: (_, findings) => {
      if (factsOf(findings, "agent").length > 0) return "agent";
      return factsOf(findings, "model").length === 0 && factsOf(findings, "prompt").length > 0
        ? "prompt"
        : "http-model";
    },
    take: choice(Object.keys(starterKinds)),
  },
  {
    key: "impact",
    ask: ({ name }) => `When ${name} is wrong, how bad is it for one person?${listed(scales.impact)}\n  1 to 4`,
    propose: () => "2",
    take: level,
  },
  {
    key: "likelihood",
    ask: ({ name }) => `How often does a change make ${name} wrong?${listed(scales.likelihood)}\n  1 to 4`,
    propose: () => "3",
    take: level,
  },
  {
    key: "reach",
    ask: () => `How many does that reach before somebody notices?${listed(scales.reach)}\n  1 to 4`,
    propose: () => "3",
    take: level,
  },
  {
    key: "owner",
    ask: ({ name }) => `Which team answers for ${name}, and may always pull the cord`,
    propose: ({ name }, findings) =>
      slug(
        factsOf(findings, "owner")[0]
          ?.split("/")
          .at(-1)
          ?.split("@")
          .find((part) => part !== "") ?? "",
      ) || `${slug(name)}-team`,
    take: (said) => (slug(said) === "" ? { flaw: "a team's name" } : kept(slug(said))),
  },
];

const kindOf = ({ systems, first }: Answers): StarterKind =>
  (systems.find(({ name }) => name === first)?.kind ?? "http-model") as StarterKind;
const isPrompt = (answers: Answers) => kindOf(answers) === "prompt";

/** Asked about the system that comes first, in this order. */
export const firstQuestions: readonly FirstQuestion[] = [
  {
    key: "first",
    ask: ({ systems }) =>
      `These could do most harm:${listed(rank(systems).slice(0, 3).map(sayRank))}\n  Which one goes first`,
    propose: ({ systems }) => rank(systems)[0]?.system.name ?? "",
    take: (said, { systems }) =>
      choice(systems.map(({ name }) => name))(
        /^[1-3]$/.test(said) ? (rank(systems)[Number(said) - 1]?.system.name ?? said) : said,
      ),
  },
  {
    key: "deploys",
    ask: ({ first }) => `How does a new version of ${first} go out today`,
    propose: (_, findings) => [...factsOf(findings, "deploys"), ...factsOf(findings, "runs")].join("; ") || "by hand",
    take: text,
  },
  {
    key: "traffic",
    ask: ({ first }) => `How many requests does ${first} get (per s, min or h)`,
    propose: () => "60/min",
    take: (said) => (isTraffic(said) ? kept(said) : { flaw: "a rate such as 50/min or 2 answers/s" }),
  },
  {
    key: "strategy",
    ask: (answers) =>
      `How shall a new version go out?${strategiesOf(kindOf(answers))
        .map((name) => `\n    ${name}: ${strategies[name].says}`)
        .join("")}\n  Strategy`,
    propose: (answers) => strategiesOf(kindOf(answers))[0] ?? "canary",
    take: (said, answers) => choice(strategiesOf(kindOf(answers)))(said),
  },
  {
    key: "stable",
    ask: () => "Where does the running version answer",
    propose: (_, { facts }) => `http://127.0.0.1:${portIn(facts) ?? 8001}`,
    take: url,
    unless: isPrompt,
  },
  {
    key: "candidate",
    ask: () => "Where will the next version answer, beside it",
    propose: (_, { facts }) => `http://127.0.0.1:${(portIn(facts) ?? 8001) + 1}`,
    take: url,
    unless: isPrompt,
  },
  {
    key: "triggers",
    ask: () =>
      "Three things that the business would notice, as PART/WHOLE rises|falls|above|below AMOUNT: approved/decisions falls 5%, missed/frauds above 1.5%\n  Separated by commas",
    propose: (answers) => usualTriggers[kindOf(answers)].join(", "),
    take: (said) => {
      const parts = said
        .split(",")
        .map((part) => part.trim())
        .filter((part) => part !== "");
      const wrong = parts.find((part) => !readTrigger(part));
      if (wrong !== undefined) return { flaw: `"${wrong}" like complaints/answers rises 50%` };
      if (new Set(parts.map((part) => readTrigger(part)?.part)).size < parts.length) return { flaw: "each part once" };
      return parts.length > 0 && parts.length <= 8 ? kept(parts) : { flaw: "one to eight triggers, three are good" };
    },
  },
  {
    key: "within",
    ask: () => "After going back, how near to normal must the figures be, to count as fixed (percent)",
    propose: () => "50",
    take: (said) => {
      const percent = Number(said.replace(/\s*%$/, ""));
      return percent > 0 && percent <= 500 ? kept(percent) : { flaw: "a percentage such as 20%" };
    },
  },
  {
    key: "told",
    ask: () => "Who must know at once (addresses of connections, such as slack://incidents)",
    propose: () => "page://dashboard",
    take: (said) => {
      const all = said.split(/[\s,]+/).filter((one) => one !== "");
      const wrong = all.find((one) => !/^[a-z][a-z0-9-]*:\/\/[^\s,[\]{}]+$/.test(one));
      return wrong === undefined && all.length > 0 ? kept(all) : { flaw: "addresses such as slack://incidents" };
    },
  },
];
