/** `retryable`: the same call may succeed later. `terminal`: it will not. `needs-human`: people must decide. */
export type ErrorClass = "retryable" | "terminal" | "needs-human";

interface ErrorSpec {
  readonly class: ErrorClass;
  /** What a process that ends with this error exits with. */
  readonly exit: number;
  /** What happened and why. */
  readonly message: (details: Readonly<Record<string, string | number>>) => string;
  /** What state was left. */
  readonly state: string;
  /** What to do. */
  readonly hint: string;
}

/** Every error that Rollbook raises on purpose. Codes never change; docs/errors.md is generated from this table. */
export const errorCatalogue = {
  USAGE: {
    class: "terminal",
    exit: 2,
    message: (d) => `${d["what"]}`,
    state: "Nothing was done.",
    hint: "Run the command with --help.",
  },
  PLAYBOOK_INVALID: {
    class: "terminal",
    exit: 3,
    message: (d) => `The playbook ${d["file"]} has ${d["count"]} error(s).`,
    state: "Nothing was done; a playbook that was in effect stays in effect.",
    hint: "Mend the lines named above and run `rollbook lint FILE`.",
  },
  FILE_UNREADABLE: {
    class: "terminal",
    exit: 2,
    message: (d) => `${d["file"]} cannot be read: ${d["reason"]}.`,
    state: "Nothing was done.",
    hint: "Check the path and the permissions.",
  },
  RECORDING_INVALID: {
    class: "terminal",
    exit: 3,
    message: (d) => `The recording ${d["file"]} cannot be used: ${d["reason"]}.`,
    state: "Nothing was done.",
    hint: "docs/recordings.md describes the format.",
  },
  DATA_INVALID: {
    class: "terminal",
    exit: 3,
    message: (d) => `${[d["file"], d["line"], d["column"]].filter(Boolean).join(":")}: ${d["reason"]}.`,
    state: "Nothing was judged.",
    hint: "docs/backtest.md describes the forms that data may have.",
  },
  DATA_UNCLEAR: {
    class: "terminal",
    exit: 3,
    message: (d) => `The data cannot be replayed: ${d["reason"]}. Its releases: ${d["there"]}.`,
    state: "Nothing was judged.",
    hint: "Say which releases are meant with --candidate and --stable.",
  },
  DATA_FOLDER_IN_USE: {
    class: "retryable",
    exit: 4,
    message: (d) => `The data folder ${d["folder"]} is in use by another Rollbook.`,
    state: "Nothing was done; the other process goes on.",
    hint: "End the other process, or choose another folder with --data.",
  },
  STORE_UNSAFE: {
    class: "terminal",
    exit: 4,
    message: (d) => `The store is not durable: ${d["reason"]}.`,
    state: "Nothing was written.",
    hint: "Use a local disk with room on it, and the pinned Node.",
  },
  STORE_UNREACHABLE: {
    class: "retryable",
    exit: 4,
    message: (d) => `The shared store does not answer: ${d["reason"]}.`,
    state: "Nothing was written.",
    hint: "Is Postgres running, and do address, user and password hold? See docs/postgres.md.",
  },
  COMMIT_UNDECIDED: {
    class: "retryable",
    exit: 4,
    message: (d) => `The shared store went away in the middle of a commit: ${d["reason"]}.`,
    state: "Unknown: it may have been written.",
    hint: "Look with `rollbook status` before you repeat it.",
  },
  LEDGER_KEY_FOREIGN: {
    class: "terminal",
    exit: 4,
    message: (d) => `The ledger of this store is signed with another key: ${d["theirs"]}, not ${d["ours"]}.`,
    state: "Nothing was written; the other replicas go on.",
    hint: "Give every replica the same `ledger-key`, or copy `ledger.key` from the data folder of the first one.",
  },
  ORDER_WAITING: {
    class: "retryable",
    exit: 4,
    message: (d) => `No replica has carried out ${d["order"]} for ${d["system"]} yet.`,
    state:
      "It is carried out as soon as a replica acts and the store answers. What takes traffic away did so here at once.",
    hint: "Look with `rollbook status` whether a replica acts on the system, and whether Postgres answers.",
  },
  NOT_RECORDED: {
    class: "retryable",
    exit: 4,
    message: (d) => `It is done and could not be recorded: ${d["reason"]}.`,
    state:
      "Traffic is where the order sends it, and the order stands in memory; it is recorded, and the restore goes on, when the store takes writes.",
    hint: "Make room, or bring the store back; the process must stay up until then.",
  },
  SERVER_UNREACHABLE: {
    class: "retryable",
    exit: 4,
    message: (d) => `No Rollbook answers at ${d["url"]}: ${d["reason"]}.`,
    state: "Nothing was changed by this command.",
    hint: "Is it running? Choose another address with --server.",
  },
  RELEASE_REFUSED: {
    class: "needs-human",
    exit: 10,
    message: (d) => `The release is refused: ${d["reason"]}.`,
    state: "No traffic was moved and no component was changed.",
    hint: "It depends on the reason, and is said with it: give the release a proven way back, say, or lift the quarantine.",
  },
  ENVIRONMENT_MISMATCH: {
    class: "needs-human",
    exit: 10,
    message: (d) => `This is not the environment ${d["name"]}: ${d["reason"]}.`,
    state: "No component was changed here.",
    hint: "Compare `environment` in the playbook and `identity` in the connections with `rollbook doctor`.",
  },
  TARGET_SHARED: {
    class: "terminal",
    exit: 3,
    message: (d) => `Two acting playbooks name one target: ${d["reason"]}.`,
    state: "The playbook that came later is not in effect.",
    hint: "Put all that goes back together into one playbook, or write `authority: observe` into one of the two.",
  },
  TARGET_BLIND: {
    class: "terminal",
    exit: 3,
    message: (d) => `This playbook may not act: ${d["reason"]}.`,
    state: "It is not in effect; a playbook that was in effect stays in effect.",
    hint: "Add `seen` to the program, `serving` to the MLflow connection or `sdk-key` to LaunchDarkly's; or observe.",
  },
  CONNECTIONS_INVALID: {
    class: "terminal",
    exit: 3,
    message: (d) => `The connections file ${d["file"]} cannot be used: ${d["reason"]}.`,
    state: "Nothing was started.",
    hint: "docs/connections.md has every key.",
  },
  PORT_TAKEN: {
    class: "retryable",
    exit: 4,
    message: (d) => `Port ${d["port"]} of the gateway of ${d["system"]} is taken.`,
    state: "The system is not protected: nothing passes its gateway.",
    hint: "End what listens there, or give the gateway another port, and send its traffic there.",
  },
  UNDECIDED: {
    class: "needs-human",
    exit: 11,
    message: (d) => `The rollout ended without a decision: ${d["reason"]}.`,
    state: "Traffic is on stable; the candidate was neither promoted nor found harmful.",
    hint: "Give it more traffic, more time or a wider margin; see the report.",
  },
  ROLLBACK_UNVERIFIED: {
    class: "needs-human",
    exit: 20,
    message: (d) => `Every component is restored, but "fixed" is not proved: ${d["reason"]}.`,
    state: "Traffic is on stable and all components are at the restore point.",
    hint: "See the report; extend `fixed.for`, or look for a second fault.",
  },
  ROLLBACK_STUCK: {
    class: "needs-human",
    exit: 21,
    message: (d) => `The rollback is stuck: ${d["reason"]}.`,
    state: "Traffic is contained on stable; at least one component is not at its restore point.",
    hint: "Read the step's note in the report, mend the target, then run the same command again.",
  },
  UNAUTHORISED: {
    class: "terminal",
    exit: 5,
    message: () => "This call needs a token that may make it.",
    state: "Nothing was changed.",
    hint: "Send `Authorization: Bearer TOKEN`; the token was printed once, at the first start.",
  },
  REQUEST_INVALID: {
    class: "terminal",
    exit: 2,
    message: (d) => `The request is not valid: ${d["reason"]}.`,
    state: "Nothing was changed.",
    hint: "Compare it with docs/api.md.",
  },
  NOT_FOUND: {
    class: "terminal",
    exit: 2,
    message: (d) => `There is no ${d["what"]}.`,
    state: "Nothing was changed.",
    hint: "List what there is with `rollbook status`.",
  },
  LEDGER_BROKEN: {
    class: "needs-human",
    exit: 30,
    message: (d) => `The ledger does not verify: ${d["reason"]}.`,
    state: "Nothing was changed; the store holds what was read.",
    hint: "Keep a copy of the data folder before doing anything else.",
  },
  SYSTEM_UNREACHABLE: {
    class: "retryable",
    exit: 4,
    message: (d) => `The AI system did not answer: ${d["reason"]}.`,
    state: "No release was started.",
    hint: "Look at its log in the data folder, then run the same command again.",
  },
} as const satisfies Record<string, ErrorSpec>;

export type ErrorCode = keyof typeof errorCatalogue;

/** An error of the catalogue. Compare by `code`, never by `instanceof` across package copies. */
export class RollbookError extends Error {
  readonly code: ErrorCode;
  readonly details: Readonly<Record<string, string | number>>;

  constructor(code: ErrorCode, details: Readonly<Record<string, string | number>> = {}) {
    super(errorCatalogue[code].message(details));
    this.name = "RollbookError";
    this.code = code;
    this.details = details;
  }

  /** What to do: about this very case where it says so, else what the catalogue says. */
  get hint(): string {
    const { todo } = this.details;
    return typeof todo === "string" ? todo : errorCatalogue[this.code].hint;
  }

  get exit(): number {
    return errorCatalogue[this.code].exit;
  }

  /** What, state and hint, in three lines. */
  explain(): string {
    const { state } = errorCatalogue[this.code];
    return `${this.message}\n  state: ${state}\n  to do: ${this.hint}\n  code:  ${this.code}`;
  }
}
