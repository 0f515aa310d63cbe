import { formatDuration, type Milliseconds } from "../../core/time.ts";
import { limits } from "../defaults.ts";
import type { Position } from "../issue.ts";
import { type Draft, type DraftSignal, nameOf } from "./draft.ts";

/** What only people know; what is not given is left with a comment. */
export interface ImportOptions {
  readonly system?: string;
  readonly owner?: string;
  readonly risk?: string;
  readonly traffic?: string;
}

export interface LostLine extends Position {
  readonly path: string;
  readonly message: string;
}

/** The playbook's text, and what a person has to fill in. */
export interface WrittenPlaybook {
  readonly system: string;
  readonly text: string;
  readonly toFill: readonly string[];
}

const products = { argo: "Argo Rollouts", flagger: "Flagger", kayenta: "Kayenta" } as const;
const CHOSEN_STEPS = { weights: [5, 25, 50], each: 600_000 };

/** A commented playbook that says where each line comes from, and everything that it does not say. */
export function writePlaybook(
  draft: Draft,
  file: string,
  lost: readonly LostLine[],
  options: ImportOptions,
): WrittenPlaybook {
  const toFill: string[] = [];
  const fill = (what: string): string => {
    toFill.push(what);
    return "FILL IN: ";
  };
  const system = options.system ?? nameOf(draft.name, "imported-system");
  const head = headLines(draft, { file, system, options, fill });
  const what = whatLines(draft, system, fill);
  const how = howLines(draft, fill);
  const lines = [
    ...head,
    "",
    ...what,
    "",
    ...signalLines(draft, fill),
    "",
    ...how,
    "",
    ...fixedLines(draft),
    "",
    ...whoLines(fill),
  ];
  const text = [...lines, "", ...lostLines(lost, products[draft.kind])].join("\n");
  return { system, text: `${text}\n`, toFill: [...toFill, ...draft.placeholders] };
}

type Fill = (what: string) => string;

interface Head {
  readonly file: string;
  readonly system: string;
  readonly options: ImportOptions;
  readonly fill: Fill;
}

function headLines(draft: Draft, { file, system, options, fill }: Head): readonly string[] {
  const { owner, risk, traffic } = options;
  return [
    "# yaml-language-server: $schema=https://rollbook.dev/schema/v1.json",
    `# Imported from ${comment(file)} (${products[draft.kind]}). What could not be translated stands at the end.`,
    "rollbook: v1",
    `system: ${system}  # ${options.system ? "given" : `${draft.nameFrom}: ${comment(draft.name)}`}`,
    owner
      ? `owner: ${owner}`
      : `owner: fill-in  # ${fill("owner: the team that answers for it")}the team that answers for it`,
    risk ? `risk: ${risk}` : `risk: medium  # ${fill("risk: how much harm it could do")}low, medium or high`,
    "authority: observe  # it touches nothing; write `act` when its diary convinces you",
    traffic
      ? `traffic: ${traffic}`
      : `# traffic: 100 requests/s  # ${fill("traffic: what the linter reckons with")}lint then says whether this can decide in time`,
    `# environment: { name: production, is: k8s://CLUSTER/NAMESPACE }  # ${fill("environment: where it may act")}where it may act`,
  ];
}

function whatLines(draft: Draft, system: string, fill: Fill): readonly string[] {
  const workload = draft.workload
    ? [
        `  service: { at: ${draft.workload.at}, undo: redeploy }  # ${comment(draft.workload.from)}; ${fill("what.service: the cluster's name in its address")}CLUSTER`,
      ]
    : [];
  return [
    `# What goes back together. ${fill("what: model, prompt, schema: all that must go back with it")}model, prompt, schema: what must go back with it.`,
    "what:",
    ...workload,
    `  route: gateway://${system}  # ${fill("what.route: gateway:// or flags://")}or flags://KEY; containment is at our own edge`,
  ];
}

