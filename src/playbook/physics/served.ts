import type { How } from "../../core/playbook.ts";
import type { Milliseconds } from "../../core/time.ts";

/** Answers of the candidate that go out before evidence begins, and while the outcomes of those that decide mature. */
export function waitingOf(
  { steps, each, warmUp = 0 }: How,
  maturity: Milliseconds,
  end: Milliseconds,
  perSecond: number,
): number {
  const servedBy = (moment: Milliseconds) =>
    steps.reduce((sum, step, index) => {
      const last = index === steps.length - 1 ? Number.POSITIVE_INFINITY : each;
      return sum + (Math.max(0, Math.min(moment - index * each, last)) * perSecond * step) / 100_000;
    }, 0);
  return servedBy(warmUp) + servedBy(end) - servedBy(end - maturity);
}
