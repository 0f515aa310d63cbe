import { z } from "zod";
import { createHttpAdapter } from "../../adapters/http/http-adapter.ts";
import { type ConnectionKind, undoWord } from "./connection.ts";

const settings = z.strictObject({
  /** For each alias of an address's host the base URL that it stands for. */
  hosts: z.record(z.string().regex(/^[a-z0-9.-]+$/, "an alias is made of a-z, 0-9, dots and dashes"), z.url()),
  /** What a change of any component behind them is, as `undo` of a playbook says it. */
  undo: undoWord.optional(),
  /** The targets can lay a revision ready beside what serves. */
  stages: z.boolean().default(false),
  "timeout-ms": z.number().int().min(10).max(60_000).default(5000),
});

/** Components that speak Rollbook's own HTTP protocol; the address says `NAME://ALIAS/path`. */
export const http: ConnectionKind<z.infer<typeof settings>> = {
  kind: "http",
  summary: "components that speak Rollbook's HTTP protocol",
  settings,
  connect: (name, { hosts, undo, stages, "timeout-ms": timeoutMs }) => ({
    restore: createHttpAdapter({ hosts, scheme: name, stages, timeoutMs, ...(undo === undefined ? {} : { undo }) }),
  }),
};
