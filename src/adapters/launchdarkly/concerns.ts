import type { Concern } from "../../core/ports.ts";
import type { FlagAddress } from "./address.ts";
import { type FlagDocument, quoted } from "./flag-document.ts";
import { prerequisiteIds, said } from "./flag-reader.ts";
import type { Api } from "./management-api.ts";
import { pendingChanges } from "./pending-changes.ts";
import { planPatch } from "./semantic-patch.ts";
import type { Serve, ServingState } from "./serving-state.ts";

export interface ConcernOptions {
  readonly api: Api;
  readonly environment: string;
  /** The token's role may write without an approval. */
  readonly bypassesApprovals: boolean;
}

const blocking = (text: string): Concern => ({ level: "blocking", text });
const warning = (text: string): Concern => ({ level: "warning", text });

/** What stands in the way of going from the live state to the desired one, or would undo it. Changes nothing. */
export async function concernsAbout(
  options: ConcernOptions,
  live: FlagDocument,
  desired: ServingState,
  signal: AbortSignal,
): Promise<readonly Concern[]> {
  const { api, environment } = options;
  const [known, approvals, pending] = await Promise.all([
    prerequisiteIds(api, environment, live, desired, signal),
    approvalConcerns(options, live, signal),
    pendingConcerns(api, environment, live.address, signal),
  ]);
  const plan = typeof known === "string" ? undefined : planPatch(live, desired, known);
  return [
    ...(live.archived ? [blocking("the flag is archived: it cannot be changed before somebody restores it")] : []),
    ...(live.temporary ? [warning("the flag is marked temporary: whoever tidies up may remove it")] : []),
    ...(plan?.kind === "impossible" ? [blocking(plan.reason)] : []),
    ...(typeof known === "string" ? [warning(`could not be checked: ${known}`)] : []),
    ...experimentConcerns(live.state),
    ...offConcerns(live, desired),
    ...dependencyConcerns(live, desired),
    ...approvals,
    ...pending,
  ];
}

/** Turning a flag off serves its off variation, which may be the very thing that one wants to get away from. */
function offConcerns(live: FlagDocument, desired: ServingState): readonly Concern[] {
  if (desired.on) return [];
  if (desired.off === null) return [warning("off without an off variation: the code's own default serves")];
  const name = quoted(desired.off, live.variations);
  const { on, fallthrough, rules, targets } = live.state;
  if (!on || !serves(fallthrough, desired.off)) return [warning(`off serves the off variation ${name}`)];
  const text = `off serves the off variation ${name}, which is what the default rule serves now`;
  return [
    rules.length + targets.length === 0 && whole(fallthrough)
      ? blocking(`${text}: nothing would change`)
      : warning(text),
  ];
}

const whole = (serve: Serve | null) => serve !== null && "variation" in serve;

function serves(serve: Serve | null, ref: string): boolean {
  if (serve === null) return false;
  return "variation" in serve ? serve.variation === ref : serve.weights.some(({ variation }) => variation === ref);
}

function experimentConcerns({ fallthrough, rules }: ServingState): readonly Concern[] {
  const all = [fallthrough, ...rules.map(({ serve }) => serve)];
  if (!all.some((serve) => serve !== null && "weights" in serve && serve.experiment !== undefined)) return [];
  return [
    blocking("an experiment or guarded rollout runs: LaunchDarkly answers 409 until it is stopped, and it writes too"),
  ];
}

function dependencyConcerns(live: FlagDocument, desired: ServingState): readonly Concern[] {
  const off = desired.off === null ? "the code's default" : quoted(desired.off, live.variations);
  const segments = desired.rules.flatMap(({ clauses }) =>
    clauses.filter(({ op }) => op === "segmentMatch").flatMap(({ values }) => values.map(String)),
  );
  return [
    ...desired.prerequisites.map(({ key }) =>
      warning(`it depends on the flag "${key}": when that serves something else, ${off} is served`),
    ),
    ...[...new Set(segments)].map((one) => warning(`a rule uses the segment "${one}", whose members are not captured`)),
  ];
}

async function approvalConcerns(
  { api, environment, bypassesApprovals }: ConcernOptions,
  { address, tags }: FlagDocument,
  signal: AbortSignal,
): Promise<readonly Concern[]> {
  const answer = await api.get(
    `/api/v2/projects/${address.project}/environments/${encodeURIComponent(environment)}`,
    signal,
  );
  if (answer.kind !== "answer" || answer.status !== 200) {
    return [warning(`whether approvals are required could not be checked: ${said(answer)}`)];
  }
  const body = answer.body as {
    approvalSettings?: ApprovalSettings;
    resourceApprovalSettings?: { aiconfig?: ApprovalSettings };
  } | null;
  const settings = address.kind === "flag" ? body?.approvalSettings : body?.resourceApprovalSettings?.aiconfig;
  const only = settings?.requiredApprovalTags ?? [];
  if (settings?.required !== true && only.length === 0) return [];
  if (only.length > 0 && !tags.some((tag) => only.includes(tag))) return [];
  const text = `changes in "${environment}" need an approval (405)`;
  return [
    bypassesApprovals
      ? warning(`${text}; this token is said to bypass it`)
      : blocking(`${text}: nobody waits for it in a rollback; give the token's role bypassRequiredApproval`),
  ];
}

interface ApprovalSettings {
  readonly required?: boolean;
  readonly requiredApprovalTags?: readonly string[];
}

async function pendingConcerns(
  api: Api,
  environment: string,
  address: FlagAddress,
  signal: AbortSignal,
): Promise<readonly Concern[]> {
  const { changes, gaps } = await pendingChanges(api, environment, address, signal);
  return [
    ...changes.map(({ kind, text }) => {
      if (kind === "scheduled") return blocking(`${text} would undo this, or make LaunchDarkly refuse it (400)`);
      if (kind === "approval") return warning(`${text} waits: LaunchDarkly may refuse a change that breaks it (400)`);
      return warning(`${text} ends by itself: the flag's state then is another one`);
    }),
    ...gaps.map((gap) => warning(`pending changes could not be checked: ${gap}`)),
  ];
}
