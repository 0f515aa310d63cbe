/** Named places between an effect and its record, where tests end the process: the kill matrix takes every one. */
export const CRASH_POINTS = [
  "saga.intent-recorded",
  "saga.effect-sent",
  "saga.effect-read-back",
  "saga.step-recorded",
  "saga.turned",
  "control.contained",
  "control.rollback-recorded",
  "control.restored",
] as const;

export type CrashPoint = (typeof CRASH_POINTS)[number];

/** Called at each crash point; does nothing in production. */
export type AtCrashPoint = (point: CrashPoint) => void;
