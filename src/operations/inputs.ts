import { z } from "zod";

export const digest = z.templateLiteral(
  ["sha256:", z.string().regex(/^[0-9a-f]{64}$/)],
  "a digest is sha256: and 64 hex digits",
);
export const name = z.string().min(1).max(120);
/** Labels are listed, put into messages and signed: one line of printable text. */
const label = name.regex(/^[^\p{Cc}\p{Cs}\p{Zl}\p{Zp}]*$/u, "a label is one line without control characters");
export const reason = z.string().min(1).max(500);
export const dryRun = z.boolean().default(false);
/** Needed only where one process protects several systems. */
export const system = name.optional();
const digests = z.record(name, z.array(digest).max(100));
const revision = z.strictObject({ digest, label, accepts: digests.optional(), keeps: digests.optional() });
const outcome = {
  counts: z.record(name, z.number().min(0).max(1e6)).default({}),
  values: z.record(name, z.union([z.number(), z.array(z.number()).max(1000)])).exactOptional(),
  groups: z.record(name, z.string().max(1000)).exactOptional(),
  unit: z.union([z.string().max(1000), z.record(name, z.string().max(1000))]).exactOptional(),
};

export const none = z.strictObject({});
export const ofSystem = z.strictObject({ system });
export const ofRollout = z.strictObject({ rollout: name });
/** By digests, or by what people call the revisions at their targets. */
export const releaseInput = z
  .strictObject({
    system,
    label: label.optional(),
    revisions: z.record(name, revision).default({}),
    references: z.record(name, z.string().min(1).max(500)).default({}),
    dryRun,
  })
  .refine((input) => Object.keys({ ...input.revisions, ...input.references }).length > 0, "name at least one revision");
export const orderInput = z.strictObject({ rollout: name, reason });
export const cordInput = z.strictObject({ rollout: name, reason, dryRun });
export const takeBackInput = z.strictObject({ system, reason });
export const weightInput = z.strictObject({ system, percent: z.number().min(0).max(100) });
export const containInput = z.strictObject({ system, to: z.enum(["stable", "else", "safe"]), reason });
export const quarantineInput = z.strictObject({ release: digest, reason });
export const liftInput = z.strictObject({ release: digest, dryRun });
export const outcomesInput = z.strictObject({
  outcomes: z
    .array(
      z.union([
        z.strictObject({ request: z.string().max(200), ...outcome }),
        z.strictObject({
          system: name,
          release: digest,
          second: z.number().int().min(0),
          key: z.string().min(8).max(100),
          ...outcome,
        }),
      ]),
    )
    .max(5000),
});
/** Each block is checked where it is counted, so that a bad one is answered and does not take the others with it. */
export const samplesInput = z.strictObject({
  samples: z
    .array(z.unknown().describe("{ node, sequence, bucket, signal, release, n, k, group?, cells? }"))
    .max(50_000),
});
export const packsInput = z.strictObject({
  rollout: name,
  from: z.coerce.number().int().min(0).default(0),
  limit: z.coerce.number().int().min(1).max(10).default(10),
});
export const entriesInput = z.strictObject({
  from: z.coerce.number().int().min(0).default(0),
  limit: z.coerce.number().int().min(1).max(1000).default(100),
});
export const receiptInput = z.strictObject({ index: z.coerce.number().int().min(0) });
export const tokenInput = z.strictObject({ id: name, role: z.enum(["admin", "reporter"]) });
export const alertsInput = z.strictObject({ system, reason, key: name });
