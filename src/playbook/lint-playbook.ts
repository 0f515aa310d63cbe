import { isUnbounded, type Playbook, type Signal } from "../core/playbook.ts";
import { lintAddresses } from "./lint-addresses.ts";
import { lintAssumptions } from "./lint-assumptions.ts";
import { lintDecidability } from "./lint-decidability.ts";
import { lintHardLimits } from "./lint-hard-limits.ts";
import { lintLabels } from "./lint-labels.ts";
import { type DeclaredUndo, lintUndo } from "./lint-undo.ts";

/** Every rule of the linter with what it asks; docs/playbook.md lists them, and a test compares. */
export const lintRules = {
  "only-technical":
    "error or warning: every trigger watches a technical signal (a warning: only what the gateway sees); harm to the business would go unseen",
  "no-criterion": "error: `fixed` proves nothing",
  "no-trigger": "error: `when` claims nothing",
  "unpinned-address": "error: an address names an alias such as `latest` where a version belongs",
  undecidable:
    "error: the stated traffic cannot decide even ten times a trigger's margin within the release, or a criterion in time",
  "blind-spot": "warning: harm of twice the margin stays undecided within the release",
  "slow-criterion": "warning: a criterion needs longer than `for`",
  "no-traffic": "warning: without `traffic` nothing can be reckoned in seconds",
  "no-effect-yet": "warning: a key is declared and nothing acts on it yet; refused under `act`",
  "no-gateway": "error: a signal is counted at a gateway, and the route is a release flag",
  "unserved-address": "error: no connection has the name that an address begins with; a warning under `observe`",
  "undeclared-undo":
    "error: neither the playbook nor the connection of an address says whether a change there can be undone",
  "no-environment": "warning: the risk is high, and no `environment` says where the playbook may act",
  "holdback-without-end": "note: a holdback without a time ends with the promotion",
  "slow-labels": "error: outcomes become known later than the release, a trigger or a criterion waits for them",
  "undeclared-labels": "note: outcomes are reported without `labels`: they are compared as they come",
  "late-parts":
    "note: what is reported of the gateway's requests has no `labels`: seconds are compared when they are a minute old",
  "late-units": "note: `per` without `labels`: seconds are compared when they are a minute old",
  "sick-fallback": "warning: `else` or `safe` is an address of what is being rolled back",
  "route-name": "warning: the route is not called like the system",
  rival: "warning: another acting playbook of the same run names the same address; `serve` refuses the second one",
  approximate: "note: a claim's part of the false alarms holds approximately, or under an assumption that is printed",
  "not-calibrated":
    "error: a calibrated threshold needs one constant share of the traffic, and the release has several",
  "thin-window":
    "error: stable is not seen often enough before a release to know how far the values of a mean without ends spread",
  decidable: "note: what a trigger or a criterion needs before it can decide",
  "false-alarm-price": "note or warning: what a hard limit costs in false alarms",
  "unproved-signal": "note: a trigger's signal has no criterion in `fixed`",
  "unused-signal": "note: a signal is declared and never used",
} as const satisfies Record<string, string>;

export type LintRule = keyof typeof lintRules;

/** What the linter says about a playbook that can be read. An `error` makes `rollbook lint` fail. */
export interface LintFinding {
  readonly level: "error" | "warning" | "note";
  readonly name: LintRule;
  /** The path of what is meant, for example `when.rising-losses`. */
  readonly about?: string;
  readonly message: string;
  readonly hint: string;
  /** Where it is in the file; counts from 1. Known when the finding comes from `parsePlaybook`. */
  readonly line?: number;
  readonly column?: number;
}

/** What the linter may know besides the playbook. */
export interface LintContext {
  /** The names of the connections that there are; without it no address is called unserved. */
  readonly schemes?: readonly string[];
  /** What the connection of an address declares of a change there; undefined: nothing is known of it. */
  readonly undoAt?: (at: string) => DeclaredUndo | undefined;
}

