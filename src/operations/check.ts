import { RollbookError } from "../core/errors.ts";
import type { Playbook } from "../core/playbook.ts";
import type { Stated } from "../playbook/assumption.ts";
import { importConfig } from "../playbook/import/import-config.ts";
import { renderFindings, renderIssues } from "../playbook/issue-frame.ts";
import type { LintContext } from "../playbook/lint-playbook.ts";
import { parsePlaybook } from "../playbook/parse-playbook.ts";
import { type Physics, physicsOf } from "../playbook/physics/physics.ts";
import { readStated, readTraffic } from "../playbook/physics/stated.ts";

export type { LimitPhysics } from "../playbook/physics/limit-physics.ts";
export type { Physics } from "../playbook/physics/physics.ts";
export type { Quantiles } from "../playbook/physics/quantiles.ts";
export type { MeasuredThreshold, RawThreshold } from "../playbook/physics/raw-threshold.ts";
export type { TriggerPhysics } from "../playbook/physics/trigger-physics.ts";

/** What people may state besides the playbook, as they write it on the command line. */
export interface CheckRequest {
  readonly traffic?: string | undefined;
  readonly baseline?: string | undefined;
  readonly harm?: string | undefined;
  /** The config of Argo Rollouts, Flagger or Kayenta that the playbook was imported from. */
  readonly was?: { readonly text: string; readonly file: string } | undefined;
  readonly colour: boolean;
}

export type CheckAnswer =
  | { readonly kind: "invalid"; readonly text: string }
  /** `ok` means: every trigger can decide. */
  | { readonly kind: "checked"; readonly ok: boolean; readonly physics: Physics };

/**
 * What the triggers of a playbook can do with the stated traffic, and what they cost.
 * @throws USAGE where there is no traffic, or what was stated cannot be
 */
export function checkText(text: string, file: string, request: CheckRequest, context: LintContext = {}): CheckAnswer {
  const parsed = parsePlaybook(text, file, context);
  if (parsed.kind === "invalid") return { kind: "invalid", text: renderIssues(parsed.issues, text, request) };
  const undeclared = parsed.findings.filter(({ name }) => name === "undeclared-undo");
  if (undeclared.length > 0) return { kind: "invalid", text: renderFindings(undeclared, file, request) };
  const before = request.was && importConfig(request.was.text, request.was.file);
  if (before?.kind === "invalid")
    return { kind: "invalid", text: renderIssues(before.issues, request.was!.text, request) };
  const incumbents = before && new Map(before.rules.map((rule) => [rule.trigger, rule]));
  const physics = reckon(parsed.playbook, file, request, incumbents && { incumbents });
  return { kind: "checked", ok: physics.triggers.every(({ kind }) => kind !== "undecidable"), physics };
}

function reckon(
  playbook: Playbook,
  file: string,
  { traffic, baseline, harm }: CheckRequest,
  stated: Stated = {},
): Physics {
  try {
    const perSecond = traffic === undefined ? playbook.trafficPerSecond : readTraffic(traffic);
    if (perSecond === undefined)
      throw new RangeError(
        `${file} states no traffic: add for example --traffic 1000/s, or \`traffic\` to the playbook`,
      );
    return physicsOf(playbook, perSecond, { ...stated, ...readStated(playbook, { baseline, harm }) });
  } catch (error) {
    if (error instanceof RangeError) throw new RollbookError("USAGE", { what: error.message });
    throw error;
  }
}
