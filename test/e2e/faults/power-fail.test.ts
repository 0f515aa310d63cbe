// The power goes at any moment: a real writer's writes and syncs are traced, and replayed onto a disk that loses any part
// of what was not synced. The store must open on everything that can be left, with all that was acknowledged.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import type { Random } from "../../../src/core/ports.ts";
import { createLedger } from "../../../src/record/ledger/ledger.ts";
import { createSeededRandom } from "../../../src/simulation/random.ts";
import { openSqliteStore } from "../../../src/store/sqlite/sqlite-store.ts";
import { LEDGER_KEY } from "./controller-process.ts";
import { createDisk } from "./disk.ts";
import { type DiskEvent, diskEvents, TRACE_ARGUMENTS } from "./disk-trace.ts";
import { MEMORY } from "./fault-world.ts";

const strace = process.env["STRACE"] ?? "";
const skip = strace ? false : "no strace: `npm run test:all` installs it, or name it with STRACE";
const WRITER = fileURLToPath(new URL("power-writer.fixture.ts", import.meta.url));
/** Enough for two checkpoints of the log into the database, and one when it is closed. */
const COMMITS = 120;
/** Together 2,000; each part has a time limit of its own. */
const [PARTS, STATES] = [4, 500];

/** Traces a writer's whole life. */
function traceWriter(folder: string, mode: "full" | "normal"): readonly DiskEvent[] {
  mkdirSync(folder, { recursive: true });
  const data = join(folder, "data");
  const trace = join(folder, "trace");
  const keyFile = join(folder, "key.pem");
  writeFileSync(keyFile, LEDGER_KEY);
  const args = [...TRACE_ARGUMENTS, "-o", trace, process.execPath, WRITER, data, String(COMMITS), keyFile, mode];
  const done = spawnSync(strace, args, { encoding: "utf8", timeout: 120_000 });
  assert.equal(done.status, 0, done.stderr);
  const events = diskEvents(readFileSync(trace, "latin1"), data);
  const said = events.filter(({ kind }) => kind === "said").length;
  assert.equal(said, COMMITS + COMMITS / 10 + 1, "the trace has everything that was said");
  return events;
}

interface Acknowledged {
  readonly commits: number;
  readonly signed: number;
  /** Commits that may have been made without the time to say so. */
  readonly closed: boolean;
}

interface CrashState {
  readonly files: ReadonlyMap<string, Buffer>;
  readonly acknowledged: Acknowledged;
}

/** Half of all cuts come right after something was acknowledged: then all of it must be there. */
function* crashStates(events: readonly DiskEvent[], count: number, random: Random): Generator<CrashState> {
  const disk = createDisk();
  // Before the store is made there is nothing to open.
  const first = events.findIndex(({ kind }) => kind === "said");
  const acks = events.flatMap(({ kind }, at) => (kind === "said" ? [at] : []));
  const pick = (n: number) =>
    n % 2 === 0 ? acks[Math.floor(random.next() * acks.length)]! : Math.floor(random.next() * events.length);
  const cuts = Map.groupBy(
    Array.from({ length: count }, (_, n) => pick(n)),
    (at) => at,
  );
  let acknowledged: Acknowledged = { commits: 0, signed: 0, closed: false };
  for (const [at, event] of events.entries()) {
    disk.apply(event);
    if (event.kind === "said") acknowledged = afterSaying(acknowledged, event.text);
    for (const _ of cuts.get(at) ?? [])
      yield { files: disk.cut(random), acknowledged: at < first ? NOTHING : acknowledged };
  }
}

const NOTHING: Acknowledged = { commits: 0, signed: 0, closed: false };

function afterSaying(known: Acknowledged, text: string): Acknowledged {
  const [what, number = ""] = text.split(" ");
  if (what === "acked") return { ...known, commits: Number(number) + 1 };
  return what === "signed" ? { ...known, signed: Number(number) } : { ...known, closed: true };
}

/** Opens what is left with the production store; throws on anything that is lost, torn or broken. */
async function open(folder: string, { files, acknowledged }: CrashState): Promise<void> {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const [name, content] of files) writeFileSync(join(folder, name), content);
  const store = await openSqliteStore({ folder, now: () => 0 });
  try {
    const count = await store.entryCount();
    const { commits, signed } = acknowledged;
    assert.ok(count === commits || count === commits + 1, `${commits} commits were acknowledged, ${count} are there`);
    const rollouts = await store.rollouts();
    assert.equal(rollouts.length, count, "a commit is whole or not there");
    assert.equal((await store.runningSagas()).length, count);
    assert.equal((await store.route("loans"))?.epoch, count === 0 ? undefined : count - 1);
    const ledger = createLedger({ store, origin: "example.org/power", key: LEDGER_KEY });
    assert.ok(((await store.checkpoint())?.size ?? 0) >= signed, `a head over ${signed} entries was signed`);
    const { kind } = await ledger.verify();
    assert.ok(kind === "verified" || signed === 0, `the ledger is ${kind}`);
  } finally {
    await store.close();
  }
  const database = new DatabaseSync(join(folder, "rollbook.sqlite"), { readOnly: true });
  assert.deepEqual(Object.values(database.prepare("PRAGMA integrity_check").get() ?? {}), ["ok"]);
  database.close();
}

describe("a power cut", { skip }, () => {
  let folder: string;
  let events: readonly DiskEvent[];
  before(() => {
    folder = mkdtempSync(join(MEMORY, "rollbook-power-"));
    events = traceWriter(folder, "full");
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  for (let part = 1; part <= PARTS; part += 1)
    it(`leaves ${STATES} different disks, and nothing that was acknowledged is missing on any, part ${part}`, async (t) => {
      const seed = Math.floor(Math.random() * 1e9);
      let states = 0;
      for (const state of crashStates(events, STATES, createSeededRandom(seed))) {
        const { commits, closed } = state.acknowledged;
        const when = `state ${states} of seed ${seed}, after ${commits} commits${closed ? " and the end" : ""}`;
        await open(join(folder, "left"), state).catch((error: Error) => {
          throw new Error(`${when}: ${error.message}`, { cause: error });
        });
        states += 1;
      }
      assert.equal(states, STATES);
      t.diagnostic(`${states} states from ${events.length} events, seed ${seed}: 0 lost, 0 corrupt`);
    });

  it("is found out with `synchronous=NORMAL`: acknowledged commits are missing", async (t) => {
    const normal = traceWriter(join(folder, "normal"), "normal");
    let [lost, states] = [0, 0];
    for (const state of crashStates(normal, 100, createSeededRandom(1))) {
      states += 1;
      lost += await open(join(folder, "left"), state).then(
        () => 0,
        ({ message }: Error) => Number(/commits were acknowledged/.test(message)),
      );
    }
    assert.ok(lost > 20, `${lost} of ${states} states lack what was acknowledged`);
    t.diagnostic(`${lost} of ${states} states lack what was acknowledged`);
  });
});