/** Judges a playbook that can be read: can it do what it promises, and what will it cost? Pure. */
export function lintPlaybook(playbook: Playbook, context: LintContext = {}): readonly LintFinding[] {
  return [
    ...lintIdle(playbook),
    ...lintAddresses(playbook, context),
    ...lintUndo(playbook, context),
    ...lintTriggers(playbook),
    ...lintLabels(playbook),
    ...lintAssumptions(playbook),
    ...lintDecidability(playbook),
    ...lintHardLimits(playbook),
    ...lintSignals(playbook),
  ];
}

function lintIdle(playbook: Playbook): LintFinding[] {
  return (playbook.idle ?? []).map(({ about, message, instead }) => ({
    level: "warning",
    name: "no-effect-yet",
    about,
    message,
    hint: instead,
  }));
}

/** Words in a gateway signal that tell how a machine is, not how people are served. */
const technicalWords =
  /err(?:or)?s?\b|fail|latenc|slow|time-?outs?|\b[45]xx\b|status|crash|exception|\bcpu\b|memory|\bgpu\b|queue|duration|unavailab|refus|retr(?:y|ies)/;

export function isTechnical(signal: Signal): boolean {
  return signal.from === "gateway" && (technicalWords.test(signal.name) || technicalWords.test(signal.part));
}

function lintTriggers(playbook: Playbook): LintFinding[] {
  const found: LintFinding[] = [];
  if (playbook.triggers.length === 0) {
    found.push({
      level: "error",
      name: "no-trigger",
      about: "when",
      message: "`when` claims nothing; hard limits alone can call a release harmful, but never healthy.",
      hint: "Add for example `rising-losses: { losses: rises, by: 60% }`.",
    });
  }
  if (playbook.fixed.criteria.length === 0) {
    found.push({
      level: "error",
      name: "no-criterion",
      about: "fixed",
      message: "`fixed` has no criterion, so nobody could say that a rollback worked.",
      hint: "Add for example `losses: { within: 3% }`.",
    });
  }
  const watched = new Set([...playbook.triggers, ...playbook.hardLimits].map((trigger) => trigger.signal));
  const signals = playbook.signals.filter((signal) => watched.has(signal.name));
  if (signals.length > 0 && signals.every(({ from }) => from === "gateway")) {
    const technical = signals.every(isTechnical);
    const names = signals.map((signal) => signal.name).join(", ");
    found.push({
      level: technical ? "error" : "warning",
      name: "only-technical",
      about: "when",
      message: technical
        ? `Every trigger watches a technical signal (${names}): a model that answers fast, without errors and wrongly would stay.`
        : `Every trigger watches only what the gateway sees (${names}): what becomes of people after the answer goes unseen.`,
      hint: "Add a trigger on an outcome that the business cares about, for example `{ share: defaulted, of: loans, from: events, better: down }`.",
    });
  }
  return found;
}

function lintSignals(playbook: Playbook): LintFinding[] {
  const proved = new Set(playbook.fixed.criteria.map((criterion) => criterion.signal));
  const watched = new Set([...playbook.triggers, ...playbook.hardLimits].map((trigger) => trigger.signal));
  const found: LintFinding[] = [];
  for (const trigger of playbook.triggers) {
    // No criterion can be about a time, or a mean without ends.
    const signal = playbook.signals.find(({ name }) => name === trigger.signal);
    if (proved.has(trigger.signal) || trigger.kind === "slows" || (signal && isUnbounded(signal))) continue;
    found.push({
      level: "note",
      name: "unproved-signal",
      about: `when.${trigger.name}`,
      message: `\`${trigger.signal}\` can cause a rollback, but \`fixed\` does not prove that it recovered.`,
      hint: `Add a criterion on \`${trigger.signal}\` to \`fixed\`, unless another one covers it.`,
    });
  }
  for (const signal of playbook.signals) {
    if (proved.has(signal.name) || watched.has(signal.name)) continue;
    found.push({
      level: "note",
      name: "unused-signal",
      about: `signals.${signal.name}`,
      message: `\`${signal.name}\` is declared, but no trigger and no criterion uses it.`,
      hint: "Use it or remove it.",
    });
  }
  return found;
}
