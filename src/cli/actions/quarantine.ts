import { isDigest } from "../../core/digest.ts";
import { RollbookError } from "../../core/errors.ts";
import { ask } from "../client.ts";
import type { CommandInput, Run } from "../command.ts";
import { show, statusOf, systemNames } from "../systems.ts";

export const quarantine: Run = async (input) => {
  const release = await releaseMeant(input);
  const { reason } = input.options;
  const answer = await ask(input, "POST", `/v1/quarantine/${encodeURIComponent(release)}`, { reason });
  if (input.options.json) show(input, answer);
  else input.out(`${release} is in quarantine`);
  return 0;
};

export const lift: Run = async (input) => {
  const release = await releaseMeant(input);
  const dryRun = input.options["dry-run"] === true;
  const answer = await ask(input, "POST", `/v1/quarantine/${encodeURIComponent(release)}/lift`, { dryRun });
  const { digest, reason } = answer as { readonly digest: string; readonly reason: string };
  if (input.options.json) show(input, answer);
  else if (dryRun) input.out(`lift ${release}: plan ${digest}\n  it is in quarantine because: ${reason}`);
  else input.out(`${release} is out of quarantine`);
  if (dryRun) input.say("dry run: nothing was changed");
  return 0;
};

/** A whole digest as it is; else the one release that `status` shows and that begins so. @throws USAGE, NOT_FOUND */
async function releaseMeant(input: CommandInput): Promise<string> {
  const word = input.words[0]!;
  if (isDigest(word)) return word;
  const beginning = word.replace(/^sha256:/, "").toLowerCase();
  if (!/^[0-9a-f]{6,64}$/.test(beginning))
    throw new RollbookError("USAGE", { what: `"${word}" is no digest of a release, nor its first 6 digits or more` });
  const statuses = await Promise.all((await systemNames(input)).map((name) => statusOf(input, name)));
  const shown = statuses.flatMap(({ lastKnownGood, rollouts }) => [
    ...(lastKnownGood ? [lastKnownGood.release] : []),
    ...rollouts.flatMap(({ candidate, stable }) => [candidate, stable]),
  ]);
  const found = [...new Set(shown)].filter((release) => release.startsWith(`sha256:${beginning}`));
  if (found.length === 1) return found[0]!;
  if (found.length === 0) throw new RollbookError("NOT_FOUND", { what: `release that begins with ${word}` });
  throw new RollbookError("USAGE", { what: `${word} is the beginning of ${found.join(" and ")}` });
}
