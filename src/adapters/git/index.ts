export { createGitAdapter, type GitAdapterOptions } from "./git-adapter.ts";
export type { GitRepository } from "./git-address.ts";
