import type { Instant } from "../../core/time.ts";

/** Stretches of seconds in which requests are shared out between the arms in one and the same way. */
export interface Stretches {
  /** From this moment on requests are shared out in another way. */
  end(now: Instant): void;
  /**
   * When it counts that a request of this second ended: now, or else at the end of its stretch. One of the very second in
   * which the shares changed counts in that second.
   */
  endedAt(second: number, now: Instant): Instant;
}

const REMEMBERED = 64;

/**
 * How a request ends is known the later the longer it took. Arms are compared by when requests ended, so that one that
 * hangs is missed for no longer than it hangs; and only within a stretch, in which both arms had the same time to end:
 * after a share has grown, the quick endings of that arm are there before its slow ones.
 */
export function createStretches(): Stretches {
  const changes: number[] = [];
  return {
    end(now) {
      const second = Math.floor(now / 1000);
      // What a clock that was set back will show again was no change there.
      while (changes.length > 0 && changes.at(-1)! >= second) changes.pop();
      changes.push(second);
      if (changes.length > REMEMBERED) changes.shift();
    },
    endedAt(second, now) {
      if (changes.includes(second)) return Math.min(now, 1000 * second + 999);
      const next = changes.find((change) => change > second);
      return next === undefined ? now : Math.min(now, 1000 * next - 1);
    },
  };
}
