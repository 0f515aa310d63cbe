import type { BacktestAnswer, ClaimReplay, Counted, Replay, SignalCost } from "../app/backtest/backtest-files.ts";
import { formatDuration } from "../core/time.ts";
import { columns } from "./columns.ts";

const YEAR_MS = 366 * 86_400_000;

/** A backtest for people: what would have happened, when, why, and what it would have cost. */
export function backtestText(answer: BacktestAnswer): string {
  const { recording, files, releases, wouldHaveRolledBack, replays, withoutData } = answer;
  const span = formatDuration(recording.to - recording.from);
  return [
    `${answer.system}: would have rolled back ${wouldHaveRolledBack} of ${releases} ${releases === 1 ? "release" : "releases"}.`,
    `Of ${count(Math.round(1 / answer.falseAlarms))} releases that do no harm at most one is rolled back.`,
    "",
    ...files.map(
      ({ file, form, rows, ignored }) =>
        `${file}: ${form}, ${count(rows)} rows${ignored.length > 0 ? `; not in the playbook: ${some(ignored)}` : ""}`,
    ),
    `recorded ${stamp(recording.from)} to ${stamp(recording.to)}, ${span}${recording.grain > 1000 ? `; a row stands for ${formatDuration(recording.grain)}, and is known at its end` : ""}`,
    ...(recording.repeated > 0 ? [`${count(recording.repeated)} rows repeat others, and count once`] : []),
    ...files.flatMap(({ notes }) => notes.map((note) => `note: ${note}`)),
    ...(withoutData.length > 0 ? [`note: there is no data for ${withoutData.join(", ")}`] : []),
    ...replays.map((replay) => `\n${replayText(replay, answer)}`),
  ].join("\n");
}

function replayText(replay: Replay, { prices, horizon }: BacktestAnswer): string {
  const { candidate, stable, harm, verdict, from, to, reference } = replay;
  const odds = `evidence ${oddsOf(verdict.logEvidence)}, and ${oddsOf(verdict.logThreshold)} is asked`;
  return [
    `${candidate} beside ${stable}: ${outcomeOf(replay)}`,
    `  exposed ${stamp(from)}, judged until ${stamp(to)} (${formatDuration(to - from)}); ${referenceOf(replay, reference)}`,
    ...(to - from > horizon
      ? [`  a rollout of this playbook ends within ${formatDuration(horizon)}: what turns bad later is found slowly`]
      : []),
    ...(harm ? [`  ${because(replay, harm.because)}; ${odds}`] : [`  ${odds}`]),
    "  each by itself:",
    columns(replay.claims.map(claimRow), 4),
    ...(harm ? ["  until then:", ...costLines(harm.costs, replay, prices)] : []),
    harm ? "  had it stayed, by the end of the recording:" : "  by the end of the recording:",
    ...costLines(replay.costs, replay, prices),
    ...(harm ? sparedLines(harm.costs, replay.costs, prices) : []),
  ].join("\n");
}

function outcomeOf({ harm, promotedAt, safeAt, from, verdict, claims }: Replay): string {
  const after = (at: number) => `after ${formatDuration(at - from)}, at ${stamp(at)}`;
  if (harm) {
    const promoted = promotedAt === undefined ? "" : `; it would have been promoted ${after(promotedAt)}`;
    return `WOULD HAVE BEEN ROLLED BACK ${after(harm.at)}${promoted}`;
  }
  if (promotedAt !== undefined) return `would have been promoted ${after(promotedAt)}`;
  if (safeAt !== undefined && verdict.kind === "healthy")
    return `proved safe ${after(safeAt)}; the recording ends before the steps of the playbook do`;
  const open = claims.filter(({ kind, finding }) => kind === "trigger" && finding.kind === verdict.kind);
  return `undecided: ${verdict.kind} for ${open.map(({ name }) => name).join(", ") || "every trigger"}`;
}

function referenceOf({ frozen, stable }: Replay, reference: Replay["reference"]): string {
  const n = Math.max(0, ...frozen.map((window) => window.n));
  const window = n > 0 ? `${count(n)} observations of ${stable} before it` : `nothing of ${stable} before it`;
  if (reference === "concurrent stable") return `compared with ${stable} at the same time; forecast from ${window}`;
  return `nothing served beside it, so it is compared with ${window}`;
}

