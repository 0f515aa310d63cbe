import { shortDigest } from "../../core/digest.ts";
import { phaseClocks, phaseText } from "../../core/phase-clock.ts";
import { readyLines } from "../../core/price-lines.ts";
import { formatDuration } from "../../core/time.ts";
import type { Run } from "../command.ts";
import { type ShownRollout, type Status, show, statusOf, systemNames } from "../systems.ts";

const SHOWN = 5;

export const status: Run = async (input) => {
  const { system } = input.options;
  const names = system === undefined ? await systemNames(input) : [system];
  const asked = names.length > 0 ? names : [undefined];
  const all = await Promise.all(asked.map((name) => statusOf(input, name)));
  if (input.options.json) show(input, all.length === 1 ? all[0] : all);
  else input.out(all.map((one) => statusText(one, Date.now())).join("\n\n"));
  return 0;
};

/** A system for people: what serves, what is under way, what is not well. */
export function statusText(status: Status, now: number): string {
  const { system, owner, risk, authority, environment, rollouts } = status;
  const place = environment ? `, ${environment.name}` : "";
  const running = rollouts.filter(({ endedAt }) => endedAt === undefined);
  const ended = rollouts.filter(({ endedAt }) => endedAt !== undefined).slice(0, SHOWN);
  return [
    `${system}  (authority: ${authority}, owner: ${owner}, risk: ${risk}${place})`,
    row("playbook", status.playbook),
    ...storeLines(status, now),
    ...goodLines(status, now),
    ...wayBackLines(status, now),
    row("traffic", trafficText(status)),
    ...unrecordedLines(status, now),
    ...brokenLines(status, now),
    ...(status.gateway ? [row("gateway", status.gateway)] : []),
    ...holderLines(status),
    ...Object.entries(status.sources).map(([name, { kind, reason }]) =>
      row("signals", `${name}: ${kind === "ok" ? "answers" : `${kind.toUpperCase()}, ${reason}`}`),
    ),
    ...driftLines(status, now),
    ...running.map((rollout) => row("running", rolloutText(rollout, now))),
    ...(running.length === 0 ? [row("running", "no rollout")] : []),
    ...ended.map((rollout) => row("ended", rolloutText(rollout, now))),
  ].join("\n");
}

function holderLines({ holder }: Status): readonly string[] {
  if (!holder) return [];
  if (holder.here) return [row("acts", `this replica, ${holder.name}`)];
  return [row("acts", holder.name ?? "NO REPLICA at the moment; one takes over within seconds")];
}

function unrecordedLines({ unrecorded }: Status, now: number): readonly string[] {
  if (!unrecorded) return [];
  const { what, since, reason } = unrecorded;
  return [row("UNRECORDED", `${what}, since ${formatDuration(now - since)}: ${reason}; what follows is older`)];
}

/** What stands before all that the store knows. */
function storeLines({ storeAway, storeOver }: Status, now: number): readonly string[] {
  const since = (trouble: { readonly since: number; readonly reason: string }) =>
    `since ${formatDuration(now - trouble.since)}: ${trouble.reason}`;
  return [
    ...(storeAway ? [row("STORE AWAY", `${since(storeAway)} What follows is from memory.`)] : []),
    ...(storeOver
      ? [row("STORE FAILED", `${since(storeOver)} Start Rollbook again; nothing is recorded until then.`)]
      : []),
  ];
}

function brokenLines({ broken }: Status, now: number): readonly string[] {
  if (!broken) return [];
  return [row("BROKEN", `${broken.what}, since ${formatDuration(now - broken.since)}: ${broken.reason}`)];
}

/** What requests see; a share that is recorded and has lapsed is named beside it. */
function trafficText({ route, served }: Status): string {
  const contained = served ? served.contained : route?.contained;
  if (contained)
    return `all of it goes to \`${contained}\` (epoch ${route?.epoch ?? 0}); \`rollbook contain stable\` ends that`;
  const recorded = (route?.candidatePpm ?? 0) / 10_000;
  const share = served ? served.candidatePpm / 10_000 : recorded;
  const lapsed = recorded > share ? `; the candidate's ${recorded} % lapsed, because nobody renewed it` : "";
  return `${100 - share} % stable, ${share} % candidate (epoch ${route?.epoch ?? 0})${lapsed}`;
}