function signalLines({ signals, kind }: Draft, fill: Fill): readonly string[] {
  if (signals.length === 0) {
    const what = "signals, when, fixed: nothing of the config could be counted";
    return [
      `# signals:  # ${fill(what)}what is counted for each release`,
      `# when:  # ${fill("when: what is harm")}what is harm`,
    ];
  }
  const remarks = ({ remarks, name }: DraftSignal): readonly string[] =>
    remarks.map(
      (remark) =>
        `  # ${remark.startsWith("FILL IN") ? `${fill(`signals.${name}: ${remark.slice(8)}`)}${remark.slice(8)}` : comment(remark)}`,
    );
  return [
    "# What is counted for each release.",
    "signals:",
    ...signals.flatMap((signal) => [
      `  ${signal.name}: ${signal.signal}  # ${comment(signal.fromSignal)}`,
      ...remarks(signal),
    ]),
    "",
    "# What is harm. Each line was a plain threshold or a rank test; here it is a claim, proved with its sample size.",
    "when:",
    ...signals.flatMap((signal) => [
      `  # ${products[kind]}: ${comment(signal.fromClaim)}; ${comment(sayRule(signal))}`,
      `  ${signal.trigger}: ${signal.claim}`,
    ]),
    "false-alarms: 1 in 1000 releases  # of releases that do no harm, for all claims together; chosen",
  ];
}

/** When the incumbent gives up. */
function sayRule({ rule }: DraftSignal): string {
  const { every, count, failureLimit, product } = rule;
  if (product === "kayenta") return "the ranks of both arms' values, at 98 %";
  const often =
    every === undefined
      ? "measured once"
      : `every ${formatDuration(every)}${count === undefined ? "" : `, ${count} times`}`;
  return `${often}, given up at failure ${failureLimit + 1}`;
}

function howLines(draft: Draft, fill: Fill): readonly string[] {
  const { weights: given, each } = draft.steps ?? CHOSEN_STEPS;
  // The last step and the holdback are at most 100: a step to everybody is the promotion.
  const before = given.filter((weight) => weight < 100);
  const usable = before.length > 0 ? before : [50];
  const steps = thinned(usable);
  const holdback = Math.min(5, 100 - steps.at(-1)!);
  const from = draft.steps
    ? comment(draft.steps.from)
    : `${fill("how.release: the steps, which the config does not have")}chosen, the config has no steps`;
  const warm = draft.warmUp === undefined ? "" : ` warm-up: ${sayDuration(draft.warmUp)},`;
  const thin =
    steps.length < usable.length ? [`  # ${usable.length} steps there; a playbook has at most ${limits.steps}.`] : [];
  return [
    "# How traffic moves. Harm goes back to stable at any moment, not at a step's end.",
    "how:",
    ...thin,
    `  release: { canary: [${steps.join(", ")}], each: ${sayDuration(each)},${warm} holdback: ${holdback}% }  # ${from}`,
    "  contain: stable",
    "  within: 60s  # chosen: containment and restore together",
  ];
}

function thinned(weights: readonly number[]): readonly number[] {
  const every = Math.ceil(weights.length / limits.steps);
  return weights.filter((_, at) => (weights.length - 1 - at) % every === 0);
}

function fixedLines({ signals }: Draft): readonly string[] {
  const criteria = signals.filter(({ criterion }) => criterion !== undefined);
  if (criteria.length === 0) return ["# fixed:  # what must be proved after going back"];
  return [
    "# What must be proved after going back; no incumbent asks for that. The limits are those above.",
    "fixed:",
    ...criteria.map(({ name, criterion }) => `  ${name}: ${criterion}`),
    "  for: 10m  # chosen",
  ];
}

function whoLines(fill: Fill): readonly string[] {
  return [
    `# ${fill("who: who must know")}slack://CHANNEL, pagerduty://SERVICE ...`,
    "who:",
    "  now: [ page://dashboard ]",
  ];
}

function lostLines(lost: readonly LostLine[], product: string): readonly string[] {
  if (lost.length === 0) return [`# Everything that the ${product} config says was translated.`];
  return [
    `# NOT TRANSLATED (${lost.length}):`,
    ...lost.map(({ line, column, path, message }) => `# - ${line}:${column} ${comment(path)}: ${comment(message)}`),
  ];
}

/** Text of others as it may stand in a comment: on one line, nothing hidden, no password, not endless. */
export function comment(text: string): string {
  const open = text.replaceAll(/:\/\/[^/\s@]*@/g, "://***@");
  const plain = open.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\s]+/gu, " ").trim();
  return plain.length > 400 ? `${plain.slice(0, 397)}...` : plain;
}

/** A span with one unit, as a playbook has it. */
export function sayDuration(span: Milliseconds): string {
  for (const [unit, length] of [
    ["d", 86_400_000],
    ["h", 3_600_000],
    ["m", 60_000],
    ["s", 1000],
  ] as const) {
    if (span >= length && span % length === 0) return `${span / length}${unit}`;
  }
  return `${Math.max(1, Math.round(span))}ms`;
}
