import { RollbookError } from "../../core/errors.ts";
import { parseDuration } from "../../core/time.ts";
import { ask } from "../client.ts";
import type { CommandInput, Run } from "../command.ts";
import { type Diary, diaryPage, diarySince } from "../diary-page.ts";
import { show, systemMeant } from "../systems.ts";

/** What a head of platform is shown before an authority is granted. */
export const observe: Run = async (input) => {
  const since = sinceOf(input);
  const system = await systemMeant(input);
  const query = system === undefined ? "" : `?system=${encodeURIComponent(system)}`;
  const diary = diarySince((await ask(input, "GET", `/v1/diary${query}`)) as Diary, since);
  if (input.options.json) show(input, diary);
  else input.out(diaryPage(diary, { markdown: input.options.markdown === true, now: Date.now() }));
  return 0;
};

/** A span back from now, or a date. @throws USAGE */
function sinceOf({ options: { since } }: CommandInput): number {
  if (since === undefined) return 0;
  const span = parseDuration(since);
  if (span !== undefined) return Date.now() - span;
  const date = /^\d{4}-\d{2}-\d{2}/.test(since) ? Date.parse(since) : Number.NaN;
  if (Number.isFinite(date)) return date;
  throw new RollbookError("USAGE", {
    what: `--since takes a span such as 30d, or a date such as 2026-01-31, not "${since}"`,
  });
}
