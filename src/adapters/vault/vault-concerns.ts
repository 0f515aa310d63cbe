import { accessSync, constants, lstatSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { type Digest, shortDigest } from "../../core/digest.ts";
import type { Concern } from "../../core/ports.ts";
import type { Instant, Milliseconds } from "../../core/time.ts";
import { roomFlaw } from "./free-room.ts";
import type { RevisionStore } from "./revision-store.ts";
import { isMountPoint, lookAt } from "./served-path.ts";
import { isStagedAt } from "./staged-revision.ts";
import type { VaultComponent } from "./vault-adapter.ts";

const DAY: Milliseconds = 86_400_000;
/** Two weeks: enough for people to lengthen a retention. */
const SOON = 14 * DAY;

/** What to know before relying on a revision at a path. Changes nothing. */
export async function vaultConcerns(
  store: RevisionStore,
  { path, reload, serving }: VaultComponent,
  digest: Digest,
  now: Instant,
  signal: AbortSignal,
): Promise<readonly Concern[]> {
  const concerns: Concern[] = [];
  const add = (level: Concern["level"], text: string) => void concerns.push({ level, text });
  const name = shortDigest(digest);
  const revision = await store.find(digest).catch(() => undefined);
  const staged = await isStagedAt(store, path, digest, signal);
  const state = await store.state(digest, signal).catch(() => "out of reach");
  if (state !== "intact") {
    const still = staged ? `; the one that is staged beside ${path} would be restored` : "";
    add(staged ? "warning" : "blocking", `the vault's copy of ${name} is ${state}${still}; put it in again`);
  }
  if (revision !== undefined && !revision.held && revision.retainedUntil < now + SOON) {
    const until = new Date(revision.retainedUntil).toISOString().slice(0, 10);
    const ended = revision.retainedUntil <= now;
    add("warning", `the retention of ${name} ${ended ? "ended" : "ends"} on ${until}; put it in again or hold it`);
  }
  const place = placeFlaw(path);
  if (place !== undefined) add("blocking", place);
  else {
    const room = roomFlaw(dirname(path), digest, staged ? 0 : (revision?.bytes ?? 0));
    if (room !== undefined) add("blocking", room);
    const vault = statSync(store.folder, { throwIfNoEntry: false });
    if (!staged && vault !== undefined && vault.dev !== statSync(dirname(path)).dev) {
      const amount = `${((revision?.bytes ?? 0) / 1e6).toFixed(1)} MB`;
      add("warning", `${path} is on another file system than the vault: ${amount} are copied across before the switch`);
    }
  }
  if (serving === undefined) {
    const told = reload === undefined ? "nothing tells it to load, and " : "";
    add("warning", `${told}nobody sees what the serving process has loaded; declare \`serving\``);
  }
  return concerns;
}

/** Why no revision can be switched to at this path, if so. */
export function placeFlaw(path: string): string | undefined {
  const folder = lstatSync(dirname(path), { throwIfNoEntry: false });
  if (folder === undefined) return `the folder ${dirname(path)} does not exist`;
  const { kind } = lookAt(path);
  if (kind === "folder") {
    return `${path} is a plain folder, which no rename can replace at once; make it a symlink to a folder beside it`;
  }
  if (kind === "other") return `${path} is neither a file nor a symlink`;
  if (isMountPoint(path)) return `${path} is a mount point, which no rename can replace; mount its folder instead`;
  try {
    accessSync(dirname(path), constants.W_OK | constants.X_OK);
    return undefined;
  } catch {
    return `the folder ${dirname(path)} may not be written by this process`;
  }
}
