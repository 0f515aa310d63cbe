import type { z } from "zod";
import type { Permission } from "./permission.ts";

/** One thing that Rollbook can be asked to do. CLI, HTTP API and their docs all come from a table of these. */
export interface Operation<Input, Output> {
  readonly name: string;
  readonly summary: string;
  readonly method: "GET" | "POST";
  /** Path of the HTTP API; `{name}` parts are taken from the input. */
  readonly path: string;
  readonly permission: Permission;
  /** Takes `dryRun`, which answers with the plan and its digest and changes nothing. */
  readonly dryRun: boolean;
  /** The largest body, in bytes: 1 MiB without it. */
  readonly maxBody?: number;
  readonly input: z.ZodType<Input>;
  /** The body as it is, where it is quickly seen that `input` takes it so; else undefined, and `input` decides. */
  readonly plain?: (body: object) => Input | undefined;
  /** @param order the id of the order that this follows: with what it changes it is recorded that the order was carried out */
  readonly run: (input: Input, by: string, order?: string) => Promise<Output>;
}

export type AnyOperation = Operation<never, unknown>;

/** Keeps the types of one operation together and lets the table forget them. */
export function define<Input, Output>(operation: Operation<Input, Output>): AnyOperation {
  return operation as unknown as AnyOperation;
}
