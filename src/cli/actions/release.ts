import { readFileSync } from "node:fs";
import { RollbookError } from "../../core/errors.ts";
import type { Plan } from "../../core/plan.ts";
import { ask } from "../client.ts";
import type { CommandInput, Run } from "../command.ts";
import { show, systemMeant } from "../systems.ts";

const DRY = "dry run: nothing was changed";

/** Opens a rollout, or says what it would do. */
export const release: Run = async (input) => {
  if (input.options["dry-run"]) return plan(input);
  const opened = (await ask(input, "POST", "/v1/rollouts", await manifestOf(input))) as {
    readonly id: string;
    readonly phase: string;
  };
  if (input.options.watch) {
    const { watch } = await import("./watch.ts");
    return watch({ ...input, words: [opened.id] });
  }
  if (input.options.json) show(input, opened);
  else input.out(`${opened.id}  ${opened.phase}`);
  input.say(`Next: rollbook watch ${opened.id}`);
  return 0;
};

/** The plans of a release, out and back. */
export const plan: Run = async (input) => {
  const answer = await ask(input, "POST", "/v1/rollouts", { ...(await manifestOf(input)), dryRun: true });
  await showPlans(input, answer, Object.values(answer as object).filter(isPlanned));
  return 0;
};

export interface Planned {
  readonly plan: Plan;
  readonly digest: string;
}

export async function showPlans(input: CommandInput, answer: unknown, plans: readonly Planned[]): Promise<void> {
  const { renderPlan } = await import("../../operations/plan-text.ts");
  if (input.options.json) show(input, answer);
  else input.out(plans.map((planned) => renderPlan(planned.plan, planned.digest)).join("\n"));
  const { concerns = [] } = answer as { readonly concerns?: readonly string[] };
  for (const concern of input.options.json ? [] : concerns) input.say(`mind: ${concern}`);
  input.say(DRY);
}

function isPlanned(value: unknown): value is Planned {
  return typeof value === "object" && value !== null && "plan" in value;
}

/** What is released: a file, or `COMPONENT=REVISION` words. @throws USAGE, FILE_UNREADABLE */
async function manifestOf(input: CommandInput): Promise<object> {
  const { words, options } = input;
  const manifest = words.every((word) => word.includes("=")) ? { references: referencesIn(words) } : oneFile(words);
  const system = await systemOf(input, manifest);
  return {
    ...manifest,
    ...(system === undefined ? {} : { system }),
    ...(options.label === undefined ? {} : { label: options.label }),
  };
}

async function systemOf(input: CommandInput, manifest: object): Promise<string | undefined> {
  if (input.options.system === undefined && "system" in manifest) return String(manifest.system);
  return systemMeant(input);
}

function referencesIn(words: readonly string[]): Readonly<Record<string, string>> {
  const references = new Map<string, string>();
  for (const word of words) {
    const [, component = "", revision = ""] = /^([^=]*)=(.*)$/s.exec(word) ?? [];
    if (!/^[a-z][a-z0-9-]*$/.test(component) || revision === "")
      throw new RollbookError("USAGE", { what: `"${word}" is not COMPONENT=REVISION, such as model=13` });
    if (references.has(component)) throw new RollbookError("USAGE", { what: `${component} is named twice` });
    references.set(component, revision);
  }
  return Object.fromEntries(references);
}

function oneFile(words: readonly string[]): object {
  const [file = "", ...more] = words;
  if (more.length > 0) {
    const what = "Give one FILE.json, or only COMPONENT=REVISION words: rollbook release model=13 prompt=v7";
    throw new RollbookError("USAGE", { what });
  }
  const text = readText(file);
  try {
    const value: unknown = JSON.parse(text);
    if (value !== null && typeof value === "object" && !Array.isArray(value)) return value;
  } catch (error) {
    throw new RollbookError("USAGE", { what: `${file} is not JSON: ${(error as Error).message}` });
  }
  throw new RollbookError("USAGE", { what: `${file} must hold a JSON object with label and revisions` });
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const hint =
      code === "ENOENT" ? `${(error as Error).message}; a revision is written COMPONENT=REVISION` : undefined;
    throw new RollbookError("FILE_UNREADABLE", { file, reason: hint ?? (error as Error).message });
  }
}
