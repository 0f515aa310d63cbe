import {
  type ComponentSpec,
  isRoute,
  isUnbounded,
  type Playbook,
  type Signal,
  type Trigger,
  type Undo,
} from "../core/playbook.ts";
import { formatDuration } from "../core/time.ts";
import { claimOf, formatPercent } from "./claim.ts";

/** A playbook in sentences that a product owner reads: sections with a heading and their sentences. */
export interface Description {
  readonly title: string;
  readonly sections: readonly { readonly heading: string; readonly sentences: readonly string[] }[];
}

/** Says in plain words what a playbook does, with its numbers. Pure: equal playbooks give equal words. */
export function describePlaybook(playbook: Playbook): Description {
  return {
    title: playbook.system,
    sections: [
      { heading: "What it protects", sentences: whatSentences(playbook) },
      { heading: "When it goes back", sentences: whenSentences(playbook) },
      { heading: "How a release goes out", sentences: howSentences(playbook) },
      { heading: "What happens when it goes back", sentences: backSentences(playbook) },
      { heading: "When it counts as fixed", sentences: fixedSentences(playbook) },
      { heading: "Who is told", sentences: whoSentences(playbook) },
      ...idleSection(playbook),
    ],
  };
}

const undoSentences: Readonly<Record<Undo, string>> = {
  compensatable: "it can be brought back at any time",
  retriable: "it can only go on, never back",
  pivot: "changing it is the point of no return",
  irreversible: "it cannot be brought back, and no automatic plan touches it",
};

function whatSentences({ system, owner, risk, authority, environment, components }: Playbook): readonly string[] {
  const parts = components.filter((component) => !isRoute(component)).map(({ name }) => name);
  const act =
    authority === "act"
      ? "Rollbook acts: it goes back by itself."
      : "Rollbook only observes: it says what it would have done, and changes nothing.";
  const where = environment
    ? [`It is ${environment.name} (${environment.is.join(", ")}); anywhere else nothing is changed.`]
    : [];
  return [
    `${system} belongs to ${owner}; its risk is ${risk}. ${act}`,
    parts.length > 0
      ? `These parts go back together, all of them or none: ${listOf(parts)}.`
      : "Only traffic goes back; no other part is restored.",
    ...where,
  ];
}

/** What a claim's subject is compared with. */
const against: Readonly<Record<Trigger["kind"], string>> = {
  compare: ", compared with stable in the same seconds",
  limit: "",
  differ: ", among its own outcomes",
  slows: ", compared with stable's own window from before the release",
};

/** What a claim about each segment has, and what it costs. */
function segments({ inAny }: Trigger): string {
  if (inAny === undefined) return "";
  return ` The whole has half of this claim's part of the false alarms, and the values of ${inAny}, 17 at most, the rest.`;
}

/** What a claim about a mean without ends rests on. */
function approximate(signal: Signal): string {
  if (!isUnbounded(signal)) return "";
  return ` It is judged approximately (asymptotic): it takes values to spread as stable's did before the release, and decides from ${signal.min?.toLocaleString("en-US")} ${signal.of} of each side on.`;
}

/** What a calibrated threshold rests on. */
function calibrated({ threshold, kind }: Trigger): string {
  if (threshold === undefined) return "";
  const split = kind === "compare" ? ", the candidate's share of them constant" : "";
  return ` Its threshold is calibrated, which assumes independent outcomes${split}.`;
}

function whenSentences(playbook: Playbook): readonly string[] {
  const { triggers, hardLimits, policies = [], falseAlarms } = playbook;
  const signalOf = (name: string) => playbook.signals.find((signal) => signal.name === name)!;
  const releases = Math.round(1 / falseAlarms).toLocaleString("en-US");
  return [
    ...triggers.map((trigger) => {
      return `${trigger.name}: when ${claimOf(trigger, signalOf(trigger.signal))}${against[trigger.kind]}.${segments(trigger)}${approximate(signalOf(trigger.signal))}${calibrated(trigger)}`;
    }),
    `Of ${releases} releases that do no harm at most one is rolled back by ${triggers.length === 1 ? "this claim" : "these claims together"}, however often one looks.`,
    ...hardLimits.map(
      (limit) => `${limit.name}: at once, without statistics, when ${claimOf(limit, signalOf(limit.signal))}.`,
    ),
    ...policies.map(({ name, at }) => `${name}: when the policy ${at} gives a reason; it can never take one away.`),
  ];
}

