import { formatDuration } from "../core/time.ts";
import { columns } from "./columns.ts";

/** The diary as the server answers it. */
export interface Diary {
  readonly system: string;
  readonly authority: string;
  readonly falseAlarms: number;
  readonly releases: number;
  readonly wouldHaveRolledBack: number;
  readonly keptByPeople: number;
  readonly expectedFalseAlarms: number;
  readonly entries: readonly DiaryEntry[];
  readonly drifts: readonly DriftTold[];
}

interface DriftTold {
  readonly at: number;
  readonly release: string;
  readonly because: readonly { readonly name: string; readonly claim: string; readonly since: number }[];
}

interface DiaryEntry {
  readonly rollout: string;
  readonly candidate: string;
  readonly unannounced: boolean;
  readonly startedAt: number;
  readonly endedAt?: number;
  readonly end: string;
  readonly wouldHave?: {
    readonly at: number;
    readonly after: number;
    readonly because: readonly string[];
    readonly saved: readonly Saved[];
    readonly keptByPeople: boolean;
  };
}

interface Saved {
  readonly signal: string;
  readonly bad: string;
  readonly n: number;
  readonly k: number;
  readonly excess: number;
}

/** The same diary of the releases that began since a moment, counted anew. */
export function diarySince(diary: Diary, since: number): Diary {
  const entries = diary.entries.filter(({ startedAt }) => startedAt >= since);
  return {
    ...diary,
    entries,
    drifts: diary.drifts.filter(({ at }) => at >= since),
    releases: entries.length,
    wouldHaveRolledBack: entries.filter(({ wouldHave }) => wouldHave).length,
    keptByPeople: entries.filter(({ wouldHave }) => wouldHave?.keptByPeople).length,
    expectedFalseAlarms: entries.length * diary.falseAlarms,
  };
}

/** One page for whoever decides about the authority: plain sentences, then every release. */
export function diaryPage(
  diary: Diary,
  { markdown, now }: { readonly markdown: boolean; readonly now: number },
): string {
  const { system, entries, drifts } = diary;
  const heading = (text: string) => (markdown ? `## ${text}` : text);
  const list = (items: readonly string[]) => items.map((item) => (markdown ? `- ${item}` : `  ${item}`)).join("\n");
  const title = `What Rollbook would have done: ${system}`;
  const head = markdown ? `# ${title}` : title;
  if (entries.length === 0)
    return `${head}\n\nNo release was seen in this time. Release one (\`rollbook release\`), or change a component: that is noticed too.`;
  const parts = [head, summaryOf(diary, now).join(" ")];
  const { saved, cost } = { saved: savingsOf(entries), cost: costsOf(diary) };
  if (saved.length > 0) parts.push(`${heading("What it would have saved")}\n\n${list(saved)}`);
  parts.push(`${heading("What it would have cost")}\n\n${list(cost)}`);
  parts.push(`${heading("Every release")}\n\n${table(entries, markdown)}`);
  if (drifts.length > 0) parts.push(`${heading("Drift between releases")}\n\n${list(drifts.map(driftText))}`);
  parts.push(`${heading("What this page does not say")}\n\n${list(LIMITS)}`);
  parts.push(`${heading("Next")}\n\n${list([nextStep(diary)])}`);
  return parts.join("\n\n");
}

function summaryOf({ authority, releases, wouldHaveRolledBack: back, entries }: Diary, now: number): readonly string[] {
  const first = Math.min(...entries.map(({ startedAt }) => startedAt));
  const unannounced = entries.filter((entry) => entry.unannounced).length;
  return [
    `From ${day(first)} to ${day(now)} Rollbook watched ${plural(releases, "release")}${authority === "observe" ? " and changed nothing" : ""}.`,
    back === 0 ? "It would have rolled back none of them." : `It would have rolled back ${back} of them.`,
    ...(unannounced > 0
      ? [`${unannounced} came unannounced: somebody changed a component, and there was no gate.`]
      : []),
  ];
}

