import { z } from "zod";
import type { Control } from "../control/control.ts";
import { type Digest, digestOfJson } from "../core/digest.ts";
import { RollbookError } from "../core/errors.ts";
import type { Store } from "../core/ports.ts";
import { defineRelease } from "../core/release.ts";
import type { Operation } from "./operation.ts";

/** What operations need: use cases that exist once a system is protected, the store, and what the edge and ledger do. */
export interface OperationContext {
  readonly control: () => Control;
  readonly store: Store;
  readonly reportOutcomes: (items: readonly OutcomeItem[]) => { readonly accepted: number; readonly rejected: number };
  readonly ledger: {
    readonly verify: () => Promise<unknown>;
    readonly receipt: (index: number) => Promise<unknown>;
  };
}

export interface OutcomeItem {
  readonly request: string;
  readonly counts: Readonly<Record<string, number>>;
}

const digest = z.string().regex(/^sha256:[0-9a-f]{64}$/, "a digest is sha256: and 64 hex digits");
const name = z.string().min(1).max(120);
const digests = z.record(name, z.array(digest).max(100));
const revision = z.strictObject({ digest, label: name, accepts: digests.optional(), keeps: digests.optional() });
const rollout = z.strictObject({ rollout: name });
const dryRun = z.boolean().default(false);
const none = z.strictObject({});

const releaseInput = z.strictObject({ label: name, revisions: z.record(name, revision), dryRun });
const cordInput = z.strictObject({ rollout: name, reason: z.string().min(1).max(500), dryRun });
const liftInput = z.strictObject({ release: digest, dryRun });
const outcomesInput = z.strictObject({
  outcomes: z
    .array(z.strictObject({ request: z.string().max(200), counts: z.record(name, z.number().min(0).max(1e6)) }))
    .max(5000),
});
const entriesInput = z.strictObject({
  from: z.coerce.number().int().min(0).default(0),
  limit: z.coerce.number().int().min(1).max(1000).default(100),
});
const receiptInput = z.strictObject({ index: z.coerce.number().int().min(0) });

function define<Input, Output>(operation: Operation<Input, Output>): Operation<Input, Output> {
  return operation;
}

/** The one table of operations. */
export function operationsOf(context: OperationContext): readonly Operation<never, unknown>[] {
  const { control, store, ledger } = context;
  const table = [
    define({
      name: "status",
      summary: "The system, its route, its last known good release and its rollouts, newest first.",
      method: "GET",
      path: "/v1/status",
      permission: "read",
      changes: false,
      input: none,
      run: async () => {
        const { playbook } = control();
        const { system, owner, risk, authority } = playbook;
        return {
          system,
          owner,
          risk,
          authority,
          playbook: playbook.digest,
          route: await store.route(system),
          lastKnownGood: await store.lastKnownGood(system),
          rollouts: (await control().rollouts()).slice(0, 50),
        };
      },
    }),
    define({
      name: "report",
      summary: "The report of one rollout.",
      method: "GET",
      path: "/v1/rollouts/{rollout}/report",
      permission: "read",
      changes: false,
      input: rollout,
      run: (input) => control().report(input.rollout),
    }),
    define({
      name: "release",
      summary: "Opens a rollout of a release; refused without a proven way back.",
      method: "POST",
      path: "/v1/rollouts",
      permission: "admin",
      changes: true,
      input: releaseInput,
      run: async (input) => {
        const candidate = defineRelease(control().playbook.system, input.label, input.revisions as never);
        if (input.dryRun) return { dryRun: true, release: candidate.id, ...(await control().plan(candidate)) };
        return control().release(candidate);
      },
    }),
    define({
      name: "rollback",
      summary: "Pulls the cord: contains the candidate of a running rollout and restores everything.",
      method: "POST",
      path: "/v1/rollouts/{rollout}/rollback",
      permission: "admin",
      changes: true,
      input: cordInput,
      run: async (input, by) => {
        const back = await control().planBack(input.rollout);
        const { endedAt } = (await store.rollout(input.rollout))!;
        if (endedAt !== undefined) throw new RollbookError("NOT_FOUND", { what: `running rollout ${input.rollout}` });
        if (input.dryRun) return { dryRun: true, ...back };
        return { ...(await control().pullCord(input.rollout, by, input.reason)), planDigest: back.digest };
      },
    }),
    define({
      name: "lift",
      summary: "Lets a release out of quarantine.",
      method: "POST",
      path: "/v1/quarantine/{release}/lift",
      permission: "admin",
      changes: true,
      input: liftInput,
      run: async (input, by) => {
        const release = input.release as Digest;
        const quarantine = await store.quarantine(release);
        if (!quarantine || quarantine.liftedBy)
          throw new RollbookError("NOT_FOUND", { what: `quarantine of ${release}` });
        const { since, reason } = quarantine;
        const plan = { release, digest: digestOfJson({ operation: "lift", release, since }), since, reason };
        if (input.dryRun) return { dryRun: true, ...plan };
        await control().lift(release, by);
        return { ...plan, liftedBy: by };
      },
    }),
    define({
      name: "outcomes",
      summary:
        "Reports business outcomes of requests when they are known: a batch, idempotent by request and names; a part comes with its whole.",
      method: "POST",
      path: "/v1/outcomes",
      permission: "report",
      changes: false,
      input: outcomesInput,
      run: async (input) => context.reportOutcomes(input.outcomes),
    }),
    define({
      name: "ledger-entries",
      summary: "Entries of the ledger, in order, as the exact bytes that were hashed.",
      method: "GET",
      path: "/v1/ledger/entries",
      permission: "read",
      changes: false,
      input: entriesInput,
      run: (input) => store.entries(input.from, input.limit),
    }),
    define({
      name: "ledger-verify",
      summary: "Recomputes every leaf, the root and the signature from what the store holds.",
      method: "GET",
      path: "/v1/ledger/verify",
      permission: "read",
      changes: false,
      input: none,
      run: () => ledger.verify(),
    }),
    define({
      name: "ledger-receipt",
      summary: "A receipt of one entry that anybody can check offline.",
      method: "GET",
      path: "/v1/ledger/receipts/{index}",
      permission: "read",
      changes: false,
      input: receiptInput,
      run: (input) => ledger.receipt(input.index),
    }),
  ];
  return table as unknown as readonly Operation<never, unknown>[];
}
