import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { RollbookError } from "../core/errors.ts";
import type { Playbook } from "../core/playbook.ts";
import { unfinishedRollout } from "../core/unfinished-rollout.ts";
import { blindTargets } from "../decide/blind-targets.ts";
import { describeRivalry, findRivals } from "../playbook/lint-rivals.ts";
import { defineFlag } from "../traffic/flags/flag-book.ts";
import { type ConnectionsFile, readConnections, type SystemSettings } from "./connections/connections-file.ts";
import { CONNECTIONS, edgeOf, routeOf, whereOf } from "./edge-settings.ts";
import { lintContextOf } from "./lint-context.ts";
import { createPlaybookFolder, type KeptPlaybooks, openKeptPlaybooks, type PlaybookFile } from "./playbook-folder.ts";
import type { ProtectedSystem } from "./protected-system.ts";
import { type Rollbook, startRollbook } from "./rollbook.ts";
import type { SharedStore } from "./shared-store.ts";
import { stuckOverOthers } from "./stuck-components.ts";
import { systemClock } from "./system-clock.ts";

export interface ServeOptions {
  readonly folder: string;
  /** Takes the place of the connections file's. */
  readonly port?: number;
  /** Takes the place of the connections file's: `postgres://...`, or `env:NAME`. */
  readonly store?: string;
  /** Makes a new admin token, also when there is one. */
  readonly newToken?: boolean;
  readonly secretOf: (name: string) => string | undefined;
  readonly say: (text: string) => void;
}

export interface Serving {
  readonly rollbook: Rollbook;
  stop(): Promise<void>;
}

const LOOK_MS = 1000;
const ADOPT_AGAIN_MS = 10_000;

/**
 * Runs the playbooks of a folder. A changed file is checked before it takes effect, and takes effect when its system has
 * no rollout; a file that has become invalid leaves the last good one in effect, over restarts too.
 * @throws CONNECTIONS_INVALID, FILE_UNREADABLE, DATA_FOLDER_IN_USE, STORE_UNSAFE
 */
export async function serveFolder(options: ServeOptions): Promise<Serving> {
  const { say } = options;
  const folder = resolve(options.folder);
  if (!existsSync(folder))
    throw new RollbookError("FILE_UNREADABLE", { file: folder, reason: "there is no such folder" });
  const connectionsFile = join(folder, CONNECTIONS);
  const settings = connectionsIn(folder, connectionsFile, options);
  const shared = sharedIn(settings, options);
  const rollbook = await startRollbook({
    folder: settings.data,
    ...(shared ? { shared } : {}),
    ledgerName: "rollbook",
    apiPort: options.port ?? settings.port,
    flags: Object.entries(settings.flags).map(([key, { variants, initially }]) => defineFlag(key, variants, initially)),
    flagRevisions: Object.entries(settings.flags).flatMap(([key, { variants }]) =>
      Object.keys(variants).map((variant) => defineFlag(key, variants, variant)),
    ),
    connections: settings.connections,
    log: say,
  });
  say(`Rollbook: ${rollbook.url}${rollbook.moved ? ` (port ${options.port ?? settings.port} is taken)` : ""}`);
  if (options.newToken || (await rollbook.store.tokens()).length === 0) {
    const token = await rollbook.issueToken("admin", `admin-${systemClock.now()}`);
    say(`API token, shown only now: ${token}`);
  }
  const stopped = new AbortController();
  const kept = openKeptPlaybooks(settings.data);
  const playbooks = createPlaybookFolder(folder, connectionsFile, lintContextOf(settings.connections));
  const keeper = createKeeper(rollbook, settings.systems, kept, say, stopped.signal);
  const look = async () => {
    if (!existsSync(settings.data))
      keeper.once(
        "data",
        `the data folder ${settings.data} is gone: nothing is recorded any more, and no release is taken; put it back from a backup and start again`,
      );
    keeper.tellUnrecorded();
    const { good, problems, broken } = playbooks.look();
    for (const problem of problems) say(problem);
    await keeper.takeIn(good, problems.length > 0 ? new Set([...Object.keys(settings.systems), ...broken]) : broken);
  };
  await look().catch((error: Error) => say(`serve: ${error.message}`));
  await keeper.finish().catch((error: Error) => say(`serve: ${error.message}`));
  if (rollbook.systems.size === 0) say(`no playbook in ${folder} yet; one that is put there is taken within a second`);
  const loop = async () => {
    while (!stopped.signal.aborted) {
      await systemClock.sleep(LOOK_MS, stopped.signal);
      if (!stopped.signal.aborted) await look().catch((error: Error) => say(`serve: ${error.message}`));
    }
  };
  void loop();
  return {
    rollbook,
    async stop() {
      stopped.abort();
      await rollbook.stop();
    },
  };
}

