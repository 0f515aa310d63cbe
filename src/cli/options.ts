interface OptionSpec {
  /** What stands after it; absent: it is a switch. */
  readonly value?: string;
  /** May it be given several times? */
  readonly many?: true;
  readonly says: string;
}

/** Every option of every command, with one meaning wherever it is taken. */
export const optionTable = {
  json: { says: "data on stdout instead of words" },
  help: { says: "what the command does, with an example" },
  server: { value: "URL", says: "where Rollbook runs (or ROLLBOOK_SERVER; http://127.0.0.1:7464)" },
  token: { value: "TOKEN", says: "who asks (or ROLLBOOK_TOKEN); only changes need one" },
  system: { value: "NAME", says: "which AI system; needed where one Rollbook protects several" },
  reason: { value: "TEXT", says: "why, for the record" },
  label: { value: "TEXT", says: "what people call the release" },
  "dry-run": { says: "say what would be done, with the plan and its digest; change nothing" },
  watch: { says: "watch the rollout until it ends, and exit with its outcome" },
  since: { value: "SPAN|DATE", says: "only what began since then: 30d, or 2026-01-31" },
  html: { says: "as a page to print" },
  markdown: { says: "as Markdown" },
  from: { value: "INDEX|TIME", says: "the first entry of the ledger; of a backtest, when the exposure starts" },
  limit: { value: "NUMBER", says: "how many entries, at most 1000" },
  key: { value: "FILE", says: "the ledger's public key (PEM)" },
  ledger: { value: "FILE", says: "what `rollbook ledger export` wrote; nothing else is asked" },
  origin: { value: "NAME", says: "what the ledger must call itself" },
  kind: { value: "KIND", says: "for `init`: http-model, prompt or agent; for `import`: argo, flagger or kayenta" },
  owner: { value: "TEAM", says: "the team that answers for the system" },
  risk: { value: "LEVEL", says: "low, medium or high" },
  traffic: { value: "RATE", says: "requests to the system, such as 50/min" },
  was: { value: "CONFIG", says: "the config that the playbook was imported from: its rules are reckoned beside" },
  baseline: { value: "LEVELS", says: "what is normal, by signal: errors=0.5%,approvals=60%" },
  harm: { value: "LEVELS", says: "what a bad release would do, by signal: errors=1.3%; for a time, how much longer" },
  outcome: { value: "PART/WHOLE", says: "what is counted as bad, of what: complaints/answers" },
  stable: { value: "URL|LABEL", says: "where the running version answers; of a backtest, which release it is" },
  candidate: { value: "URL|LABEL", says: "where the next version will answer; of a backtest, which release it is" },
  data: {
    value: "FILE",
    many: true,
    says: "recorded counts or answers, as docs/backtest.md describes; several times for several",
  },
  "fail-on-harm": { says: "exit with 13 when a release would have been rolled back" },
  port: { value: "NUMBER", says: "where the API and the page listen, on this machine only" },
  store: {
    value: "URL|env:NAME",
    says: "the Postgres that several replicas share, postgres://USER:PASSWORD@HOST:PORT/DATABASE, or the variable that holds it",
  },
  "new-token": { says: "make a new admin token, and print it once" },
  role: { value: "ROLE", says: "reporter (sends outcomes) or admin" },
  folder: { value: "DIR", says: "the folder that is meant" },
  out: { value: "PATH", says: "the folder that files are written to; for `import` the file" },
  answers: { value: "FILE", says: "answers in YAML; what it does not answer is asked, or taken as proposed" },
  yes: { says: "take every proposal and ask nothing" },
  force: { says: "replace files that are there" },
} as const satisfies Record<string, OptionSpec>;

export type OptionName = keyof typeof optionTable;

/** The options of one command line: switches as true, values as text, or several texts; absent when not given. */
export type Options = {
  readonly [Name in OptionName]?: (typeof optionTable)[Name] extends { readonly many: true }
    ? readonly string[]
    : (typeof optionTable)[Name] extends { readonly value: string }
      ? string
      : true;
};

/** What every command takes, and what those take that call a running Rollbook. */
export const generalOptions: readonly OptionName[] = ["json", "help"];
export const serverOptions: readonly OptionName[] = ["server", "token"];
