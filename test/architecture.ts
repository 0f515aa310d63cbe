/** What the files below one folder may do: the table of the house, as data. */
export interface FolderRule {
  /** The longest folder that a file lies in counts. */
  readonly folder: string;
  /** Folders and files of this repository that may be imported, besides the folder itself; "anything" for all. */
  readonly may: readonly string[] | "anything";
  /** Packages and `node:` modules; "any-builtin" for all of Node's, "anything" for all packages too. */
  readonly libraries: readonly string[];
  /** May it touch time, chance, the network and timers directly? */
  readonly globals?: boolean;
  /** May it read `process.env`? */
  readonly environment?: boolean;
}

const CRYPTO = ["node:crypto"];
const PUBLIC_SURFACE = ["src/index.ts", "src/testing"];
const STAGES = ["src/statistics", "src/playbook", "src/watch", "src/decide", "src/restore", "src/record"];

export const folderRules: readonly FolderRule[] = [
  { folder: "src/core", may: [], libraries: CRYPTO },
  { folder: "src/statistics", may: ["src/core/cells.ts"], libraries: [] },
  { folder: "src/playbook", may: ["src/core", "src/statistics"], libraries: ["yaml", "zod", ...CRYPTO] },
  { folder: "src/watch", may: ["src/core", "src/statistics"], libraries: CRYPTO },
  { folder: "src/decide", may: ["src/core", "src/statistics"], libraries: CRYPTO },
  { folder: "src/restore", may: ["src/core"], libraries: CRYPTO },
  { folder: "src/record", may: ["src/core"], libraries: CRYPTO },
  { folder: "src/assurance", may: ["src/core", "src/record"], libraries: CRYPTO },
  { folder: "src/control", may: ["src/core", ...STAGES, "src/assurance"], libraries: CRYPTO },
  {
    folder: "src/operations",
    may: ["src/core", "src/playbook", "src/control", "src/assurance"],
    libraries: ["zod", ...CRYPTO],
  },
  { folder: "src/simulation", may: ["src/core"], libraries: CRYPTO },
  {
    folder: "src/drills",
    may: ["src/core", "src/control", "src/simulation"],
    libraries: CRYPTO,
  },
  // The terminal's side of it, which may say how long it took.
  {
    folder: "src/drills/sim",
    may: ["src/core", "src/control", "src/simulation", "src/drills"],
    libraries: ["node:os", "node:util", "node:worker_threads"],
    globals: true,
  },
  { folder: "src/traffic", may: ["src/core"], libraries: CRYPTO },
  {
    folder: "src/traffic/gateway",
    may: ["src/core", "src/traffic"],
    libraries: ["any-builtin", "undici", "hono", "@hono/node-server"],
    globals: true,
  },
  { folder: "src/traffic/flags", may: ["src/core", "src/traffic"], libraries: ["hono", ...CRYPTO] },
  {
    folder: "src/traffic/provider",
    may: ["src/core", "src/traffic/routing"],
    libraries: [...CRYPTO, "node:timers/promises"],
    globals: true,
  },
  { folder: "src/store", may: ["src/core"], libraries: ["any-builtin", "pg"] },
  {
    folder: "src/adapters",
    may: ["src/core"],
    libraries: ["any-builtin", "undici", "pg", "yaml", "@open-policy-agent/opa-wasm"],
    globals: true,
  },
  {
    folder: "src/server",
    may: ["src/core", "src/operations", "src/drills", "src/record"],
    libraries: ["any-builtin", "hono", "@hono/node-server", "zod"],
    globals: true,
  },
  {
    folder: "src/cli",
    may: ["src/core", "src/operations", "src/drills", "src/app"],
    libraries: ["any-builtin", "yaml"],
    globals: true,
  },
  {
    folder: "src/app",
    may: ["src/core", ...STAGES, "src/assurance", "src/control", "src/operations", "src/simulation"].concat([
      "src/drills",
      "src/traffic",
      "src/store",
      "src/adapters",
      "src/server",
      "src/testing",
    ]),
    libraries: ["anything"],
    globals: true,
    environment: true,
  },
  {
    folder: "src/testing",
    may: ["src/core", "src/simulation"],
    libraries: ["any-builtin", "fast-check"],
    globals: true,
  },
  // src/index.ts, the public surface, gathers from everywhere and does nothing itself.
  { folder: "src", may: "anything", libraries: [] },
  {
    folder: "demo",
    may: [...PUBLIC_SURFACE, "src/core", "src/app"],
    libraries: ["anything"],
    globals: true,
    environment: true,
  },
  { folder: "bench", may: "anything", libraries: ["anything"], globals: true, environment: true },
  { folder: "web", may: [], libraries: ["anything"], globals: true },
  { folder: "test", may: "anything", libraries: ["anything"], globals: true, environment: true },
];

/** What a test beside a file may import on top of its folder: the worlds, the contracts, and Node. */
export const besideTests = {
  may: ["src/core", "src/simulation", "src/testing"],
  libraries: ["any-builtin", "fast-check"],
} as const;

/** Lines of a file, and words that say nothing and so name no file. */
export const fileLimits = {
  longest: 300,
  median: 120,
  vague: /(^|-)(utils?|common|helpers?|manager|misc)(-|\.|$)/,
} as const;