function connectionsIn(folder: string, file: string, { secretOf }: ServeOptions): ConnectionsFile {
  if (existsSync(file)) return readConnections(file, secretOf);
  return { file, port: 7464, data: join(folder, ".rollbook"), systems: {}, flags: {}, connections: [] };
}

/** The store that several replicas share, if that is meant. */
function sharedIn({ store, ledgerKey }: ConnectionsFile, options: ServeOptions): SharedStore | undefined {
  const named = /^env:(.+)$/.exec(options.store ?? "")?.[1];
  const given = named === undefined ? options.store : options.secretOf(named);
  if (named !== undefined && !given)
    throw new RollbookError("USAGE", { what: `the environment variable ${named} is not set` });
  const url = given ?? store;
  return url === undefined ? undefined : { url, ...(ledgerKey === undefined ? {} : { ledgerKey }) };
}

/** Brings what the folder holds into effect, system by system. */
function createKeeper(
  rollbook: Rollbook,
  settings: Readonly<Record<string, SystemSettings>>,
  kept: KeptPlaybooks,
  say: (text: string) => void,
  stopped: AbortSignal,
) {
  const said = new Map<string, string>();
  const once = (about: string, text: string) => {
    if (said.get(about) !== text) say(text);
    said.set(about, text);
  };

  /** `again`: the file is the one that was kept. */
  const begin = async (file: PlaybookFile, again = false) => {
    const { system } = file.playbook;
    const open = await unfinishedRollout(rollbook.store, system);
    const under = open && open.playbook !== file.playbook.digest ? kept.byDigest(open.playbook) : undefined;
    const { playbook } = under ?? file;
    const guarded = await rollbook.protect(playbook, edgeOf(rollbook, playbook, settings[system]));
    if (!under && !again) kept.keep(file);
    say(
      `${system}: under ${under ? "the playbook that its rollout began with" : file.file}, authority: ${playbook.authority}${whereOf(guarded)}`,
    );
    guarded.attend((over) => {
      const signal = AbortSignal.any([stopped, over]);
      void keepOn(guarded, signal);
    });
  };

  /** What cannot be done now, because the store is away say, is tried again: nobody else would do it. */
  const keepOn = async (guarded: ProtectedSystem, over: AbortSignal) => {
    const { system } = guarded;
    while (!over.aborted) {
      try {
        return await keepAdopted(guarded, over);
      } catch (error) {
        if (over.aborted) return;
        once(`look ${system}`, `${system}: nobody looks on until this works: ${(error as Error).message}`);
        await systemClock.sleep(LOOK_MS, over);
      }
    }
  };

  /** Declares the first restore point as soon as everything answers; then goes on with what was cut off, and looks on. */
  const keepAdopted = async (guarded: ProtectedSystem, over: AbortSignal) => {
    const { system } = guarded;
    for (;;) {
      try {
        await guarded.control().adopt();
        break;
      } catch (error) {
        if (over.aborted) return;
        once(`adopt ${system}`, `${system}: no restore point yet: ${(error as Error).message}`);
        await dropCounts(guarded, over);
        if (over.aborted) return;
      }
    }
    const known = await rollbook.store.lastKnownGood(system);
    const good = known && (await rollbook.store.release(known.release));
    once(`adopt ${system}`, `${system}: the way back leads to ${good?.label}`);
    const resumed = await guarded.control().resume();
    if (resumed) say(`${system}: going on with rollout ${resumed.id}, which was cut off`);
    if (!over.aborted) guarded.watch();
  };

  /** Until it is tried again: nobody drains them, here or in the store that replicas share. */
  const dropCounts = async (guarded: ProtectedSystem, over: AbortSignal) => {
    for (let waited = 0; waited < ADOPT_AGAIN_MS && !over.aborted; waited += LOOK_MS) {
      guarded.dropCounts();
      await systemClock.sleep(LOOK_MS, over);
    }
  };

  const replace = async (guarded: ProtectedSystem, file: PlaybookFile) => {
    const { system } = guarded;
    const open = await unfinishedRollout(rollbook.store, system);
    if (open || guarded.control().busy()) {
      const what = open ? `rollout ${open.id}` : "the rollout that begins now";
      return once(`replace ${system}`, `${system}: the changed playbook takes effect when ${what} is over`);
    }
    const stuck = await stuckOverOthers(rollbook.store, guarded.playbook(), file.playbook);
    if (stuck !== undefined) return once(`replace ${system}`, stuck);
    if (routeOf(file.playbook) !== routeOf(guarded.playbook()))
      return once(
        `replace ${system}`,
        `${system}: another \`route\` takes effect with the next start; until then the old playbook is in effect`,
      );
    guarded.replace(file.playbook);
    kept.keep(file);
    once(
      `replace ${system}`,
      `${system}: ${file.file} is in effect, digest ${file.playbook.digest.slice(7, 19)}, authority: ${file.playbook.authority}`,
    );
  };

  /**
   * Why a playbook may not take effect here. A blind one that was in effect before stays so, and contains harm: its way back
   * is red, and nothing goes forward.
   */
  const refusalOf = (playbook: Playbook): RollbookError | undefined => {
    const others = [...rollbook.systems.values()].filter(({ system }) => system !== playbook.system);
    const rivalries = findRivals([...others.map((other) => other.playbook()), playbook]);
    const rivalry = rivalries.find(({ second }) => second === playbook);
    if (rivalry) return new RollbookError("TARGET_SHARED", { reason: describeRivalry(rivalry) });
    if (playbook.authority !== "act" || kept.byDigest(playbook.digest)) return undefined;
    const blind = blindTargets(playbook, rollbook.adapterFor).map(({ text }) => text);
    return blind.length > 0 ? new RollbookError("TARGET_BLIND", { reason: blind.join("; ") }) : undefined;
  };

  /** What is wrong with one system is told once, and keeps nothing from the others. */
  const alone = async (playbook: Playbook, take: () => Promise<void>) => {
    const { system } = playbook;
    const about = `take ${system}`;
    try {
      const refusal = refusalOf(playbook);
      if (refusal) throw refusal;
      await take();
      said.delete(about);
    } catch (error) {
      once(about, `${system}: not taken, and tried again every second: ${(error as Error).message}`);
    }
  };

  return {
    once,
    /** While the store takes no write, status and ledger know less than what stands. */
    tellUnrecorded() {
      for (const { system, control } of rollbook.systems.values()) {
        const owed = control().unrecorded();
        if (owed) once(`owed ${system}`, `${system}: ${owed.what}: ${owed.reason}; tried again until it can`);
        else if (said.delete(`owed ${system}`))
          say(`${system}: the store takes writes again, and what stood is recorded`);
      }
    },
    async takeIn(good: ReadonlyMap<string, PlaybookFile>, broken: ReadonlySet<string>): Promise<void> {
      for (const [system, file] of good) {
        const guarded = rollbook.systems.get(system);
        if (!guarded) await alone(file.playbook, () => begin(file));
        else if (guarded.playbook().digest !== file.playbook.digest)
          await alone(file.playbook, () => replace(guarded, file));
      }
      for (const system of rollbook.systems.keys()) {
        if (good.has(system)) said.delete(`gone ${system}`);
        else if (broken.has(system))
          once(`gone ${system}`, `${system}: its playbook is broken, see above; the last good one stays in effect`);
        else
          once(
            `gone ${system}`,
            `${system}: its playbook is gone from the folder; it stays in effect until the next start`,
          );
      }
      const refused = [...good.values()]
        .filter(({ playbook }) => refusalOf(playbook))
        .map(({ playbook }) => playbook.system);
      for (const system of [...broken, ...refused]) {
        const taken = rollbook.systems.has(system) || (good.has(system) && !refused.includes(system));
        const last = taken ? undefined : kept.newest(system);
        if (!last) continue;
        once(`last ${system}`, `${system}: the last good playbook stays in effect`);
        await alone(last.playbook, () => begin(last, true));
      }
    },
    /** What was cut off is brought to its end, also where the playbook has been taken away since. */
    async finish(): Promise<void> {
      for (const system of kept.systems().filter((one) => !rollbook.systems.has(one))) {
        const open = await unfinishedRollout(rollbook.store, system);
        const last = open && (kept.byDigest(open.playbook) ?? kept.newest(system));
        if (!last) continue;
        say(`${system}: its playbook is gone, and rollout ${open.id} is not over: it goes on under the last one`);
        await alone(last.playbook, () => begin(last, true));
      }
    },
  };
}
