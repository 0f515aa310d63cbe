// Restores a path once and stops between the commit and the push, until it is killed.
import { setTimeout } from "node:timers/promises";
import { createGitAdapter } from "../../src/adapters/git/index.ts";

const [url, data, command, desired, digest, version] = process.argv.slice(2) as [string, string, string, ...string[]];
const adapter = createGitAdapter({
  scheme: "git",
  repositories: { deploy: { url, branch: "main", author: { name: "Rollbook", email: "rollbook@example.org" } } },
  data,
  command,
  environment: { PATH: process.env["PATH"] ?? "" },
  atCrashPoint: async (point) => {
    process.stdout.write(`${point}\n`);
    await setTimeout(60_000);
  },
});
const before = { digest, version } as { digest: `sha256:${string}`; version: string };
await adapter.apply(
  { at: "git://deploy/deploy/model", desired: desired as `sha256:${string}`, before, key: "saga-1.model", fence: 1 },
  AbortSignal.timeout(60_000),
);
