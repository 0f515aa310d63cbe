import { readFileSync } from "node:fs";
import { Ajv } from "ajv";
import type { Exchange } from "../../src/adapters/launchdarkly/emulated-world.fixture.ts";

const slice: object = JSON.parse(readFileSync(new URL("openapi-slice.json", import.meta.url), "utf8"));
const ajv = new Ajv({ strict: false, allErrors: true }).addSchema(slice, "launchdarkly");

/** Which of the vendor's schemas describes the answer to a call that went well. */
const ANSWERS: readonly (readonly [RegExp, string])[] = [
  [/^\/api\/v2\/flags\/[^/]+\/[^/]+$/, "FeatureFlag"],
  [/\/ai-configs\/[^/]+\/targeting$/, "AIConfigTargeting"],
  [/\/scheduled-changes$/, "FeatureFlagScheduledChanges"],
  [/\/approval-requests$/, "FlagConfigApprovalRequestsResponse"],
  [/\/expiring-targets\/[^/]+$/, "ExpiringTargetGetResponse"],
  [/\/environments\/[^/]+$/, "Environment"],
  [/^\/api\/v2\/caller-identity$/, "CallerIdentityRep"],
];

const REFUSALS: Readonly<Record<number, string>> = {
  400: "InvalidRequestErrorRep",
  401: "UnauthorizedErrorRep",
  403: "Error",
  404: "NotFoundErrorRep",
  405: "MethodNotAllowedErrorRep",
  409: "StatusConflictErrorRep",
  429: "RateLimitedErrorRep",
};

/** What the vendor's schema finds wrong with a value; empty when nothing. */
export function flawsOf(schema: string, value: unknown): readonly string[] {
  const validate = ajv.getSchema(`launchdarkly#/$defs/${schema}`);
  if (!validate) throw new Error(`the slice has no schema ${schema}`);
  validate(value);
  return (validate.errors ?? []).map(({ instancePath, message }) => `${schema}${instancePath} ${message}`);
}

/** What is wrong with an exchange: the answer, and the body of a patch where the vendor's document describes it. */
export function flawsIn({ method, path, status, body, answer }: Exchange): readonly string[] {
  const place = path.replace(/\?.*$/, "");
  const schema = status === 200 ? ANSWERS.find(([pattern]) => pattern.test(place))?.[1] : REFUSALS[status];
  if (schema === undefined) return [`${method} ${path} answered ${status}, for which there is no schema`];
  const asked = method === "PATCH" && place.endsWith("/targeting") ? flawsOf("AIConfigTargetingPatch", body) : [];
  return [...asked, ...flawsOf(schema, answer)].map((flaw) => `${method} ${path} (${status}): ${flaw}`);
}
