import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { RollbookError } from "../../core/errors.ts";
import { type Answers, noAnswers, readAnswers, writeAnswers } from "../assess/answers.ts";
import { factsIn, repositoryName } from "../assess/facts.ts";
import { checkedAnswers, nextQuestion } from "../assess/interview.ts";
import { inventoryText } from "../assess/inventory.ts";
import { planPage } from "../assess/plan-page.ts";
import type { Findings } from "../assess/questions.ts";
import { rank } from "../assess/ranking.ts";
import { type Strategy, strategies } from "../assess/strategies.ts";
import { treeOf } from "../assess/tree.ts";
import { columns } from "../columns.ts";
import type { CommandInput, Run } from "../command.ts";
import { connectionsText } from "../starter/connections-text.ts";
import { fit } from "../starter/fit.ts";
import { writeNewFiles } from "../starter/new-files.ts";
import { readTrigger, type Starter, sayTrigger } from "../starter/starter.ts";
import { show } from "../systems.ts";

/** The first phase: who could do harm, which one is first, and its first playbook. */
export const assess: Run = async (input) => {
  const [folder = "."] = input.words;
  if (!existsSync(folder))
    throw new RollbookError("FILE_UNREADABLE", { file: folder, reason: "there is no such folder" });
  const out = input.options.out ?? folder;
  const tree = treeOf(folder);
  const facts = factsIn(tree);
  const findings = { repository: repositoryName(tree, facts), facts };
  if (facts.length > 0)
    input.say(`Found in ${tree.name}:\n${columns(facts.map(({ about, what, where }) => [about, what, where]))}\n`);
  const file = join(out, "assessment", "answers.yaml");
  const answers = await interviewed(input, findings, file);
  if (!answers) {
    input.say(`\nNothing is lost: ${file} has your answers so far. Run it again to go on.`);
    return 130;
  }
  return written(input, answers, findings, out);
};

/** Asks until everything is answered, and keeps each answer at once; undefined when the person left. @throws USAGE */
async function interviewed(input: CommandInput, findings: Findings, file: string): Promise<Answers | undefined> {
  const begun = begin(input, file);
  const checked = checkedAnswers(begun);
  if ("flaw" in checked) throw new RollbookError("USAGE", { what: `An answer cannot be used: ${checked.flaw}` });
  let { answers } = checked;
  if (answers.systems.length > 0)
    input.say(`Going on with the answers for ${answers.systems.map(({ name }) => name).join(", ")}.`);
  const person = input.options.yes ? undefined : await input.person?.();
  if (!person && !input.options.yes && nextQuestion(answers, findings))
    throw new RollbookError("USAGE", {
      what: "assess asks a person at a terminal; elsewhere give --answers FILE, --yes, or both",
    });
  if (person) input.say("Enter takes what stands in brackets. Ctrl-C loses nothing.\n");
  try {
    for (let next = nextQuestion(answers, findings); next; next = nextQuestion(answers, findings)) {
      const said = person ? await person.ask(`${next.text} [${next.proposal}]: `) : "";
      if (said === undefined) return undefined;
      const answer = next.answer(said);
      if ("flaw" in answer) {
        if (!person) throw new RollbookError("USAGE", { what: `${next.key} must be ${answer.flaw}` });
        input.say(`  Please write ${answer.flaw}.`);
        continue;
      }
      answers = answer.answers;
      keep(file, answers);
    }
  } finally {
    person?.leave();
  }
  keep(file, answers);
  return answers;
}

/** What was said before, with a given file's answers in its place. */
function begin(input: CommandInput, file: string): Answers {
  const given = input.options.answers;
  if (given !== undefined) return readAnswers(read(given), given);
  return existsSync(file) ? readAnswers(read(file), file) : noAnswers;
}

function keep(file: string, answers: Answers): void {
  try {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(`${file}.new`, writeAnswers(answers));
    renameSync(`${file}.new`, file);
  } catch (error) {
    throw new RollbookError("FILE_UNREADABLE", { file, reason: (error as Error).message });
  }
}

async function written(input: CommandInput, answers: Answers, findings: Findings, out: string): Promise<0> {
  const starter = starterOf(answers);
  const { text, widened, left } = fit(starter);
  if (left.length > 0)
    throw new RollbookError("USAGE", { what: `With ${starter.traffic} no playbook can decide: ${left.join("; ")}` });
  const playbook = `rollbook/${starter.system}.yaml`;
  const at = (path: string) => join(out, path);
  const mine = [
    { path: at("assessment/inventory.yaml"), text: inventoryText(answers, findings) },
    { path: at("assessment/plan.md"), text: planPage(answers, starter, playbook, findings.facts) },
  ];
  const theirs = [
    { path: at(playbook), text },
    { path: at("rollbook/connections.yaml"), text: connectionsText(starter) },
  ];
  writeNewFiles([...mine, ...theirs], input.options.force === true);
  const ranking = rank(answers.systems).map(({ system: { name }, score, risk }) => ({ name, score, risk }));
  const files = [...mine, ...theirs].map(({ path }) => path);
  if (input.options.json) show(input, { files, first: answers.first, ranking });
  else input.out(files.join("\n"));
  for (const { from, to } of widened)
    input.say(
      `With ${starter.traffic} "${sayTrigger(from)}" cannot be decided; the playbook says "${sayTrigger(to)}".`,
    );
  input.say(
    `Next: read ${at("assessment/plan.md")}, then\n  rollbook lint ${at(playbook)}\n  rollbook serve ${at("rollbook")}`,
  );
  return 0;
}

function starterOf(answers: Answers): Starter {
  const { system, risk } = rank(answers.systems).find(({ system: { name } }) => name === answers.first)!;
  return {
    kind: system.kind as Starter["kind"],
    system: system.name,
    owner: system.owner!,
    risk,
    traffic: answers.traffic!,
    steps: strategies[answers.strategy as Strategy].steps,
    triggers: (answers.triggers ?? []).map((text) => readTrigger(text)!),
    within: answers.within!,
    stable: answers.stable ?? "",
    candidate: answers.candidate ?? "",
    told: answers.told!,
  };
}

function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new RollbookError("FILE_UNREADABLE", { file, reason: (error as Error).message });
  }
}
