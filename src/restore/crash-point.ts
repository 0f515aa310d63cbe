/** Named places between an effect and its record, where tests end the process. */
export type CrashPoint =
  | "saga.intent-recorded"
  | "saga.effect-sent"
  | "saga.effect-read-back"
  | "saga.step-recorded"
  | "saga.turned"
  | "control.contained"
  | "control.rollback-recorded"
  | "control.restored";

/** Called at each crash point; does nothing in production. */
export type AtCrashPoint = (point: CrashPoint) => void;
