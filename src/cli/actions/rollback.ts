import { RollbookError } from "../../core/errors.ts";
import { ask } from "../client.ts";
import type { CommandInput, Run } from "../command.ts";
import { rolloutPath, type Status, show, statusOf, systemMeant } from "../systems.ts";
import { type Planned, showPlans } from "./release.ts";

/** Pulls the cord of a running rollout; where none is running, takes back what was promoted last. */
export const rollback: Run = async (input) => {
  const [named] = input.words;
  if (named !== undefined) return pull(input, named);
  const status = await statusOf(input, await systemMeant(input));
  const running = status.rollouts.find(({ endedAt }) => endedAt === undefined);
  return running ? pull(input, running.id) : takeBack(input, status);
};

async function pull(input: CommandInput, id: string): Promise<0> {
  const dryRun = input.options["dry-run"] === true;
  const body = { reason: input.options.reason ?? "dry run", dryRun };
  const answer = await ask(input, "POST", rolloutPath(id, "rollback"), body);
  if (dryRun) {
    await showPlans(input, answer, [answer as Planned]);
    const only = effectOn(answer, "");
    if (only) input.say(only);
  } else done(input, answer, id);
  return 0;
}

async function takeBack(input: CommandInput, { system, lastKnownGood, rollouts }: Status): Promise<0> {
  const promoted = rollouts.find(({ promotedAt, endedAt }) => promotedAt !== undefined && endedAt !== undefined);
  if (!promoted || promoted.candidate !== lastKnownGood?.release)
    throw new RollbookError("NOT_FOUND", {
      what: `running rollout of ${system}, and no release that was promoted and could be taken back`,
    });
  const label = lastKnownGood.label ?? lastKnownGood.release;
  if (input.options["dry-run"]) {
    const answer = { dryRun: true, takesBack: promoted.id, release: promoted.candidate, to: promoted.stable };
    if (input.options.json) show(input, answer);
    else input.out(`no rollout is running; ${label} would be taken back, to ${promoted.stable}`);
    input.say("dry run: nothing was changed");
    return 0;
  }
  input.say(`No rollout of ${system} is running: taking back ${label}, which rollout ${promoted.id} promoted.`);
  const answer = await ask(input, "POST", "/v1/take-back", { system, reason: input.options.reason });
  done(input, answer, (answer as { readonly id: string }).id);
  return 0;
}

function done(input: CommandInput, answer: unknown, id: string): void {
  if (input.options.json) show(input, answer);
  else input.out(`${id}  ${(answer as { readonly phase: string }).phase}`);
  input.say(
    `${effectOn(answer, "Containment follows within one tick.")} Next: rollbook watch ${id}, rollbook report ${id}`,
  );
}

/** What going back does: under `observe` nothing but an entry in the diary. */
export function effectOn(answer: unknown, acting: string): string {
  if ((answer as { readonly authority?: string }).authority !== "observe") return acting;
  return "The playbook only observes: this is written into the diary, and nothing else is done. Take the release back as you deployed it; `rollbook weight 0` ends its share.";
}
