import { readFileSync } from "node:fs";
import { renderReport } from "../app/report-text.ts";
import { RollbookError } from "../core/errors.ts";
import type { Plan } from "../core/plan.ts";
import { lintText } from "../operations/lint.ts";
import { renderPlan } from "../operations/plan-text.ts";
import { call } from "./client.ts";
import type { Command, CommandInput } from "./command.ts";

/** All commands, by name. */
export const commands: Readonly<Record<string, Command>> = {
  lint: {
    usage: "lint FILE...",
    summary: "Checks playbooks: language, meaning, and whether their triggers can decide at all.",
    words: { least: 1, most: 100 },
    run: async (input) => {
      const answers = input.words.map((file) => lintText(read(file), file, input.options.colour));
      if (input.options.json)
        show(
          input,
          answers.map(({ text, ...data }) => data),
        );
      else for (const answer of answers) input.say(answer.text);
      return answers.every(({ ok }) => ok) ? 0 : 3;
    },
  },
  status: {
    usage: "status",
    summary: "The protected system, its route, its last known good release and its rollouts.",
    words: { least: 0, most: 0 },
    run: async (input) => {
      const status = (await ask(input, "GET", "/v1/status")) as Status;
      if (input.options.json) show(input, status);
      else input.out(statusText(status));
      return 0;
    },
  },
  report: {
    usage: "report [ROLLOUT]",
    summary: "The report of a rollout; of the newest one when none is named.",
    words: { least: 0, most: 1 },
    run: async (input) => {
      const id = input.words[0] ?? (await newest(input)).id;
      const report = await ask(input, "GET", `/v1/rollouts/${encodeURIComponent(id)}/report`);
      if (input.options.json) show(input, report);
      else input.out(renderReport(report as Parameters<typeof renderReport>[0]));
      return 0;
    },
  },
  release: {
    usage: "release FILE",
    summary: "Opens a rollout of the release in FILE (JSON: label, revisions). --dry-run prints the plans.",
    words: { least: 1, most: 1 },
    run: async (input) => {
      const manifest = json(input.words[0]!);
      const { dryRun } = input.options;
      const answer = await ask(input, "POST", "/v1/rollouts", { ...manifest, ...(dryRun ? { dryRun } : {}) });
      if (!dryRun) show(input, answer);
      else showPlans(input, answer, Object.values(answer as object).filter(isPlanned));
      return 0;
    },
  },
  rollback: {
    usage: "rollback [ROLLOUT] --reason TEXT",
    summary: "Pulls the cord of a running rollout. --dry-run prints the plan and its digest.",
    words: { least: 0, most: 1 },
    run: async (input) => {
      const { reason, dryRun } = input.options;
      if (reason === undefined && !dryRun) throw new RollbookError("USAGE", { what: "rollback needs --reason TEXT" });
      const id = input.words[0] ?? (await newest(input)).id;
      const body = { rollout: id, reason: reason ?? "dry run", dryRun };
      const answer = await ask(input, "POST", `/v1/rollouts/${encodeURIComponent(id)}/rollback`, body);
      if (dryRun) showPlans(input, answer, [answer as Planned]);
      else show(input, answer);
      if (!dryRun) input.say(`Containment follows within one tick. Next: rollbook report ${id}`);
      return 0;
    },
  },
  lift: {
    usage: "lift RELEASE",
    summary: "Lets a release (its sha256 digest) out of quarantine.",
    words: { least: 1, most: 1 },
    run: async (input) => {
      const release = input.words[0]!;
      const { dryRun, json } = input.options;
      const answer = await ask(input, "POST", `/v1/quarantine/${encodeURIComponent(release)}/lift`, {
        release,
        dryRun,
      });
      const { digest, reason } = answer as { readonly digest?: string; readonly reason?: string };
      if (json || !dryRun) show(input, answer);
      else input.out(`lift ${release}: plan ${digest}\n  it is in quarantine because: ${reason}`);
      if (dryRun) input.say(DRY);
      return 0;
    },
  },
  ledger: {
    usage: "ledger verify",
    summary: "Recomputes every leaf, the root and the signature of the ledger.",
    words: { least: 1, most: 1 },
    run: async (input) => {
      if (input.words[0] !== "verify") throw new RollbookError("USAGE", { what: `ledger has no "${input.words[0]}"` });
      const answer = (await ask(input, "GET", "/v1/ledger/verify")) as { kind: string };
      show(input, answer);
      return answer.kind === "verified" ? 0 : 30;
    },
  },
};

const DRY = "dry run: nothing was changed";

interface Planned {
  readonly plan: Plan;
  readonly digest: string;
}

function isPlanned(value: unknown): value is Planned {
  return typeof value === "object" && value !== null && "plan" in value;
}

function showPlans(input: CommandInput, answer: unknown, plans: readonly Planned[]): void {
  if (input.options.json) show(input, answer);
  else input.out(plans.map(({ plan, digest }) => renderPlan(plan, digest)).join("\n"));
  input.say(DRY);
}

interface Status {
  readonly system: string;
  readonly authority: string;
  readonly lastKnownGood?: { readonly release: string };
  readonly route?: { readonly candidatePpm: number; readonly epoch: number };
  readonly rollouts: readonly { readonly id: string; readonly phase: string; readonly note?: string }[];
}

function statusText(status: Status): string {
  const share = (status.route?.candidatePpm ?? 0) / 10_000;
  const lines = [
    `${status.system} (authority: ${status.authority})`,
    `  last known good  ${status.lastKnownGood?.release ?? "none"}`,
    `  traffic          ${100 - share} % stable, ${share} % candidate (epoch ${status.route?.epoch ?? 0})`,
    ...status.rollouts.map(({ id, phase, note }) => `  ${id}  ${phase}${note ? `  ${note}` : ""}`),
  ];
  return lines.join("\n");
}

async function newest(input: CommandInput): Promise<{ readonly id: string }> {
  const status = (await ask(input, "GET", "/v1/status")) as Status;
  const [rollout] = status.rollouts;
  if (!rollout) throw new RollbookError("NOT_FOUND", { what: "rollout yet" });
  return rollout;
}

function ask(input: CommandInput, method: "GET" | "POST", path: string, body?: object): Promise<unknown> {
  return call(input.options.server, input.options.token, method, path, body);
}

function show(input: CommandInput, value: unknown): void {
  input.out(JSON.stringify(value, undefined, 2));
}

function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new RollbookError("FILE_UNREADABLE", { file, reason: (error as Error).message });
  }
}

function json(file: string): object {
  const text = read(file);
  try {
    const value: unknown = JSON.parse(text);
    if (value !== null && typeof value === "object" && !Array.isArray(value)) return value;
  } catch (error) {
    throw new RollbookError("USAGE", { what: `${file} is not JSON: ${(error as Error).message}` });
  }
  throw new RollbookError("USAGE", { what: `${file} must hold a JSON object with label and revisions` });
}