function howSentences({ how, authority }: Playbook): readonly string[] {
  const steps = how.steps.map(formatStep);
  const holdback =
    how.holdbackFor === undefined
      ? "After the last step it takes all traffic."
      : `After the last step ${how.holdback} % stays on the last known good for ${formatDuration(how.holdbackFor)} and is watched; then it takes all traffic.`;
  const warmUp =
    how.warmUp === undefined
      ? []
      : [
          `What it serves in the first ${formatDuration(how.warmUp)} is no evidence, because caches are cold; hard limits see it.`,
        ];
  const allow =
    how.allow === undefined ? [] : [`Every step forward needs the policy ${how.allow}; without an answer it waits.`];
  return [
    authority === "act"
      ? "A release goes out only with a proven way back, and only while nothing else is going out."
      : "People deploy and move traffic; Rollbook watches.",
    `It gets ${listOf(steps)} of the traffic, at least ${formatDuration(how.each)} each; the last step and the promotion need proof that it does no harm.`,
    ...warmUp,
    holdback,
    ...allow,
  ];
}

function fallbackSentences({ else: other, safe }: Playbook["how"]): readonly string[] {
  const last =
    safe === undefined ? "" : `; when nothing can, ${safe === "people" ? "people take over" : `${safe} does`}`;
  return [
    ...(other === undefined && safe === undefined
      ? []
      : [
          `Where stable cannot serve, or is harmful too, all traffic goes to ${other ?? "the safe state"}${other ? last : ""}.`,
        ]),
    "What is proved harmful after its restore is left for the newest older release that qualifies; each is tried once.",
  ];
}

function backSentences({ how, components }: Playbook): readonly string[] {
  const route = components.find(isRoute);
  return [
    `First the harm is contained: ${route ? `${route.at} sends everybody to stable` : "everybody is sent to stable"}, in milliseconds, before anything is written.`,
    "The release is put into quarantine, and what the decision rested on is held.",
    "Then every part is brought back: readers before what they read, the others side by side. Each is read back by its digest; a status is never believed.",
    `Containment and restore together should take at most ${formatDuration(how.within)}; after that people are told, and it goes on.`,
    ...fallbackSentences(how),
    "What cannot be decided is stuck: traffic stays contained, and people are called.",
    ...components.filter((component) => !isRoute(component)).map(partSentence),
  ];
}

function partSentence({ name, at, beside, undo }: ComponentSpec): string {
  const places = beside === undefined ? at : `${at} or ${beside}, whichever does not serve`;
  return `${name} (${places}): ${undo === undefined ? "what its connection says of a change holds" : undoSentences[undo]}.`;
}

function fixedSentences({ fixed, signals }: Playbook): readonly string[] {
  const signalOf = (name: string) => signals.find((signal) => signal.name === name)!;
  return [
    `It is fixed when all of this is proved, and was watched for ${formatDuration(fixed.for)}:`,
    ...fixed.criteria.map((criterion) => {
      const window = criterion.kind === "within" ? ", compared with stable's own window from before the release" : "";
      return `${claimOf(criterion, signalOf(criterion.signal))}${window}.`;
    }),
  ];
}

function whoSentences({ who, owner }: Playbook): readonly string[] {
  const later = (who.later ?? []).map(
    ({ after, audience }) => `After ${formatDuration(after)} without a proof that it is fixed: ${listOf(audience)}.`,
  );
  const now = who.now.length > 0 ? `At once: ${listOf(who.now)}.` : "Nobody is told by itself; the page shows it.";
  return [now, ...later, `${owner} may pull the cord at any time.`];
}

/** What stands in the file and nobody does: who reads the rest must not believe it. */
function idleSection({ idle = [] }: Playbook): Description["sections"] {
  if (idle.length === 0) return [];
  const head = "This stands in the playbook, and nothing acts on it yet:";
  return [{ heading: "What is only written down", sentences: [head, ...idle.map(({ about }) => `${about}.`)] }];
}

function formatStep(percent: number): string {
  return formatPercent(percent / 100);
}

/** `a, b and c`. */
function listOf(words: readonly string[]): string {
  if (words.length < 2) return words[0] ?? "nothing";
  return `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`;
}
