import { basename, join, resolve } from "node:path";
import { RollbookError } from "../../core/errors.ts";
import type { CommandInput, Person, Run } from "../command.ts";
import type { OptionName } from "../options.ts";
import { connectionsText } from "../starter/connections-text.ts";
import { fit } from "../starter/fit.ts";
import { insistFree, writeNewFiles } from "../starter/new-files.ts";
import {
  CANARY,
  isName,
  isTraffic,
  readTrigger,
  type Starter,
  sayTrigger,
  slug,
  starterKinds,
} from "../starter/starter.ts";
import { show } from "../systems.ts";

type Key = "kind" | "system" | "owner" | "risk" | "traffic" | "outcome" | "stable" | "candidate" | "folder";
type Answers = Partial<Record<Key, string>>;

interface Question {
  readonly key: Key & OptionName;
  readonly ask: (answers: Answers) => string;
  readonly propose: (answers: Answers) => string;
  /** What is wrong with an answer. */
  readonly flaw: (text: string) => string | undefined;
  readonly unless?: (answers: Answers) => boolean;
}

const isPrompt = ({ kind }: Answers) => kind === "prompt";
const oneOf = (words: readonly string[]) => (text: string) =>
  words.includes(text) ? undefined : `one of ${words.join(", ")}`;
const nameFlaw = (text: string) =>
  isName(text) ? undefined : `lower-case letters, digits and dashes, such as ${slug(text) || "loan-approval"}`;
const urlFlaw = (text: string) =>
  /^https?:\/\/[^\s"]+$/.test(text) && URL.canParse(text) ? undefined : "an address such as http://127.0.0.1:8001";
const OUTCOMES: Readonly<Record<string, string>> = { prompt: "complaints/answers", agent: "undone/actions" };

/** In the order in which they are asked; each is an option too. */
const questions: readonly Question[] = [
  {
    key: "kind",
    ask: () =>
      `What is it?\n${Object.entries(starterKinds)
        .map(([kind, says]) => `    ${kind}: ${says}`)
        .join("\n")}\n  Kind`,
    propose: () => "http-model",
    flaw: oneOf(Object.keys(starterKinds)),
  },
  {
    key: "system",
    ask: () => "What is it called",
    propose: () => slug(basename(resolve("."))) || "my-system",
    flaw: nameFlaw,
  },
  { key: "owner", ask: () => "Which team answers for it", propose: ({ system }) => `${system}-team`, flaw: nameFlaw },
  {
    key: "risk",
    ask: () => "How much harm could it do: low, medium, high",
    propose: () => "medium",
    flaw: oneOf(["low", "medium", "high"]),
  },
  {
    key: "traffic",
    ask: () => "How many requests does it get (per s, min or h)",
    propose: () => "60/min",
    flaw: (text) => (isTraffic(text) ? undefined : "a rate such as 50/min or 2 answers/s"),
  },
  {
    key: "outcome",
    ask: () => "What tells that it did harm, of what (PART/WHOLE)",
    propose: ({ kind }) => OUTCOMES[kind ?? ""] ?? "corrected/decisions",
    flaw: (text) => (readTrigger(`${text} rises 50%`) ? undefined : "two names such as complaints/answers"),
  },
  {
    key: "stable",
    ask: () => "Where does the running version answer",
    propose: () => "http://127.0.0.1:8001",
    flaw: urlFlaw,
    unless: isPrompt,
  },
  {
    key: "candidate",
    ask: () => "Where will the next version answer",
    propose: () => "http://127.0.0.1:8002",
    flaw: urlFlaw,
    unless: isPrompt,
  },
  {
    key: "folder",
    ask: () => "Folder to write to",
    propose: () => "rollbook",
    flaw: (text) => (text === "" ? "a folder" : undefined),
  },
];

/** Writes the first playbook and its connections. */
export const init: Run = async (input) => {
  const answers = await answersOf(input);
  if (!answers) {
    input.say("\nNothing was written.");
    return 130;
  }
  const starter = starterOf(answers);
  const folder = answers.folder!;
  const files = { playbook: join(folder, `${starter.system}.yaml`), connections: join(folder, "connections.yaml") };
  insistFree(Object.values(files), input.options.force === true);
  const { text, widened, left } = fit(starter);
  if (left.length > 0)
    throw new RollbookError("USAGE", { what: `With ${starter.traffic} no playbook can decide: ${left.join("; ")}` });
  writeNewFiles(
    [
      { path: files.playbook, text },
      { path: files.connections, text: connectionsText(starter) },
    ],
    input.options.force === true,
  );
  if (input.options.json) show(input, { ...files, answers });
  else input.out(`${files.playbook}\n${files.connections}`);
  for (const { from, to } of widened)
    input.say(
      `With ${starter.traffic} "${sayTrigger(from)}" cannot be decided; the playbook says "${sayTrigger(to)}".`,
    );
  input.say(`Next: read both files, then\n  rollbook lint ${files.playbook}\n  rollbook serve ${folder}`);
  return 0;
};

/** From options, the person, and proposals, in this order; undefined when the person left. @throws USAGE */
async function answersOf(input: CommandInput): Promise<Answers | undefined> {
  const answers: Answers = {};
  const person = input.options.yes ? undefined : await input.person?.();
  try {
    if (person) input.say("Enter takes what stands in brackets.");
    for (const question of questions) {
      const { key, flaw, propose } = question;
      if (question.unless?.(answers)) continue;
      const given = input.options[key];
      const wrong = given === undefined ? undefined : flaw(given);
      if (wrong !== undefined) throw new RollbookError("USAGE", { what: `--${key} must be ${wrong}, not "${given}"` });
      if (given === undefined && key === "kind" && !person && !input.options.yes)
        throw new RollbookError("USAGE", {
          what: `init needs --kind (${Object.keys(starterKinds).join(", ")}) where nobody can be asked`,
        });
      const answer = given ?? (person ? await ask(input, person, question, answers) : propose(answers));
      if (answer === undefined) return undefined;
      answers[key] = answer;
    }
    return answers;
  } finally {
    person?.leave();
  }
}

async function ask(
  input: CommandInput,
  person: Person,
  question: Question,
  answers: Answers,
): Promise<string | undefined> {
  const proposal = question.propose(answers);
  for (;;) {
    const said = await person.ask(`${question.ask(answers)} [${proposal}]: `);
    if (said === undefined) return undefined;
    const answer = said === "" ? proposal : said;
    const flaw = question.flaw(answer);
    if (flaw === undefined) return answer;
    input.say(`  Please write ${flaw}.`);
  }
}

function starterOf(answers: Answers): Starter {
  return {
    kind: answers.kind as Starter["kind"],
    system: answers.system!,
    owner: answers.owner!,
    risk: answers.risk as Starter["risk"],
    traffic: answers.traffic!,
    steps: CANARY,
    triggers: [readTrigger(`${answers.outcome} rises 50%`)!],
    within: 50,
    stable: answers.stable ?? "",
    candidate: answers.candidate ?? "",
    told: ["page://dashboard"],
  };
}
