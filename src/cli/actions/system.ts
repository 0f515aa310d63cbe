import { shortDigest } from "../../core/digest.ts";
import { RollbookError } from "../../core/errors.ts";
import { ask } from "../client.ts";
import { columns } from "../columns.ts";
import type { Run } from "../command.ts";
import { show, systemMeant } from "../systems.ts";

interface LiveComponent {
  readonly kind: "live" | "unreachable";
  readonly name: string;
  readonly at: string;
  readonly revision?: { readonly digest: string; readonly label: string };
  readonly reason?: string;
}

export const live: Run = async (input) => {
  const system = await systemMeant(input);
  const query = system === undefined ? "" : `?system=${encodeURIComponent(system)}`;
  const found = (await ask(input, "GET", `/v1/live${query}`)) as readonly LiveComponent[];
  if (input.options.json) show(input, found);
  else if (found.length === 0) input.out("the system has no component besides its route");
  else {
    const rows = found.map(({ name, at, revision, reason }) =>
      revision
        ? [name, at, `${revision.label} (${shortDigest(revision.digest)})`]
        : [name, at, `UNREACHABLE: ${reason}`],
    );
    input.out(columns(rows, 0));
  }
  return found.every(({ kind }) => kind === "live") ? 0 : 6;
};

interface Check {
  readonly system: string;
  readonly what: string;
  readonly level: "fine" | "warning" | "error";
  readonly found: string;
  readonly todo?: string;
}

const LEVELS = { fine: "ok", warning: "WARNING", error: "ERROR" } as const;

export const doctor: Run = async (input) => {
  const { folder } = input.options;
  const answer = (
    folder === undefined
      ? await ask(input, "GET", "/v1/doctor")
      : await (await import("../../app/check-folder.ts")).checkFolder(folder)
  ) as { readonly ok: boolean; readonly checks: readonly Check[] };
  const { ok, checks } = answer;
  if (input.options.json) show(input, answer);
  else {
    const systems = [...new Set(checks.map(({ system }) => system))];
    const width = Math.max(...checks.map(({ what }) => what.length));
    const lines = systems.flatMap((system) => [
      system,
      ...checks.filter((check) => check.system === system).flatMap((check) => checkLines(check, width)),
    ]);
    const count = (level: Check["level"]) => checks.filter((check) => check.level === level).length;
    input.out(lines.join("\n"));
    input.say(`${count("fine")} fine, ${count("warning")} warnings, ${count("error")} errors`);
  }
  return ok ? 0 : 6;
};

function checkLines({ what, level, found, todo }: Check, width: number): readonly string[] {
  const line = `  ${LEVELS[level].padEnd(8)} ${what.padEnd(width)}  ${found}`;
  return todo === undefined ? [line] : [line, `${" ".repeat(width + 13)}to do: ${todo}`];
}

export const adopt: Run = async (input) => {
  const system = await systemMeant(input);
  const known = (await ask(input, "POST", "/v1/adopt", system === undefined ? {} : { system })) as {
    readonly system: string;
    readonly release: string;
  };
  if (input.options.json) show(input, known);
  else input.out(`${known.system}: the way back leads to ${known.release}`);
  return 0;
};

export const weight: Run = async (input) => {
  const percent = Number(input.words[0]!.replace(/%$/, ""));
  if (input.words[0]!.trim() === "" || !(percent >= 0 && percent <= 100))
    throw new RollbookError("USAGE", { what: `"${input.words[0]}" is no percentage from 0 to 100` });
  const system = await systemMeant(input);
  const answer = await ask(input, "POST", "/v1/weight", { percent, ...(system === undefined ? {} : { system }) });
  if (input.options.json) show(input, answer);
  else input.out(`${percent} % of traffic goes to the observed release`);
  return 0;
};

export const contain: Run = async (input) => {
  const to = input.words[0]!;
  const system = await systemMeant(input);
  const given = { to, reason: input.options.reason, ...(system === undefined ? {} : { system }) };
  const answer = await ask(input, "POST", "/v1/contain", given);
  if (input.options.json) show(input, answer);
  else
    input.out(
      to === "stable" ? "the route counts again" : `all traffic goes to \`${to}\`, until \`rollbook contain stable\``,
    );
  return 0;
};

export const acknowledge: Run = async (input) => {
  const { reason } = input.options;
  const system = await systemMeant(input);
  const given = { reason, ...(system === undefined ? {} : { system }) };
  const answer = await ask(input, "POST", "/v1/drift/acknowledge", given);
  if (input.options.json) show(input, answer);
  else input.out("acknowledged: the watch begins anew");
  return 0;
};
