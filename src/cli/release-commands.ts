import type { Command } from "./command.ts";

const steering = {
  group: "release",
  usage: "[ROLLOUT]",
  options: ["system"],
  words: { least: 0, most: 1 },
  asks: true,
  exits: [10],
} as const satisfies Partial<Command>;

const WHICH = "Without ROLLOUT it is the one that is running.";

/** What moves releases: forward, back, or not at all. */
export const releaseCommands = {
  release: {
    group: "release",
    usage: "FILE.json | COMPONENT=REVISION...",
    summary:
      "Opens a rollout of a release. Revisions are named as people name them at their targets (a version, a tag, a commit), or by digest in FILE.json ({ label, revisions, references }). What is not named stays as it is.",
    options: ["label", "system", "dry-run", "watch"],
    words: { least: 1, most: 64 },
    asks: true,
    examples: [
      ["rollbook release model=13 prompt=v7 --label 'model 13'", "model version 13 with prompt v7"],
      ["rollbook release release.json --watch", "in CI: ends with the outcome of the rollout"],
    ],
    exits: [10, 11, 12, 13, 20, 21, 130],
    load: async () => (await import("./actions/release.ts")).release,
  },
  plan: {
    group: "release",
    usage: "FILE.json | COMPONENT=REVISION...",
    summary: "Says what a release would do and which way back it has. The same as `release --dry-run`.",
    options: ["label", "system"],
    words: { least: 1, most: 64 },
    asks: true,
    examples: [["rollbook plan model=13", "the plan out and the plan back, with their digests"]],
    exits: [10],
    load: async () => (await import("./actions/release.ts")).plan,
  },
  rollback: {
    ...steering,
    summary:
      "Pulls the cord: contains the candidate of the running rollout and restores everything. Where none is running, it takes back the release that was promoted last, after saying so.",
    options: ["system", "dry-run"],
    needs: ["reason"],
    examples: [
      ["rollbook rollback --reason 'customers are charged twice'", "contained within one tick, then restored"],
      ["rollbook rollback --dry-run", "the plan and its digest"],
    ],
    load: async () => (await import("./actions/rollback.ts")).rollback,
  },
  contain: {
    group: "release",
    usage: "else | safe | stable",
    summary:
      "Sends all traffic to the playbook's `else` or `safe` at once. With `stable` the route counts again: that is how a containment ends which a rollback left behind.",
    options: ["system"],
    needs: ["reason"],
    words: { least: 1, most: 1 },
    choices: ["else", "safe", "stable"],
    asks: true,
    examples: [["rollbook contain safe --reason 'both models are down'", "until `rollbook contain stable`"]],
    exits: [10],
    load: async () => (await import("./actions/system.ts")).contain,
  },
  promote: {
    ...steering,
    summary: `Ends the waiting of a rollout: its steps' time, or its holdback. Refused without data, and on harm. ${WHICH}`,
    needs: ["reason"],
    examples: [["rollbook promote --reason 'the figures are in'", "the step's time is not waited for"]],
    load: async () => (await import("./actions/steer.ts")).promote,
  },
  pause: {
    ...steering,
    summary: `Holds a rollout at its step. Judging goes on, and harm still goes back by itself. On the way back it halts the restore; traffic stays contained. ${WHICH}`,
    needs: ["reason"],
    examples: [["rollbook pause --reason 'a campaign starts at noon'", "until `rollbook resume`"]],
    load: async () => (await import("./actions/steer.ts")).pause,
  },
  resume: {
    ...steering,
    summary:
      "Lets a paused rollout go on, or restores once more what was halted or stuck. Without ROLLOUT it is the one that is running, or else the newest if it is stuck.",
    examples: [
      ["rollbook resume", "the running rollout goes on, or the stuck restore is tried again"],
      ["rollbook resume rollout-x1", "its restore is tried again, by new attempts"],
    ],
    load: async () => (await import("./actions/steer.ts")).resume,
  },
  redeploy: {
    ...steering,
    usage: "ROLLOUT",
    summary:
      "Puts back what a halted or stuck restore has changed so far, in reverse: those components serve the bad release again. Traffic stays contained.",
    needs: ["reason"],
    words: { least: 1, most: 1 },
    examples: [["rollbook redeploy rollout-x1 --reason 'the old data is corrupt'", "only a person can order this"]],
    load: async () => (await import("./actions/steer.ts")).redeploy,
  },
  abort: {
    ...steering,
    summary: `Goes back like \`rollback\`, without a quarantine: the release is not to blame. ${WHICH}`,
    needs: ["reason"],
    examples: [["rollbook abort --reason 'the wrong cluster'", "the release may be tried again"]],
    load: async () => (await import("./actions/steer.ts")).abort,
  },
  quarantine: {
    group: "release",
    usage: "RELEASE",
    summary:
      "Keeps a release from being deployed until somebody lifts it. RELEASE is its digest, or the beginning of one that `status` shows.",
    options: [],
    needs: ["reason"],
    words: { least: 1, most: 1 },
    asks: true,
    examples: [["rollbook quarantine 3f2a91c04b7d --reason 'trained on leaked data'", "refused from now on"]],
    load: async () => (await import("./actions/quarantine.ts")).quarantine,
  },
  lift: {
    group: "release",
    usage: "RELEASE",
    summary: "Lets a release out of quarantine.",
    options: ["dry-run"],
    words: { least: 1, most: 1 },
    asks: true,
    examples: [["rollbook lift 3f2a91c04b7d", "it may be released again"]],
    load: async () => (await import("./actions/quarantine.ts")).lift,
  },
} as const satisfies Readonly<Record<string, Command>>;