/** Per signal, over all releases that would have gone back. */
function savingsOf(entries: readonly DiaryEntry[]): readonly string[] {
  const sums = new Map<string, { readonly bad: string; n: number; k: number; excess: number }>();
  for (const { signal, bad, n, k, excess } of entries.flatMap(({ wouldHave }) => wouldHave?.saved ?? [])) {
    const sum = sums.get(signal) ?? { bad, n: 0, k: 0, excess: 0 };
    sums.set(signal, { bad, n: sum.n + n, k: sum.k + k, excess: sum.excess + excess });
  }
  return [...sums]
    .filter(([, { n }]) => n > 0)
    .map(([signal, { bad, n, k, excess }]) => {
      const more =
        excess > 0
          ? `${count(excess)} more than stable's own share would have given: that is what going back at once would have saved`
          : "no more than stable's own share would have given";
      return `${signal}: after the moments at which it would have gone back, ${count(k)} of ${count(n)} were bad (${bad}); ${more}.`;
    });
}

function costsOf({
  falseAlarms,
  releases,
  expectedFalseAlarms,
  wouldHaveRolledBack,
  keptByPeople,
}: Diary): readonly string[] {
  const budget = `1 in ${count(Math.round(1 / falseAlarms))}`;
  return [
    `Of releases that do no harm, the playbook's claims roll back at most ${budget}, however often one looks: among ${plural(releases, "release")}, at most ${expectedFalseAlarms.toPrecision(2)} to be expected.`,
    "Hard limits are outside of that budget; `rollbook lint` prints what each costs.",
    keptByPeople === 0
      ? wouldHaveRolledBack === 0
        ? "There was nothing for people to disagree with."
        : "People kept none of the releases that it would have rolled back."
      : `People kept ${keptByPeople} of the ${wouldHaveRolledBack} all the same. Count these as false alarms unless you know better; \`rollbook explain ROLLOUT\` shows the figures of each.`,
  ];
}

function driftText({ at, release, because }: DriftTold): string {
  const what = because.map(({ name, claim, since }) => `${name} ("${claim}") since about ${day(since)}`);
  return `${release}: ${what.join("; ")}; people were told on ${day(at)}, and nothing was done.`;
}

const LIMITS = [
  "The saved bad answers are counted on what was served after the moment at which it would have gone back; nobody knows what those people would have got instead. Stable's share beside it, or before it, stands for that.",
  "Few releases prove little: no false alarm among ten does not prove one in a thousand.",
];

function nextStep({ authority, wouldHaveRolledBack, keptByPeople }: Diary): string {
  if (authority !== "observe") return "The playbook acts already.";
  if (keptByPeople > 0)
    return "Look at the releases that people kept, and settle who was right, before you write `authority: act`.";
  if (wouldHaveRolledBack > 0)
    return "If you would have wanted each of these rollbacks, write `authority: act` into the playbook.";
  return "Observe until at least one bad release was seen, or rehearse one; then write `authority: act` into the playbook.";
}

function table(entries: readonly DiaryEntry[], markdown: boolean): string {
  const head = ["release", "began", "would have gone back", "because", "saved", "people", "ended"];
  const rows = entries.map(({ candidate, unannounced, startedAt, end, wouldHave }) => [
    `${candidate}${unannounced ? " (unannounced)" : ""}`,
    day(startedAt),
    wouldHave ? `after ${formatDuration(wouldHave.after)}` : "no",
    wouldHave?.because.join(", ") ?? "",
    wouldHave?.saved.flatMap(({ signal, n, excess }) => (n > 0 ? [`${count(excess)} ${signal}`] : [])).join(", ") ?? "",
    wouldHave ? (wouldHave.keptByPeople ? "kept it" : "did not keep it") : "",
    end,
  ]);
  if (!markdown) return columns([head, ...rows]);
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|").replaceAll("\n", " ")).join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

const day = (at: number) => new Date(at).toISOString().slice(0, 10);
const count = (number: number) => number.toLocaleString("en-US");
const plural = (number: number, noun: string) => `${count(number)} ${noun}${number === 1 ? "" : "s"}`;
