import { z } from "zod";
import { type Digest, digestOfJson } from "../core/digest.ts";
import { RollbookError } from "../core/errors.ts";
import { defineRelease } from "../core/release.ts";
import { controlOf, type OperationContext, systemOf } from "./context.ts";
import { cordInput, liftInput, name, ofRollout, orderInput, quarantineInput, releaseInput } from "./inputs.ts";
import { type AnyOperation, define } from "./operation.ts";

/** Operations on releases and their rollouts. */
export function rolloutOperations(context: OperationContext): readonly AnyOperation[] {
  const { store } = context;
  return [
    define({
      name: "release",
      summary:
        "Opens a rollout of a release, by digests (`revisions`) or by what people call its revisions (`references`); what is not named stays. Refused without a proven way back.",
      method: "POST",
      path: "/v1/rollouts",
      permission: "admin",
      dryRun: true,
      input: releaseInput,
      run: async (input, _, order) => {
        const control = systemOf(context, input.system).control();
        const { system } = control.playbook;
        const label =
          input.label ??
          Object.values(input.revisions)
            .map((revision) => revision.label)
            .join(" + ");
        const candidate =
          Object.keys(input.references).length > 0
            ? await control.compose(input.label, input.references)
            : defineRelease(system, label, input.revisions as never);
        if (input.dryRun)
          return { dryRun: true, release: candidate.id, label: candidate.label, ...(await control.plan(candidate)) };
        return control.release(candidate, order);
      },
    }),
    define({
      name: "report",
      summary: "The report of one rollout.",
      method: "GET",
      path: "/v1/rollouts/{rollout}/report",
      permission: "read",
      dryRun: false,
      input: ofRollout,
      run: async (input) => (await controlOf(context, input.rollout)).report(input.rollout),
    }),
    define({
      name: "explain",
      summary:
        "The newest verdict of a rollout in words: what was counted, what it proves, what would have changed its mind.",
      method: "GET",
      path: "/v1/rollouts/{rollout}/explanation",
      permission: "read",
      dryRun: false,
      input: ofRollout,
      run: async (input) => (await controlOf(context, input.rollout)).explain(input.rollout),
    }),
    define({
      name: "rollback",
      summary: "Pulls the cord: contains the candidate of a running rollout and restores everything.",
      method: "POST",
      path: "/v1/rollouts/{rollout}/rollback",
      permission: "admin",
      dryRun: true,
      input: cordInput,
      run: async (input, by, order) => {
        const control = await controlOf(context, input.rollout);
        const { authority } = control.playbook;
        if (!input.dryRun) {
          // Containment waits for no plan; one that is ready is told.
          const planDigest = control.readyBack(input.rollout)?.digest;
          return { ...(await control.pullCord(input.rollout, by, input.reason, order)), authority, planDigest };
        }
        const back = await control.planBack(input.rollout);
        const { endedAt } = control.acting(input.rollout) ?? (await store.rollout(input.rollout)) ?? {};
        if (endedAt !== undefined) throw new RollbookError("NOT_FOUND", { what: `running rollout ${input.rollout}` });
        return { dryRun: true, authority, ...back };
      },
    }),
    define({
      name: "abort",
      summary: "Goes back like `rollback`, without a quarantine: the release is not to blame.",
      method: "POST",
      path: "/v1/rollouts/{rollout}/abort",
      permission: "admin",
      dryRun: false,
      input: orderInput,
      run: async (input, by, order) => {
        const control = await controlOf(context, input.rollout);
        const { authority } = control.playbook;
        return { ...(await control.abort(input.rollout, by, input.reason, order)), authority };
      },
    }),
    define({
      name: "pause",
      summary:
        "Holds a rollout at its step. Judging goes on, and harm still goes back by itself. On the way back it halts the restore; traffic stays contained.",
      method: "POST",
      path: "/v1/rollouts/{rollout}/pause",
      permission: "admin",
      dryRun: false,
      input: orderInput,
      run: async (input, by, order) =>
        (await controlOf(context, input.rollout)).pause(input.rollout, by, input.reason, order),
    }),
    define({
      name: "resume",
      summary: "Lets a paused rollout go on, or restores once more what was halted or stuck.",
      method: "POST",
      path: "/v1/rollouts/{rollout}/resume",
      permission: "admin",
      dryRun: false,
      input: z.strictObject({ rollout: name }),
      run: async (input, by, order) => (await controlOf(context, input.rollout)).proceed(input.rollout, by, order),
    }),
    define({
      name: "redeploy",
      summary:
        "Puts back what a halted or stuck restore has changed so far, in reverse: those components serve the bad release again. Traffic stays contained.",
      method: "POST",
      path: "/v1/rollouts/{rollout}/redeploy",
      permission: "admin",
      dryRun: false,
      input: orderInput,
      run: async (input, by, order) =>
        (await controlOf(context, input.rollout)).redeploy(input.rollout, by, input.reason, order),
    }),
    define({
      name: "promote",
      summary: "Ends the waiting of a rollout: its steps' time, or its holdback. Refused without data, and on harm.",
      method: "POST",
      path: "/v1/rollouts/{rollout}/promote",
      permission: "admin",
      dryRun: false,
      input: orderInput,
      run: async (input, by, order) =>
        (await controlOf(context, input.rollout)).promote(input.rollout, by, input.reason, order),
    }),
    define({
      name: "quarantine",
      summary: "Keeps a release from being deployed until somebody lifts it.",
      method: "POST",
      path: "/v1/quarantine/{release}",
      permission: "admin",
      dryRun: false,
      input: quarantineInput,
      run: async (input, by, order) => {
        const release = await store.release(input.release as Digest);
        if (!release) throw new RollbookError("NOT_FOUND", { what: `release ${input.release}` });
        await systemOf(context, release.system).control().quarantine(release.id, by, input.reason, order);
        return (await store.quarantine(release.id)) ?? null;
      },
    }),
    define({
      name: "lift",
      summary: "Lets a release out of quarantine.",
      method: "POST",
      path: "/v1/quarantine/{release}/lift",
      permission: "admin",
      dryRun: true,
      input: liftInput,
      run: async (input, by, order) => {
        const release = input.release as Digest;
        const quarantine = await store.quarantine(release);
        if (!quarantine || quarantine.liftedBy)
          throw new RollbookError("NOT_FOUND", { what: `quarantine of ${release}` });
        const { since, reason, system } = quarantine;
        const plan = { release, digest: digestOfJson({ operation: "lift", release, since }), since, reason };
        if (input.dryRun) return { dryRun: true, ...plan };
        await systemOf(context, system).control().lift(release, by, order);
        return { ...plan, liftedBy: by };
      },
    }),
  ];
}