function because({ claims }: Replay, names: readonly string[]): string {
  const said = names.map((name) => `${name} (${claims.find((claim) => claim.name === name)?.claim ?? "?"})`);
  return `because of ${said.join(", ")}`;
}

function claimRow({ name, kind, claim, fired, finding }: ClaimReplay): readonly string[] {
  const { candidate, reference, logHarm, kind: verdict, doubts = [] } = finding;
  const beside = reference.n > 0 ? `, stable ${tally(reference)}` : "";
  const evidence = kind === "hard-limit" ? "raw threshold" : oddsOf(logHarm);
  const when = fired
    ? `fires after ${formatDuration(fired.after)}`
    : `never${verdict === "no-data" ? ": no data" : ""}`;
  return [name, claim, when, evidence, `${tally(candidate)}${beside}`, ...doubts];
}

function tally({ n, k, mean }: { readonly n: number; readonly k: number; readonly mean?: number }): string {
  return mean === undefined ? `${count(k)} of ${count(n)}` : `${mean.toPrecision(4)} of ${count(n)}`;
}

function costLines(
  costs: readonly SignalCost[],
  { stable }: Replay,
  prices: BacktestAnswer["prices"],
): readonly string[] {
  const rows = costs.map(({ signal, bad, candidate, reference, excess }) => [
    `${signal}:`,
    `${counted(candidate)} ${bad}`,
    reference.n > 0 ? `${stable} ${counted(reference)}${reference.from === "frozen window" ? " before it" : ""}` : "",
    excess === undefined ? "" : `${more(excess)}${priced(excess, prices[signal])}`,
  ]);
  return rows.length > 0 ? [columns(rows, 4)] : [];
}

function sparedLines(
  until: readonly SignalCost[],
  whole: readonly SignalCost[],
  prices: BacktestAnswer["prices"],
): readonly string[] {
  return whole.flatMap(({ signal, bad, excess }) => {
    const before = until.find((cost) => cost.signal === signal)?.excess;
    const spared = excess === undefined || before === undefined ? 0 : excess - before;
    return Math.round(spared) > 0
      ? [`  going back would have spared ${count(Math.round(spared))} ${bad}${priced(spared, prices[signal])}`]
      : [];
  });
}

function counted({ n, bad, interval }: Counted): string {
  const share = interval ? ` (${percent(bad / n)}, 95 % ${percent(interval.low)} to ${percent(interval.high)})` : "";
  return `${count(bad)} of ${count(n)}${n > 0 ? share : ""}`;
}

function more(excess: number): string {
  const whole = Math.round(excess);
  return whole >= 0 ? `${count(whole)} more than at stable's rate` : `${count(-whole)} fewer than at stable's rate`;
}

function priced(bad: number, price: BacktestAnswer["prices"][string] | undefined): string {
  return price && bad > 0 ? `, ${count(Math.round(bad * price.amount))} ${price.currency}` : "";
}

function percent(share: number): string {
  return `${Number((share * 100).toPrecision(3))} %`;
}

/** ln of an e-value, as odds. */
function oddsOf(log: number): string {
  const size = Math.abs(log);
  const odds = Math.exp(size);
  const shown = size > 14 ? `10^${Math.round(size / Math.LN10)}` : count(Number(odds.toPrecision(odds < 10 ? 2 : 3)));
  if (log >= Number.MAX_VALUE) return "at once";
  return log >= 0 ? `${shown} : 1` : `1 : ${shown}`;
}

function count(number: number): string {
  return number.toLocaleString("en-US");
}

function some(names: readonly string[]): string {
  return names.length > 6 ? `${names.slice(0, 6).join(", ")} and ${names.length - 6} more` : names.join(", ");
}

/** Recordings without times begin at 0, and are told by their seconds. */
function stamp(at: number): string {
  if (at < YEAR_MS) return `second ${at / 1000}`;
  return new Date(at)
    .toISOString()
    .replace(/\.\d+Z$/, "Z")
    .replace("T", " ");
}
