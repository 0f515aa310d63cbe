import { setTimeout as sleep } from "node:timers/promises";
import { RollbookError } from "../../core/errors.ts";
import { ask } from "../client.ts";
import type { CommandInput, Run } from "../command.ts";
import { eventsOf } from "../event-client.ts";
import { eventLine, isRepeat, type ShownEvent } from "../event-line.ts";
import { type ExitCode, exitOfOutcome } from "../exit-codes.ts";
import { rolloutPath, statusOf, systemNames } from "../systems.ts";

/** How long silence may last before the rollout itself is looked at: its end may have been said to nobody. */
const SILENCE_MS = 5000;

/** Shows what happens to one rollout until it ends. */
export const watch: Run = async (input) => {
  const stop = input.interrupted();
  const over = new AbortController();
  const signal = AbortSignal.any([stop, over.signal]);
  const { named, past } = await meant(input);
  let target = named;
  if (target === undefined) input.say("No rollout is running; waiting for the next one. Ctrl-C ends.");
  let last: ShownEvent | undefined;
  const ended = async (): Promise<boolean> => target !== undefined && (await hasEnded(input, target));
  const lookRegularly = async () => {
    while (!signal.aborted) {
      await sleep(SILENCE_MS, undefined, { signal }).catch(() => undefined);
      if (!signal.aborted && (await ended().catch(() => false))) over.abort();
    }
  };
  void lookRegularly();
  try {
    for await (const data of eventsOf({ server: input.server, signal, say: input.say })) {
      if (data === undefined) continue;
      const event = JSON.parse(data) as ShownEvent;
      if (target === undefined && concerns(input, event) && !past.has(event.rollout.id)) target = event.rollout.id;
      if (event.rollout.id !== target) continue;
      if (input.options.json) input.out(data);
      else if (!isRepeat(last, event)) {
        input.out(eventLine(event, input.colour));
        last = event;
      }
      if (event.rollout.endedAt !== undefined) break;
    }
  } finally {
    over.abort();
  }
  if (stop.aborted) return stop.reason === "closed" ? 0 : 130;
  return outcomeOf(input, target!);
};

/** What a rollout that began just now or is running tells us to follow it; an ended one is history. */
function concerns({ options }: CommandInput, { rollout }: ShownEvent): boolean {
  return rollout.endedAt === undefined && (options.system === undefined || options.system === rollout.system);
}

interface Meant {
  readonly named: string | undefined;
  /** Those that have ended: the server replays their events too, and they are not what is waited for. */
  readonly past: ReadonlySet<string>;
}

/** The rollout that is meant: the named one, or the only one that is running. @throws USAGE, NOT_FOUND */
async function meant(input: CommandInput): Promise<Meant> {
  const [named] = input.words;
  if (named !== undefined) {
    await ask(input, "GET", rolloutPath(named, "report"));
    return { named, past: new Set() };
  }
  const { system } = input.options;
  const names = system === undefined ? await systemNames(input) : [system];
  const statuses = await Promise.all(names.map((name) => statusOf(input, name)));
  const all = statuses.flatMap(({ rollouts }) => rollouts);
  const running = all.filter(({ endedAt }) => endedAt === undefined);
  if (running.length < 2) return { named: running[0]?.id, past: new Set(all.map(({ id }) => id)) };
  const what = `Several rollouts are running: ${running.map(({ id, system: of }) => `${id} of ${of}`).join(", ")}. Name one`;
  throw new RollbookError("USAGE", { what });
}

interface Ended {
  readonly outcome: string;
  readonly system: string;
  readonly because: readonly string[];
  readonly note?: string;
}

async function hasEnded(input: CommandInput, rollout: string): Promise<boolean> {
  return ((await ask(input, "GET", rolloutPath(rollout, "report"))) as Ended).outcome !== "running";
}

/** Says how it ended, and answers the exit code of that. */
async function outcomeOf(input: CommandInput, rollout: string): Promise<ExitCode> {
  const report = (await ask(input, "GET", rolloutPath(rollout, "report"))) as Ended;
  const { outcome, because, note } = report;
  const exit = exitOfOutcome[outcome] ?? 1;
  if (input.options.json) input.out(JSON.stringify({ kind: "outcome", rollout, outcome, because, exit }));
  else {
    const why = because.length > 0 ? ` because of ${because.join(", ")}` : note ? `: ${note}` : "";
    input.say(`${report.system}: ${outcome}${why}. Next: rollbook report ${rollout}`);
  }
  return exit;
}
