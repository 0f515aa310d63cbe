/** Every code that a command may end with. Scripts and CI rely on them: they never change. docs/cli.md shows this table. */
export const exitCodes = {
  0: "done; for a rollout that was watched: promoted",
  1: "something inside broke",
  2: "the command line or the request is wrong",
  3: "a playbook, a connections file or recorded data is invalid, or a trigger can never decide",
  4: "not reachable: no Rollbook, or no AI system",
  5: "not allowed: the token may not do this",
  6: "something is wrong with what was looked at or sent: a check of `doctor`, a rejected outcome",
  10: "refused",
  11: "the rollout ended undecided",
  12: "the rollout was rolled back, and that it is fixed was proved",
  13: "the rollout was only observed or replayed, and would have been rolled back",
  20: "the rollout was rolled back, and that it is fixed was not proved",
  21: "the rollback is stuck: people are needed",
  30: "the ledger or a receipt does not verify",
  130: "interrupted with Ctrl-C",
} as const satisfies Record<number, string>;

export type ExitCode = keyof typeof exitCodes;

/** What `watch` ends with, by the outcome that the report names. */
export const exitOfOutcome: Readonly<Record<string, ExitCode>> = {
  promoted: 0,
  undecided: 11,
  "rolled-back-verified": 12,
  "observed-harm": 13,
  "rolled-back-unverified": 20,
  stuck: 21,
};
