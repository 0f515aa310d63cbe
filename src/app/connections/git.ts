import { join } from "node:path";
import { z } from "zod";
import { createGitAdapter, type GitRepository } from "../../adapters/git/index.ts";
import { parseDuration } from "../../core/time.ts";
import { type ConnectionKind, type ConnectionWorld, secretReference } from "./connection.ts";

const repository = z.strictObject({
  url: z.string().min(1).max(2000),
  branch: z.string().min(1).max(200).default("main"),
  author: z
    .strictObject({ name: z.string().min(1).max(200), email: z.string().min(1).max(200) })
    .default({ name: "Rollbook", email: "rollbook@localhost" }),
  /** The password or token, for HTTP. */
  credentials: secretReference.optional(),
  username: z
    .string()
    .regex(/^[^\p{C}:]{1,200}$/u, "a name without colons")
    .optional(),
  paths: z
    .array(z.string().regex(/^[^/].*[^/]$|^[^/]$/, "a path without slashes at its ends"))
    .min(1)
    .optional(),
  forget: z.string().optional(),
  webhook: z.boolean().optional(),
});
const settings = z.strictObject({
  repos: z.record(
    z.string().regex(/^[A-Za-z0-9][\w.-]{0,62}$/, "letters, digits, dots, dashes and underscores"),
    repository,
  ),
  /** Of one run of git; a first fetch of a large history needs more. */
  timeout: z
    .string()
    .refine((text) => parseDuration(text) !== undefined, "a span such as 30s")
    .default("30s"),
});

/** What git and its transports need of our environment; nothing else reaches them. */
const PASSED_ON = ["PATH", "HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy", "SSL_CERT_FILE", "SSH_AUTH_SOCK"];

/** Files and folders of git repositories, restored as new commits. */
export const gitConnection: ConnectionKind<z.infer<typeof settings>> = {
  kind: "git",
  summary: "paths of a git branch, restored as a new commit and never by force",
  settings,
  connect(name, { repos, timeout }, world) {
    const entries = Object.entries(repos).map(([key, part]) => [key, repositoryOf(part, world)] as const);
    const restore = createGitAdapter({
      scheme: name,
      repositories: Object.fromEntries(entries),
      data: join(world.data, "git"),
      environment: passedOn(),
      timeoutMs: parseDuration(timeout) ?? 30_000,
    });
    return { restore };
  },
};

function repositoryOf(part: z.infer<typeof repository>, world: ConnectionWorld): GitRepository {
  const { url, branch, author, credentials, username, paths, forget, webhook } = part;
  return {
    url,
    branch,
    author,
    ...(username === undefined ? {} : { username }),
    ...(credentials === undefined ? {} : { password: () => world.secret(credentials).trim() }),
    ...(paths === undefined ? {} : { paths }),
    ...(forget === undefined ? {} : { forget }),
    ...(webhook === undefined ? {} : { pushed: webhook }),
  };
}

function passedOn(): Readonly<Record<string, string>> {
  const known = PASSED_ON.map((name) => [name, process.env[name]] as const);
  return Object.fromEntries(
    known.filter((entry): entry is [(typeof known)[number][0], string] => entry[1] !== undefined),
  );
}
