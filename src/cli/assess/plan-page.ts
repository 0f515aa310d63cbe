import type { Starter } from "../starter/starter.ts";
import type { Answers } from "./answers.ts";
import type { Fact } from "./facts.ts";
import { HOW_RANKED, rank } from "./ranking.ts";

interface Phase {
  readonly title: string;
  readonly weeks: number;
  readonly do: readonly string[];
  /** What must be true before the next phase; a command where one can tell. */
  readonly done: readonly string[];
}

/** The plan of four phases, each with its exit test, for the system that goes first. */
export function planPage(answers: Answers, starter: Starter, playbook: string, facts: readonly Fact[]): string {
  const { system, owner } = starter;
  const ranked = rank(answers.systems);
  const rows = ranked.map(
    ({ system: { name, does = "", impact = 1, likelihood = 1, reach = 1, owner: team = "" }, score, risk }) =>
      `| ${[name, does, impact, likelihood, reach, score, risk, team].map((cell) => String(cell).replaceAll("|", "\\|")).join(" | ")} |`,
  );
  const phases = phasesOf(answers, starter, playbook, facts).map((phase, index) =>
    [
      `## Phase ${index + 1}: ${phase.title} (${phase.weeks} weeks)`,
      "",
      ...phase.do.map((line) => `- [ ] ${line}`),
      "",
      "Over when:",
      "",
      ...phase.done.map((line) => `- [ ] ${line}`),
      "",
    ].join("\n"),
  );
  return [
    `# Way back for ${system}: four phases`,
    "",
    `Owner: ${owner}. Deployed today: ${answers.deploys}. Strategy: ${answers.strategy}.`,
    "",
    "| system | does | impact | likelihood | reach | score | risk | owner |",
    "|---|---|---|---|---|---|---|---|",
    ...rows,
    "",
    HOW_RANKED,
    "",
    ...phases,
  ].join("\n");
}

function phasesOf(answers: Answers, starter: Starter, playbook: string, facts: readonly Fact[]): readonly Phase[] {
  const tools = facts.filter(({ about }) => ["model", "flags", "schema", "deploys"].includes(about));
  const found = [...new Set(tools.map(({ what }) => what))].join(", ");
  const { system, owner, kind } = starter;
  const folder = playbook.split("/").slice(0, -1).join("/") || ".";
  const edge =
    kind === "prompt" ? `the application reads the flag \`${system}-release\`` : "callers use the gateway's port";
  return [
    {
      title: "Assessment",
      weeks: 2,
      do: [
        "List the AI systems that could do harm: `assessment/inventory.yaml`",
        `Read the scores again with ${owner} and with whoever answers for the harm`,
        "Look for systems that are missing: models of vendors, features that somebody switched on, scripts",
      ],
      done: [
        "every system of the list has an owner who has agreed to it",
        `how ${system} is deployed today is written down and true`,
      ],
    },
    {
      title: "Playbook design",
      weeks: 3,
      do: [
        `Read \`${playbook}\` aloud with ${owner}, legal and the business`,
        `Make the application report outcomes: ${answers.triggers?.join("; ")}`,
        `Connect it: \`${folder}/connections.yaml\``,
        ...(found ? [`Take in what else must go back together, of what was found: ${found}`] : []),
      ],
      done: [
        `\`rollbook lint ${playbook}\` exits with 0`,
        `\`rollbook serve ${folder}\` runs, and \`rollbook doctor\` exits with 0`,
        `${owner} has agreed on the triggers and on what counts as fixed`,
      ],
    },
    {
      title: "Integration testing",
      weeks: 4,
      do: [
        "Set up a staging environment of its own; name it in `environment`",
        `Switch ${system} there: ${edge}`,
        "Release a bad version on purpose, and one that is fine; time both",
        "Stop Rollbook in the middle of a rollback, and start it again",
      ],
      done: [
        "a bad release is back in under 5 minutes: `rollbook watch` exits with 12, and `rollbook report` says how long it took",
        "a good release is promoted: `rollbook watch` exits with 0",
        "every component was restored, data and schema too: `rollbook live` shows the restore point",
        "`rollbook ledger verify` exits with 0",
      ],
    },
    {
      title: "Production validation",
      weeks: 2,
      do: [
        `Run ${system} in production under \`authority: observe\``,
        "Give a release 1 % of the traffic: `rollbook weight 1`",
        "Adjust triggers that would have gone back wrongly, or too late",
        "Train everybody on call: `rollbook rollback --reason ...` once each",
      ],
      done: [
        "`rollbook observe report --since 14d` was read by who grants the authority",
        "nobody would have wanted another decision than those that it shows",
        "`authority: act` is in the playbook, and the next rehearsal is in the calendar, at most a quarter away",
      ],
    },
  ];
}