/** Between releases: what is watched, and what was told of it. */
function driftLines({ drift }: Status, now: number): readonly string[] {
  if (!drift || drift.watched.length === 0) return [];
  if (!drift.told)
    return [row("drift", `none since ${formatDuration(now - drift.since)}: ${drift.watched.join(", ")}`)];
  const ago = (at: number) => `${formatDuration(now - at)} ago`;
  return drift.told.because.map(({ name, since }) =>
    row("DRIFT", `${name} since about ${ago(since)}; told ${ago(drift.told!.at)}, see \`rollbook acknowledge\``),
  );
}

function redFor({ redSince }: NonNullable<Status["wayBack"]>, now: number): string {
  return redSince === undefined ? "" : ` for ${formatDuration(now - redSince)}`;
}

/** Whether a rollback would work now, and what it would cost. */
function wayBackLines({ wayBack: back }: Status, now: number): readonly string[] {
  if (!back) return [];
  const checked = `checked ${formatDuration(now - back.checkedAt)} ago`;
  if (back.ready)
    return [
      row("way back", `ready: to ${back.to.label}, plan ${back.digest?.slice(7, 19)}, ${checked}`),
      ...[...readyLines(back), ...back.warnings].map((line) => row("", line)),
    ];
  return [
    row("WAY BACK", `NOT READY${redFor(back, now)}, ${checked}; nothing goes forward on that`),
    ...back.faults.map(({ about, text }) => row("", `${about}: ${text}`)),
  ];
}

function goodLines({ lastKnownGood: good }: Status, now: number): readonly string[] {
  if (!good) return [row("last known good", "NONE: run `rollbook adopt` while the system serves well")];
  const proved = good.provedAt === undefined ? "" : `, proved ${formatDuration(now - good.provedAt)} ago`;
  const parts = Object.entries(good.revisions ?? {});
  return [
    row("last known good", `${good.label ?? "?"} (${shortDigest(good.release)})${proved}`),
    ...parts.map(([name, { label, digest }]) => row("", `${name}: ${label} (${shortDigest(digest)})`)),
  ];
}

function rolloutText(rollout: ShownRollout, now: number): string {
  const { id, phase, candidate, candidateLabel, startedAt, endedAt, unannounced, note, wouldHave, rollback } = rollout;
  const words = [
    `${id}  ${phase === "aborted" ? endOf(rollout) : phase}  ${candidateLabel ?? "candidate"} (${shortDigest(candidate)})`,
    endedAt === undefined ? `for ${formatDuration(now - startedAt)}` : `${formatDuration(now - endedAt)} ago`,
    ...(unannounced ? ["unannounced"] : []),
    ...(wouldHave ? [`would have gone back: ${wouldHave.because.join(", ")}`] : []),
    ...(rollback && endedAt === undefined ? phaseClocks(rollback, now).map((clock) => phaseText(clock, now)) : []),
    ...rollbackWords(rollout),
    ...(note ? [note] : []),
  ];
  return words.join("  ");
}

/** What `aborted` means of this one: a person stopped it, or it went back by itself. */
function endOf({ rollback, order }: ShownRollout): string {
  if (!rollback) return "not deployed";
  const [cause] = rollback.cause ?? [];
  if (cause === "harm") return "rolled back for harm";
  if (cause === "undecided") return "rolled back undecided";
  return order?.kind === "abort" ? `aborted by ${order.by}` : `rolled back by ${order?.by ?? "a person"}`;
}

function rollbackWords({ rollback, endedAt }: ShownRollout): readonly string[] {
  const { halted, outcome } = rollback ?? {};
  if (endedAt === undefined) return halted ? [`being halted by ${halted.by}: ${halted.reason}`] : [];
  if (outcome === "verified") return ["went back, proved fixed"];
  return outcome === "unverified" ? ["went back, NOT proved fixed"] : [];
}

function row(name: string, text: string): string {
  return `  ${name.padEnd(16)} ${text}`;
}
