import { OVER } from "../core/deadline.ts";
import { type Deadlines, type PhaseClock, type PhaseName, phaseClocks, phaseText } from "../core/phase-clock.ts";
import type { Playbook } from "../core/playbook.ts";
import type { Settings } from "./ports.ts";
import { emit, type Run } from "./run.ts";
import { tellPeople } from "./tell-people.ts";

/** Our own edge takes milliseconds; what takes longer than this has nowhere to go. */
const CONTAIN_MS = 1000;

/** The deadlines of the three phases, as the playbook and the time for its proof give them. */
export function deadlinesOf({ how }: Playbook, { proofMs }: Settings): Deadlines {
  return { contain: Math.min(CONTAIN_MS, how.within), restore: how.within, verify: proofMs };
}

const CONSEQUENCE: Readonly<Record<PhaseName, string>> = {
  contain: "nothing stands in for it: it answers until it is restored",
  restore: "traffic stays contained, and the restore goes on",
  verify: "it is restored, and not proved fixed; it is watched as long again, and stays where it is",
};

/** Tells people of each phase that is late, once; the work itself goes on. Answers how to end it. */
export function watchPhases(run: Run): () => void {
  const over = new AbortController();
  const told = new Set<string>();
  const watch = async () => {
    while (!over.signal.aborted) {
      const now = run.ports.clock.now();
      const { rollback } = run.rollout;
      const clocks = rollback ? phaseClocks(rollback, now).filter(({ until }) => until === undefined) : [];
      for (const clock of clocks.filter(({ late }) => late)) {
        const key = `${clock.phase} ${clock.from}`;
        if (!told.has(key)) tellLate(run, clock);
        told.add(key);
      }
      await run.ports.clock.sleep(nextLook(clocks, now, run.settings.pollMs), over.signal);
    }
  };
  void watch();
  return () => over.abort(OVER);
}

function tellLate(run: Run, clock: PhaseClock): void {
  const text = `${phaseText(clock, run.ports.clock.now())}; ${CONSEQUENCE[clock.phase]}`;
  emit(run, "late", text);
  const what = {
    contain: "is not contained",
    restore: "is contained, but not restored",
    verify: "is restored, but not proved fixed",
  };
  tellPeople(run, `${what[clock.phase]} in time`, [text]);
}

/** To the next deadline, and at least once a poll: phases begin meanwhile. */
function nextLook(clocks: readonly PhaseClock[], now: number, pollMs: number): number {
  const due = clocks
    .filter(({ late, from }) => !late && from !== undefined)
    .map(({ from, deadline }) => from! + deadline + 1 - now);
  return Math.max(1, Math.min(pollMs, ...due));
}
