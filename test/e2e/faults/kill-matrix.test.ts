// Every crash point, in every direction, on both stores: a real SIGKILL there, and a new process that finishes.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { CRASH_POINTS, type CrashPoint } from "../../../src/restore/crash-point.ts";
import { type PostgresServer, startPostgres } from "../../servers/postgres.ts";
import { type Phase, startController, type Task } from "./controller-process.ts";
import {
  assertEffects,
  assertFinished,
  audit,
  createFaultWorld,
  endsOf,
  loseOldSchema,
  MEMORY,
} from "./fault-world.ts";

const bin = process.env["POSTGRES_BIN"] ?? "";
const skip = bin ? false : "no Postgres: `npm run test:all` installs it, or name its programs with POSTGRES_BIN";
/** Each pass of each point, and not only the first and the last one. */
const all = process.env["ROLLBOOK_FAULTS"] === "all";

/** The story that goes in each direction, and what its last process says. */
const STORIES: Readonly<Record<Phase, readonly [story: Task["story"], end: RegExp]>> = {
  release: ["rollback", /^ended aborted unverified /],
  rollback: ["rollback", /^ended aborted unverified /],
  compensate: [
    "compensate",
    /^ended aborted {2}the release could not be deployed: stuck: config; taken back; 422: this revision does not start$/,
  ],
  redeploy: ["redeploy", /^ended degraded stuck .*taken back$/],
};
const PHASES = Object.keys(STORIES) as readonly Phase[];

interface Cell {
  readonly phase: Phase;
  readonly point: CrashPoint;
  readonly pass: number;
}

/** Plays a story, kills it in the cell if there is one, and lets a new process finish. */
async function play(phase: Phase, server?: PostgresServer, cell?: Cell): Promise<readonly string[]> {
  const world = await createFaultWorld(server);
  try {
    const [story, end] = STORIES[phase];
    if (story === "redeploy") loseOldSchema(world);
    const first = startController(world.task({ story, rounds: 1, ...(cell ? { crash: cell } : {}) }));
    if (!cell) await assertFinished(first);
    else assert.equal((await first.ended).signal, "SIGKILL", first.said.join("\n"));
    const last = cell ? startController(world.task({ story, rounds: 0 })) : first;
    await assertFinished(last);
    assert.match(endsOf(last).at(-1) ?? "", end);
    assertEffects(world, story);
    await audit(world, [...first.said, ...last.said]);
    return first.said;
  } finally {
    await world.remove();
  }
}

/** What a story passes in its phase, when nobody kills it. */
async function cellsOf(phase: Phase): Promise<readonly Cell[]> {
  const said = await play(phase);
  return CRASH_POINTS.flatMap((point) => {
    const passes = said.filter((line) => line === `passed ${phase} ${point}`).length;
    return Array.from({ length: passes }, (_, index) => ({ phase, point, pass: index + 1 })).filter(
      ({ pass }) => all || pass === 1 || pass === passes,
    );
  });
}

const cells = (await Promise.all(PHASES.map(cellsOf))).flat();

it("passes every crash point in some direction", () => {
  assert.deepEqual(
    CRASH_POINTS.filter((point) => !cells.some((cell) => cell.point === point)),
    [],
  );
  for (const phase of PHASES) assert.ok(cells.filter((cell) => cell.phase === phase).length >= 4, phase);
});

const nameOf = ({ phase, point, pass }: Cell) => `${phase}, at ${point}, pass ${pass}`;

describe("killed at a crash point on SQLite, a new process ends it right, each effect once", { concurrency: 3 }, () => {
  for (const cell of cells) it(nameOf(cell), async () => void (await play(cell.phase, undefined, cell)));
});

describe("the same on Postgres", { skip, concurrency: 3 }, () => {
  let server: PostgresServer;
  before(async () => {
    server = await startPostgres(bin, { within: MEMORY });
  });
  after(() => server.remove());
  for (const cell of cells) it(nameOf(cell), async () => void (await play(cell.phase, server, cell)));
});
