import { ask } from "../client.ts";
import type { Run } from "../command.ts";
import { rolloutPath, runningRollout, show, waitingRollout } from "../systems.ts";
import { effectOn } from "./rollback.ts";

/** An order to a rollout. */
const steering =
  (action: string, effect: string, rolloutOf = runningRollout): Run =>
  async (input) => {
    const id = await rolloutOf(input);
    const { reason } = input.options;
    const answer = await ask(input, "POST", rolloutPath(id, action), reason === undefined ? {} : { reason });
    if (input.options.json) show(input, answer);
    else input.out(`${id}  ${(answer as { readonly phase: string }).phase}`);
    input.say(`${effectOf(action, answer, effect)} Next: rollbook watch ${id}`);
    return 0;
  };

function effectOf(action: string, answer: unknown, effect: string): string {
  if (action === "abort") return effectOn(answer, effect);
  const goesBack = (answer as { readonly rollback?: object }).rollback !== undefined;
  return action === "pause" && goesBack
    ? "The restore halts after the call that is under way; traffic stays contained. Then `rollbook resume` or `rollbook redeploy`."
    : effect;
}

export const promote = steering("promote", "The rest of the waiting is left out.");
export const pause = steering("pause", "It stays at its step; harm still goes back.");
export const resume = steering("resume", "It goes on.", waitingRollout);
export const redeploy = steering("redeploy", "What was restored is put back; traffic stays contained.");
export const abort = steering("abort", "Containment follows within one tick; the release is not quarantined.");
