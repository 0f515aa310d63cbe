import type { Applied, RestoreRequest } from "../../core/ports.ts";
import { allFiles, type FlywayFiles } from "./flyway-concerns.ts";
import { type FlywayPlace, lookAt } from "./flyway-database.ts";
import { inEffect, isOf } from "./flyway-history.ts";
import { type FlywayLook, rankOf } from "./flyway-record.ts";
import { REFUSALS, withStagedFolder } from "./guarded-run.ts";
import type { MigrationFile } from "./migration-files.ts";
import { type FlywayEnd, runFlyway } from "./run-flyway.ts";

/** The user's own Flyway. */
export interface FlywayTool {
  /** `[flyway]`, with whatever arguments it always needs; no shell reads them. */
  readonly command: readonly [string, ...string[]];
  readonly folder: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
}

interface Compensation {
  readonly place: FlywayPlace;
  readonly request: RestoreRequest;
  readonly look: FlywayLook;
  readonly files: FlywayFiles;
  readonly steps: readonly MigrationFile[];
  readonly database: { readonly url: string; readonly tool: FlywayTool };
}

/** SQLSTATEs and words that say that nothing happened and that the same may succeed later. */
const PASSING = /SQL State\s*:\s*(55P03|40P01|40001|57\w{3}|53\w{3}|08\w{3})|Unable to obtain connection|lock timeout/i;

/** Runs compensating migrations, all in one transaction, and says what became of it. */
export async function compensate(run: Compensation, signal: AbortSignal): Promise<Applied> {
  const { place, request, look, steps, database } = run;
  if (request.key.includes("${"))
    return { kind: "refused", reason: "Flyway would take a part of the key for a placeholder" };
  const staged = {
    place,
    request,
    steps,
    applied: appliedFiles(run),
    rank: rankOf(look.history),
    identity: look.identity,
  };
  const end = await withStagedFolder(staged, (folder) =>
    runFlyway(
      {
        ...database.tool,
        args: argsOf(place, folder),
        environment: { ...connectionOf(database.url), ...database.tool.environment },
      },
      signal,
    ),
  );
  if (end.kind !== "ended") return { kind: end.kind === "killed" ? "unknown" : "refused", reason: end.reason };
  const row = (await lookAt(place, signal)).rows.find(({ key }) => key === request.key);
  if (row && row.done === row.steps) return { kind: "applied" };
  if (row) return { kind: "unknown", reason: `only ${row.done} of ${row.steps} compensating migrations ran` };
  return refusal(end, decodeURIComponent(new URL(database.url).password));
}

/** What Flyway shall find as applied: unchanged files only. Repeatables that were changed would run again. */
function appliedFiles({ look, files }: Compensation): readonly MigrationFile[] {
  const standing = inEffect(look.history);
  return allFiles(files).filter((file) => {
    const row = standing.findLast(
      (one) => (file.kind === "V" || file.kind === "R" || file.kind === "B") && isOf(file, one),
    );
    if (row === undefined || (file.kind === "B") !== (row.type === "SQL_BASELINE") || row.type === "BASELINE")
      return false;
    return row.checksum === file.checksum || (file.kind === "R" && file.placeholders);
  });
}

function argsOf({ schema, table }: FlywayPlace, folder: string): readonly string[] {
  return [
    `-locations=filesystem:${folder}`,
    `-defaultSchema=${schema}`,
    `-schemas=${schema}`,
    `-table=${table}`,
    "-group=true",
    "-mixed=false",
    "-outOfOrder=false",
    "-baselineOnMigrate=false",
    "-skipDefaultCallbacks=false",
    "-validateOnMigrate=true",
    "-ignoreMigrationPatterns=*:future,repeatable:missing",
    "-cleanDisabled=true",
    "migrate",
  ];
}

/** The same database and the same account as ours, so that Flyway cannot be pointed at another one by mistake. */
function connectionOf(url: string): Readonly<Record<string, string>> {
  const { host, pathname, search, username, password } = new URL(url);
  return {
    FLYWAY_URL: `jdbc:postgresql://${host}${pathname}${search}`,
    FLYWAY_USER: decodeURIComponent(username),
    FLYWAY_PASSWORD: decodeURIComponent(password),
  };
}

function refusal({ code, output }: Extract<FlywayEnd, { kind: "ended" }>, password: string): Applied {
  const marked = /rollbook:(already|stale|conflict|elsewhere|astray)\s*([^\n]*)/.exec(output);
  if (marked) {
    const kind = REFUSALS[marked[1] as keyof typeof REFUSALS];
    return kind === "already" ? { kind } : { kind, reason: marked[2]!.trim() };
  }
  if (code === 0) {
    return {
      kind: "unknown",
      reason: "Flyway ended well, and this database does not show it: it is told to change another",
    };
  }
  const said = output.split("\n").filter((line) => /ERROR|SQL State|Message|Detected|rror/.test(line));
  const text = (said.length > 0 ? said : output.split("\n").slice(-5)).join(" / ").slice(0, 800);
  const reason = `Flyway ended with ${code} and nothing was changed: ${password === "" ? text : text.replaceAll(password, "***")}`;
  return { kind: PASSING.test(output) ? "unknown" : "refused", reason };
}
