import { RollbookError } from "../core/errors.ts";
import type { WayBack } from "../core/way-back.ts";
import { type OperationContext, systemOf } from "./context.ts";
import { diagnose } from "./diagnosis.ts";
import { diaryOf } from "./diary.ts";
import {
  alertsInput,
  containInput,
  none,
  ofSystem,
  outcomesInput,
  samplesInput,
  takeBackInput,
  tokenInput,
  weightInput,
} from "./inputs.ts";
import { type AnyOperation, define } from "./operation.ts";
import { plainOutcomes } from "./plain-outcomes.ts";
import { createMemory } from "./remembered.ts";

/** Green or red, and why. */
function readinessOf(found: WayBack | undefined) {
  return found && { ready: found.ready, faults: found.faults, checkedAt: found.checkedAt };
}

/** Operations on a protected system as a whole. */
export function systemOperations(context: OperationContext): readonly AnyOperation[] {
  const { store } = context;
  const stored = createMemory(store);
  return [
    define({
      name: "systems",
      summary: "The AI systems that this process protects, with what they listen on and what they run.",
      method: "GET",
      path: "/v1/systems",
      permission: "read",
      dryRun: false,
      input: none,
      run: async () =>
        Promise.all(
          [...context.systems].map(async ([system, operated]) => {
            const { playbook, edge, control } = operated;
            const { lastKnownGood, rollouts } = await stored(system, operated);
            return {
              system,
              owner: playbook().owner,
              risk: playbook().risk,
              authority: playbook().authority,
              playbook: playbook().digest,
              gateway: edge.gateway,
              lastKnownGood,
              wayBack: readinessOf(control().wayBack()),
              running: rollouts.find(({ endedAt }) => endedAt === undefined)?.id,
            };
          }),
        ),
    }),
    define({
      name: "status",
      summary:
        "The system, its route, its last known good release, its way back (ready or not, and its price) and its rollouts, newest first; from memory, with `storeAway`, while the store cannot be read.",
      method: "GET",
      path: "/v1/status",
      permission: "read",
      dryRun: false,
      input: ofSystem,
      run: async (input) => {
        const chosen = systemOf(context, input.system);
        const { system, owner, risk, authority, digest, environment } = chosen.playbook();
        const { route, lastKnownGood, rollouts } = await stored(system, chosen);
        const { unreadable, over } = context.storeHealth;
        return {
          system,
          owner,
          risk,
          authority,
          environment,
          playbook: digest,
          gateway: chosen.edge.gateway,
          holder: chosen.holder?.(),
          storeAway: unreadable(),
          storeOver: over(),
          route,
          served: chosen.edge.served(),
          unrecorded: chosen.control().unrecorded(),
          broken: chosen.control().broken(),
          lastKnownGood,
          sources: chosen.sources().health(),
          wayBack: chosen.control().wayBack(),
          drift: chosen.control().drift(),
          rollouts,
        };
      },
    }),
    define({
      name: "live",
      summary: "What every component of the system serves now, read from its target.",
      method: "GET",
      path: "/v1/live",
      permission: "read",
      dryRun: false,
      input: ofSystem,
      run: async (input) => systemOf(context, input.system).control().live(),
    }),
    define({
      name: "doctor",
      summary:
        "Checks everything that a rollback will need: the plan back, targets, restore point, environment, audiences, sources.",
      method: "GET",
      path: "/v1/doctor",
      permission: "read",
      dryRun: false,
      input: none,
      run: () => diagnose(context),
    }),
    define({
      name: "adopt",
      summary: "Declares what serves now as the first restore point, after reading every component back.",
      method: "POST",
      path: "/v1/adopt",
      permission: "admin",
      dryRun: false,
      input: ofSystem,
      run: async (input) => {
        const chosen = systemOf(context, input.system);
        await chosen.control().adopt();
        return (await store.lastKnownGood(chosen.playbook().system)) ?? null;
      },
    }),
    define({
      name: "take-back",
      summary: "Takes back a release that was promoted: traffic first, then every component.",
      method: "POST",
      path: "/v1/take-back",
      permission: "admin",
      dryRun: false,
      input: takeBackInput,
      run: (input, by, order) => systemOf(context, input.system).control().takeBack(by, input.reason, order),
    }),
    define({
      name: "weight",
      summary: "Under `authority: observe`: gives the observed release a share of the gateway's or the flag's traffic.",
      method: "POST",
      path: "/v1/weight",
      permission: "admin",
      dryRun: false,
      input: weightInput,
      run: async (input, by, order) => {
        await systemOf(context, input.system).control().weight(input.percent, by, order);
        return { percent: input.percent };
      },
    }),
    define({
      name: "contain",
      summary:
        "Sends all traffic to the playbook's `else` or `safe` at once, and records it; `stable` lets the route count again. Refused while a rollout runs: that has the cord.",
      method: "POST",
      path: "/v1/contain",
      permission: "admin",
      dryRun: false,
      input: containInput,
      run: async (input, by, order) => {
        await systemOf(context, input.system).control().contain(input.to, by, input.reason, order);
        return { contained: input.to };
      },
    }),
    define({
      name: "look",
      summary: "A reason to look: sources are asked at once, and the look is recorded. Decides nothing by itself.",
      method: "POST",
      path: "/v1/look",
      permission: "report",
      dryRun: false,
      input: alertsInput,
      run: async (input) => {
        await systemOf(context, input.system).control().look(input.reason, input.key);
        return { looked: true };
      },
    }),
    define({
      name: "acknowledge",
      summary:
        "Somebody has seen that the release that serves alone has drifted: the watch begins anew. See [after-promotion.md](after-promotion.md).",
      method: "POST",
      path: "/v1/drift/acknowledge",
      permission: "admin",
      dryRun: false,
      input: takeBackInput,
      run: async (input, by, order) => {
        await systemOf(context, input.system).control().acknowledge(by, input.reason, order);
        return { acknowledged: true };
      },
    }),
    define({
      name: "diary",
      summary:
        "What observing has seen: when it would have rolled back, what that would have saved, and what it would have cost.",
      method: "GET",
      path: "/v1/diary",
      permission: "read",
      dryRun: false,
      input: ofSystem,
      run: (input) => diaryOf(context, systemOf(context, input.system).playbook()),
    }),
    define({
      name: "token",
      summary: "Makes a new API token; the answer is the only time that anybody can read it.",
      method: "POST",
      path: "/v1/tokens",
      permission: "admin",
      dryRun: false,
      input: tokenInput,
      run: async (input) => {
        if ((await store.tokens()).some(({ id }) => id === input.id))
          throw new RollbookError("REQUEST_INVALID", { reason: `there is a token called ${input.id} already` });
        return { ...input, token: await context.issueToken(input.role, input.id) };
      },
    }),
    define({
      name: "outcomes",
      summary:
        "Reports business outcomes when they are known: a batch, idempotent; of a request by its id, or of an arm by system, release and second. A part comes with its whole. See [outcomes.md](outcomes.md).",
      method: "POST",
      path: "/v1/outcomes",
      permission: "report",
      dryRun: false,
      input: outcomesInput,
      plain: plainOutcomes,
      run: async (input) => context.reportOutcomes(input.outcomes),
    }),
    define({
      name: "samples",
      summary:
        "Takes counts that edge nodes have made: a batch of blocks, each counted once for its node, sequence, bucket, signal, release and group. See [outcomes.md](outcomes.md#counted-at-the-edge).",
      method: "POST",
      path: "/v1/samples",
      permission: "report",
      dryRun: false,
      maxBody: 16 * 1024 * 1024,
      input: samplesInput,
      run: async (input) => context.takeBlocks(input.samples),
    }),
  ];
}
