import type { Starter, StarterTrigger } from "./starter.ts";

/** What only the linter can find out: how long the steps must be, and which margins the traffic can decide. */
export interface Fitting {
  readonly each: string;
  readonly for: string;
  /** Percent, after widening. */
  readonly within: number;
  readonly triggers: readonly StarterTrigger[];
}

/** A commented playbook. */
export function playbookText(starter: Starter, fitting: Fitting): string {
  const { system, owner, risk, traffic, told, kind, steps } = starter;
  const gateway = kind !== "prompt";
  const { triggers } = fitting;
  const hard = kind !== "http-model" && !triggers.some(({ part }) => part === "unsafe");
  const [whole = "requests"] = triggers.map((trigger) => trigger.whole);
  const last = steps.at(-1) ?? 95;
  return [
    "# yaml-language-server: $schema=https://rollbook.dev/schema/v1.json",
    `# When and how ${system} goes back. Every key: docs/playbook.md. After a change: rollbook lint FILE`,
    "rollbook: v1",
    `system: ${system}`,
    `owner: ${owner}                # may always pull the cord`,
    `risk: ${risk}`,
    "# observe: touches nothing and keeps a diary (rollbook observe report). Write `act` when the diary convinces you.",
    "authority: observe",
    `traffic: ${traffic}            # what lint reckons with: can these triggers decide in time?`,
    "# environment: { name: production, is: local }   # where it may act; a connection's address proves it better",
    "",
    "# What goes back together: all of it, or nothing.",
    "what:",
    ...whatLines(starter),
    "",
    "# What is counted for each release. `events`: outcomes that you report, by request id (rollbook outcomes, or",
    `# POST /v1/outcomes): { "request": "...", "counts": { "${whole}": 1, "${triggers[0]?.part}": 1 } }`,
    "signals:",
    ...triggers.map((trigger) => `  ${signalLine(trigger)}`),
    ...(gateway ? ["  errors: { share: failed, of: requests, from: gateway, better: down }"] : []),
    ...(hard ? [`  unsafe: { count: unsafe-answers, of: ${whole}, from: events, better: down }`] : []),
    "",
    "# What is harm. Claims are judged on every arrival of data; hard limits at once, without statistics.",
    "when:",
    ...triggers.map((trigger) => `  ${claimLine(trigger)}`),
    ...(gateway ? ["  meltdown: { hard: errors > 20%, over: 1m, min: 100 }"] : []),
    ...(hard ? ["  unsafe-at-all: { hard: unsafe >= 1 }"] : []),
    "false-alarms: 1 in 1000 releases   # of releases that do no harm, for all claims together",
    "",
    "# How traffic moves: these percentages, each for at least so long. Harm goes back to stable at any moment.",
    "how:",
    `  release: { canary: [${steps.join(", ")}], each: ${fitting.each}, holdback: ${Math.min(5, 100 - last)}% }`,
    "  contain: stable",
    "  within: 60s",
    "",
    "# What must be proved after going back, before it counts as fixed: against stable's own time before the release.",
    "fixed:",
    ...triggers.map((trigger) => `  ${criterionLine(trigger, fitting.within)}`),
    `  for: ${fitting.for}`,
    "",
    "# Who must know, at once. page://dashboard is Rollbook's own page; slack://... and others are connections.",
    "who:",
    `  now: [ ${told.join(", ")} ]`,
    "",
  ]
    .map(aligned)
    .join("\n");
}

function whatLines({ kind, system }: Starter): readonly string[] {
  const vault = (part: string) =>
    `{ at: vault://${system}-${part}-blue, beside: vault://${system}-${part}-green, undo: snapshot }`;
  if (kind === "prompt")
    return [
      `  prompt: flags://${system}-prompt      # which prompt is released; connections.yaml lists them`,
      `  route: flags://${system}-release      # which release serves a user: read this flag in the application`,
    ];
  const parts = kind === "agent" ? ["prompt", "tools"] : ["model"];
  return [
    "  # Two copies: a release goes to the one that does not serve, so the way back stays warm.",
    ...parts.map((part) => `  ${part}: ${vault(part)}`),
    `  route: gateway://${system}`,
  ];
}

function signalLine({ part, whole, move }: StarterTrigger): string {
  const better = move === "rises" || move === "above" ? "down" : "up";
  return `${part}: { share: ${part}, of: ${whole}, from: events, better: ${better} }`;
}

function claimLine({ part, move, by, unit }: StarterTrigger): string {
  if (move === "above") return `too-many-${part}: { ${part}: above, limit: ${by}% }`;
  if (move === "below") return `too-few-${part}: { ${part}: below, limit: ${by}% }`;
  return `${move === "rises" ? "more" : "fewer"}-${part}: { ${part}: ${move}, by: ${by}${unit} }`;
}

function criterionLine({ part, move, by, unit }: StarterTrigger, within: number): string {
  if (move === "above") return `${part}: { below: ${by}% }`;
  if (move === "below") return `${part}: { above: ${by}% }`;
  return `${part}: { within: ${unit === "pp" ? `${by}pp` : `${within}%`} }`;
}

/** Comments after a value begin in one column. */
function aligned(line: string): string {
  const match = /^(\S.*?\S|\s+\S.*?\S)\s{2,}(# .*)$/.exec(line);
  return match && !line.trimStart().startsWith("#") ? `${match[1]!.padEnd(38)} ${match[2]}` : line;
}
