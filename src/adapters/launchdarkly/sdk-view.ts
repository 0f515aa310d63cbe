import type { Digest } from "../../core/digest.ts";
import type { Seen } from "../../core/ports.ts";
import type { FlagAddress } from "./address.ts";
import { servedState } from "./flag-document.ts";
import { said } from "./flag-reader.ts";
import type { Api } from "./management-api.ts";

/** What server-side SDKs poll (`Requestor` of LaunchDarkly's js-server-sdk-common): everything of an environment. */
const ALL = "/sdk/latest-all";

/** Is it this state that LaunchDarkly hands to the SDKs of the environment? */
export async function seenBySdks(sdk: Api, address: FlagAddress, digest: Digest, signal: AbortSignal): Promise<Seen> {
  const answer = await sdk.get(ALL, signal);
  if (answer.kind !== "answer" || answer.status !== 200) {
    const hint = answer.kind === "answer" && answer.status === 401 ? "; check `sdk-key`" : "";
    return { kind: "unreachable", reason: `the SDKs' endpoint: ${said(answer)}${hint}` };
  }
  try {
    const served = servedState(address, answer.body);
    if (served === undefined) return { kind: "pending", reason: `the SDKs are not given a flag "${address.key}"` };
    if (served.digest === digest) return { kind: "seen" };
    return { kind: "pending", reason: `the SDKs are given version ${served.version}, which has another state` };
  } catch (error) {
    return { kind: "unreachable", reason: error instanceof Error ? error.message : "the payload is not understood" };
  }
}
