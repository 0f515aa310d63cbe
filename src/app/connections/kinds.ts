import { command } from "./command.ts";
import type { ConnectionKind } from "./connection.ts";
import { http } from "./http.ts";
import { opa } from "./opa.ts";
import { pagerduty } from "./pagerduty.ts";
import { slack } from "./slack.ts";
import { webhook } from "./webhook.ts";

/** Every kind of outside system that a connections file can name. */
export const connectionKinds: readonly ConnectionKind<never>[] = [
  http,
  opa,
  command,
  webhook,
  slack,
  pagerduty,
] as readonly ConnectionKind<unknown>[] as never;
