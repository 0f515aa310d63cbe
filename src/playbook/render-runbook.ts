import { isRoute, type Playbook } from "../core/playbook.ts";
import { type Description, describePlaybook } from "./describe-playbook.ts";

export interface RunbookOptions {
  readonly format: "markdown" | "html";
  /** When it was printed, as people write a date; a print is as old as this. */
  readonly date: string;
  /** How `rollbook` is started here. */
  readonly command?: string;
}

/** One thing to do by hand, and how to do it. */
interface Move {
  readonly when: string;
  readonly line: string;
}

/** The printed runbook for people: what the playbook does, and what they do themselves at three in the morning. */
export function renderRunbook(playbook: Playbook, { format, date, command = "rollbook" }: RunbookOptions): string {
  const description = describePlaybook(playbook);
  const moves = movesOf(playbook, command);
  const stamp = `Playbook ${playbook.digest}, printed ${date}. A newer playbook makes this print wrong: compare the digest with \`${command} status\`.`;
  return format === "markdown" ? markdown(description, moves, stamp) : html(description, moves, stamp);
}

/** What people can do by hand, the most urgent first. */
function movesOf({ system, authority, components }: Playbook, command: string): readonly Move[] {
  const named = `--system ${system}`;
  const parts = components.filter((component) => !isRoute(component));
  const steer: readonly Move[] =
    authority === "act"
      ? [
          { when: "Go back now", line: `${command} rollback ${named} --reason "WHY"` },
          { when: "Hold a rollout where it is", line: `${command} pause ${named} --reason "WHY"` },
          { when: "Go back, though the release is not to blame", line: `${command} abort ${named} --reason "WHY"` },
        ]
      : [{ when: "Write down that people went back", line: `${command} abort ${named} --reason "WHY"` }];
  return [
    { when: "See what is going on", line: `${command} status ${named}` },
    ...steer,
    { when: "See why it decided", line: `${command} explain ${named}` },
    { when: "See what every part serves now", line: `${command} live ${named}` },
    ...parts.map(({ name, at }) => ({
      when: `${name} does not come back`,
      line: `bring ${at} back by its own means, then run ${command} doctor`,
    })),
    { when: "Afterwards, the report", line: `${command} report ${named}` },
    { when: "That nobody rewrote the record", line: `${command} ledger verify` },
  ];
}

function markdown({ title, sections }: Description, moves: readonly Move[], stamp: string): string {
  const lines = [`# Runbook: ${plain(title)}`, ""];
  lines.push("## What you do by hand", "", "| when | do |", "|---|---|");
  for (const { when, line } of moves)
    lines.push(`| ${plain(when)} | \`${line.replaceAll("|", "\\|").replaceAll("`", "'")}\` |`);
  for (const { heading, sentences } of sections) {
    lines.push("", `## ${heading}`, "", ...sentences.map((sentence) => `- ${plain(sentence)}`));
  }
  return [...lines, "", stamp, ""].join("\n");
}

/** Text that stays text in Markdown. */
function plain(text: string): string {
  return text.replace(/[\\`*_[\]<>|]/g, "\\$&");
}

const STYLE = `
  :root { color-scheme: light; font: 11pt/1.45 system-ui, sans-serif; }
  body { max-width: 46rem; margin: 2rem auto; padding: 0 1rem; color: #111; background: #fff; }
  h1 { font-size: 1.6rem; margin: 0 0 1rem; }
  h2 { font-size: 1.1rem; margin: 1.6rem 0 .4rem; break-after: avoid; }
  ul { margin: 0; padding-left: 1.2rem; }
  li { margin: .2rem 0; overflow-wrap: anywhere; }
  table { width: 100%; border-collapse: collapse; }
  th, td { text-align: left; vertical-align: top; padding: .3rem .6rem .3rem 0; border-bottom: 1px solid #bbb; }
  tr { break-inside: avoid; }
  code { font: .92em/1.4 ui-monospace, monospace; overflow-wrap: anywhere; }
  footer { margin-top: 2rem; font-size: .85rem; color: #444; overflow-wrap: anywhere; }
  @page { size: A4; margin: 18mm; }
  @media print { body { margin: 0; max-width: none; padding: 0; } }`;

function html({ title, sections }: Description, moves: readonly Move[], stamp: string): string {
  const rows = moves.map(
    ({ when, line }) => `<tr><th scope="row">${safe(when)}</th><td><code>${safe(line)}</code></td></tr>`,
  );
  const parts = sections.map(
    ({ heading, sentences }) =>
      `<section><h2>${safe(heading)}</h2><ul>${sentences.map((sentence) => `<li>${safe(sentence)}</li>`).join("")}</ul></section>`,
  );
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Runbook: ${safe(title)}</title>
<style>${STYLE}
</style>
</head>
<body>
<main>
<h1>Runbook: ${safe(title)}</h1>
<section><h2>What you do by hand</h2>
<table><thead><tr><th scope="col">when</th><th scope="col">do</th></tr></thead><tbody>${rows.join("\n")}</tbody></table></section>
${parts.join("\n")}
</main>
<footer>${safe(stamp.replaceAll("`", ""))}</footer>
</body>
</html>
`;
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function safe(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character]!);
}
