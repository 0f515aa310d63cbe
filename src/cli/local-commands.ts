import type { Command } from "./command.ts";

/** What mostly needs no running Rollbook. */
export const localCommands = {
  assess: {
    group: "begin",
    usage: "[DIR]",
    summary:
      "Walks you through the first phase: which AI systems could do harm, and which is first. It asks how that one is deployed, for its strategy, triggers, criteria and owners, looks into DIR (this folder) for what it need not ask, and writes assessment/inventory.yaml, assessment/plan.md and a first playbook. Ctrl-C loses nothing: run it again.",
    options: ["answers", "out", "yes", "force"],
    words: { least: 0, most: 1 },
    asks: false,
    examples: [
      ["rollbook assess", "asks, and writes into this folder"],
      ["rollbook assess --answers answers.yaml --yes", "the same without a person"],
    ],
    exits: [3, 130],
    load: async () => (await import("./actions/assess.ts")).assess,
  },
  init: {
    group: "begin",
    usage: "",
    summary:
      "Writes a commented playbook and connections for a model, a prompt chain or an agent. Asks for what no option answers.",
    options: ["kind", "system", "owner", "risk", "traffic", "outcome", "stable", "candidate", "folder", "yes", "force"],
    words: { least: 0, most: 0 },
    asks: false,
    examples: [
      ["rollbook init", "asks, and writes into the folder `rollbook`"],
      ["rollbook init --kind prompt --system support-bot --traffic 40/min --yes", "without questions"],
    ],
    exits: [3, 130],
    load: async () => (await import("./actions/init.ts")).init,
  },
  lint: {
    group: "playbook",
    usage: "FILE...",
    summary: "Checks playbooks: language, meaning, and whether their triggers can decide at all.",
    options: [],
    words: { least: 1, most: 1000 },
    asks: false,
    examples: [["rollbook lint rollbook/*.yaml", "3 when one of them may not take effect"]],
    exits: [3],
    load: async () => (await import("./actions/lint.ts")).lint,
  },
  ledger: {
    group: "record",
    usage: "verify | entries | receipt INDEX | key FILE | check FILE",
    summary:
      "The tamper-evident record. `verify` recomputes every leaf, root and signature; `entries` lists; `receipt` makes the proof of one entry; `key` prints the public half of a ledger.key; `check` checks a receipt with that key and no Rollbook.",
    options: ["from", "limit", "key", "origin"],
    words: { least: 1, most: 2 },
    choices: ["verify", "entries", "receipt", "key", "check"],
    asks: true,
    examples: [
      ["rollbook ledger verify", "30 when what the store holds is not what was signed"],
      ["rollbook ledger key .rollbook/ledger.key > ledger.pub", "what an auditor needs, once"],
      ["rollbook ledger receipt 12 > receipt.json", "the proof of entry 12"],
      ["rollbook ledger check receipt.json --key ledger.pub", "offline, anywhere"],
    ],
    exits: [30],
    load: async () => (await import("./actions/ledger.ts")).ledger,
  },
  completion: {
    group: "begin",
    usage: "bash | zsh | fish",
    summary: "Prints the completion script of a shell.",
    options: [],
    words: { least: 1, most: 1 },
    choices: ["bash", "zsh", "fish"],
    asks: false,
    examples: [
      ["source <(rollbook completion bash)", "for this shell; put it into ~/.bashrc"],
      ["rollbook completion fish > ~/.config/fish/completions/rollbook.fish", "for fish"],
    ],
    load: async () => (await import("./actions/completion.ts")).completion,
  },
  version: {
    group: "begin",
    usage: "",
    summary: "The version of Rollbook and of Node.",
    options: [],
    words: { least: 0, most: 0 },
    asks: false,
    examples: [["rollbook version --json", "as data"]],
    load: async () => (await import("./actions/version.ts")).version,
  },
} as const satisfies Readonly<Record<string, Command>>;
