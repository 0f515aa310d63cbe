import { isName, slug } from "../starter/starter.ts";
import type { Answers } from "./answers.ts";
import { type Findings, firstQuestions, systemQuestions, type Taken } from "./questions.ts";

/** What is asked next, and what an answer makes of the answers so far. */
export interface NextQuestion {
  readonly key: string;
  readonly text: string;
  readonly proposal: string;
  readonly answer: (said: string) => { readonly answers: Answers } | { readonly flaw: string };
}

/**
 * The next question, or undefined when everything is answered. Pure: what is answered is the whole state, so an
 * interview that was broken off goes on by itself.
 */
export function nextQuestion(answers: Answers, findings: Findings): NextQuestion | undefined {
  return systemQuestion(answers, findings) ?? listQuestion(answers, findings) ?? firstQuestion(answers, findings);
}

function systemQuestion(answers: Answers, findings: Findings): NextQuestion | undefined {
  for (const [index, system] of answers.systems.entries()) {
    const question = systemQuestions.find(({ key }) => !isAnswered(system[key]));
    if (!question) continue;
    const { key, ask, propose, take } = question;
    const put = (value: unknown): Answers => ({
      ...answers,
      systems: answers.systems.map((one, place) => (place === index ? { ...one, [key]: value } : one)),
    });
    return questionOf(`${system.name}.${key}`, ask(system), propose(system, findings), take, put);
  }
  return undefined;
}

function listQuestion(answers: Answers, { repository }: Findings): NextQuestion | undefined {
  const { systems, listed } = answers;
  if (listed && systems.length > 0) return undefined;
  const none = systems.length === 0;
  const take = (said: string): Taken => {
    if (said === "-" && !none) return { kept: undefined };
    const name = slug(said);
    if (!isName(name)) return { flaw: none ? "a name" : "a name, or - when that is all" };
    return systems.some((one) => one.name === name) ? { flaw: "another one" } : { kept: name };
  };
  const put = (name: unknown): Answers =>
    name === undefined ? { ...answers, listed: true } : { ...answers, systems: [...systems, { name: String(name) }] };
  const text = none
    ? "Which AI system of yours could do harm? Its name"
    : "Which other one? Its name, or - when that is all";
  return questionOf("systems", text, none ? slug(repository) || "my-system" : "-", take, put);
}

function firstQuestion(answers: Answers, findings: Findings): NextQuestion | undefined {
  const question = firstQuestions.find(({ key, unless }) => !isAnswered(answers[key]) && !unless?.(answers));
  if (!question) return undefined;
  const { key, ask, propose, take } = question;
  const put = (value: unknown): Answers => ({ ...answers, [key]: value });
  return questionOf(key, ask(answers), propose(answers, findings), (said) => take(said, answers), put);
}

function questionOf(
  key: string,
  text: string,
  proposal: string,
  take: (said: string) => Taken,
  put: (value: unknown) => Answers,
): NextQuestion {
  return {
    key,
    text,
    proposal,
    answer(said) {
      const taken = take(said === "" ? proposal : said);
      return "flaw" in taken ? taken : { answers: put(taken.kept) };
    },
  };
}

function isAnswered(value: unknown): boolean {
  return value !== undefined && value !== null;
}

/** The answers of a file asked again one by one, so that nothing unchecked gets in. */
export function checkedAnswers(given: Answers): { readonly answers: Answers } | { readonly flaw: string } {
  const systems = given.systems.map((system) => ({ ...system, name: slug(system.name) }));
  for (const system of systems) {
    if (!isName(system.name)) return { flaw: "a system has no name" };
    for (const { key, take } of systemQuestions) {
      const flaw = isAnswered(system[key]) ? flawOf(take(textOf(system[key]))) : undefined;
      if (flaw) return { flaw: `${system.name}.${key} must be ${flaw}` };
    }
  }
  const answers = { ...given, systems };
  for (const { key, take } of firstQuestions) {
    const flaw = isAnswered(answers[key]) ? flawOf(take(textOf(answers[key]), answers)) : undefined;
    if (flaw) return { flaw: `${key} must be ${flaw}` };
  }
  return { answers };
}

function textOf(value: unknown): string {
  return Array.isArray(value) ? value.join(", ") : String(value);
}

function flawOf(taken: Taken): string | undefined {
  return "flaw" in taken ? taken.flaw : undefined;
}
