import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createMemoryStore } from "../simulation/memory-store.ts";
import { createDriftTeller } from "./drift.ts";
import { driftLines } from "./drift-words.ts";
import { candidate, createControlWorld, playbook, START, stable, type WorldOptions } from "./world.fixture.ts";

const MINUTE = 60_000;

/** Ticks are seconds, so that hours are short to simulate. */
const slow: WorldOptions = {
  requestsPerSecond: 200,
  settings: { tickMs: 1000, pollMs: 5000, exposureMs: 5000, leaseMs: 6000, patienceMs: 120_000 },
};

/** Release 2 is promoted, and is as it was until it drifts. */
async function promoted(options: WorldOptions, story: (world: ReturnType<typeof createControlWorld>) => Promise<void>) {
  const world = createControlWorld({ ...slow, ...options });
  await world.live(async () => {
    await world.control.adopt(stable);
    const { id } = await world.control.release(candidate);
    assert.equal((await world.control.ended(id)).phase, "healthy");
    await story(world);
  });
  return world;
}

const drifting = [
  { from: 0, rate: 0.05 },
  { from: START + 20 * MINUTE, rate: 0.12 },
];

describe("a release that serves alone and drifts", () => {
  it("is told once to people, with since when and against what, and nothing is done", async () => {
    const world = await promoted({ losses: drifting }, async ({ until, kinds, clock }) => {
      await until(() => kinds().includes("drifted"));
      await clock.sleep(15 * MINUTE);
    });
    const [notice, ...more] = world.notices.filter((text) => text.includes("drifted"));
    assert.deepEqual(more, []);
    assert.match(
      notice!,
      /^loans: release 2 has drifted: rising: rising \("losses rise by more than 40 %"\): since about/,
    );
    assert.match(notice!, /since about Friday 00:(19|20|21) UTC, [\d,]+ bad of [\d,]+, where [\d.]+ % is the line/);
    assert.match(notice!, /the reference is the window of its promotion \([\d,]+ observations\)\./);
    assert.match(notice!, /Nothing was done: no other release serves beside it/);
    assert.match(notice!, /at most once a year on average, of all triggers together/);
    const told = world.events.find(({ kind }) => kind === "drifted");
    assert.equal(told?.rollout.candidate, candidate.id);
    const drifted = (await world.entries()).filter(({ type }) => type === "drifted");
    assert.equal(drifted.length, 1);
    assert.equal(drifted[0].data.release, candidate.id);
    assert.equal(drifted[0].data.because[0].name, "rising");
    const status = world.control.drift();
    assert.deepEqual(status?.watched, ["rising"]);
    assert.equal(status.told?.because[0]?.learnt, false);
    assert.equal(world.traffic.current("loans")?.stable, candidate.id);
    assert.equal((await world.store.rollouts("loans")).length, 1);
  });

  it("is watched anew once somebody has acknowledged it, and told again while it goes on", async () => {
    const world = await promoted({ losses: drifting }, async ({ until, kinds, control }) => {
      await assert.rejects(control.acknowledge("on-call", "what?"), { code: "NOT_FOUND" });
      await until(() => kinds().includes("drifted"));
      await control.acknowledge("on-call", "a campaign");
      assert.equal(control.drift()?.told, undefined);
      await until(() => kinds().filter((kind) => kind === "drifted").length === 2);
    });
    const [acknowledged] = (await world.entries()).filter(({ type }) => type === "acknowledged");
    assert.equal(acknowledged.actor, "on-call");
    assert.equal(acknowledged.data.reason, "a campaign");
  });

  it("of an adopted release has the beginning of the watch as its reference", async () => {
    const world = createControlWorld(slow);
    await world.live(async () => {
      await world.control.adopt(stable);
      await world.clock.sleep(40 * MINUTE);
    });
    assert.deepEqual(world.control.drift()?.watched, ["rising"]);
    assert.equal(world.control.drift()?.told, undefined, "nothing drifts");
    assert.deepEqual(world.notices, []);
  });

  it("is not watched where every trigger compares groups, or there is none", async () => {
    const world = createControlWorld({ ...slow, playbook: { triggers: [] } });
    await world.live(async () => {
      await world.control.adopt(stable);
      await world.clock.sleep(MINUTE);
    });
    assert.equal(world.control.drift(), undefined);
  });
});

describe("what is told of drift", () => {
  /** A release that was adopted, minute by minute; the store can be away. */
  function adopted() {
    let now = START;
    let away = false;
    const store = createMemoryStore();
    const notices: string[] = [];
    const commit: typeof store.commit = async (changes) => {
      if (away) throw new Error("the disk is full");
      return store.commit(changes);
    };
    const teller = createDriftTeller(
      {
        store: { ...store, commit },
        clock: { now: () => now, sleep: async () => undefined },
        notifier: {
          notify: async (_, subject, text) => {
            notices.push(`${subject}\n${text}`);
            throw new Error("nobody there");
          },
        },
        emit: () => assert.fail("an adopted release has no rollout that an event could be of"),
      },
      playbook,
    );
    const pass = async (minutes: number, bad: number) => {
      for (let minute = 0; minute < minutes; minute++) {
        const sample = { node: "n", sequence: now, bucket: now, signal: "losses", release: stable.id, n: 1000, k: bad };
        await teller.look([sample], stable);
        now += MINUTE;
      }
    };
    const setAway = (is: boolean) => {
      away = is;
    };
    return { teller, notices, pass, setAway };
  }

  it("is told again after a day without an answer, against the reference that was learnt", async () => {
    const { notices, pass, teller } = adopted();
    await pass(60, 50);
    await pass(10, 120);
    assert.equal(notices.length, 1);
    assert.match(notices[0]!, /the reference is the beginning of this watch \(16,000 observations\)/);
    await pass(23 * 60, 120);
    assert.equal(notices.length, 1);
    await pass(2 * 60, 120);
    assert.equal(notices.length, 2);
    assert.notEqual(teller.status()?.told, undefined);
    await pass(24 * 60, 50);
    assert.equal(notices.length, 2);
    assert.equal(teller.status()?.told, undefined);
  });

  it("is told with the next look when it could not be written", async () => {
    const { notices, pass, setAway } = adopted();
    await pass(60, 50);
    setAway(true);
    await assert.rejects(pass(10, 120), /the disk is full/);
    assert.deepEqual(notices, []);
    setAway(false);
    await pass(1, 120);
    assert.equal(notices.length, 1);
  });

  it("names what is slow, a mean on its own scale, and a line of the trigger's own", () => {
    const of = (name: string) => playbook.signals.find((signal) => signal.name === name)!;
    const book = {
      ...playbook,
      signals: [
        ...playbook.signals,
        { ...of("losses"), name: "seconds" },
        { ...of("losses"), name: "mood", better: "up" as const },
      ],
    };
    const drifted = { name: "it", claim: "it is worse", since: START, learnt: false, logEvidence: 14 };
    const lines = driftLines(
      {
        at: START,
        logEvidence: 14,
        logThreshold: 13,
        because: [
          { ...drifted, signal: "seconds", counts: { n: 2000, k: 150 }, line: 0.05, threshold: 1.2345 },
          { ...drifted, signal: "mood", counts: { n: 2000, k: 0, mean: -0.25 }, line: 0.1 },
          { ...drifted, signal: "mood", counts: { n: 2000, k: 1500 }, line: 0.2 },
        ],
      },
      book,
    );
    assert.match(
      lines[0]!,
      /since about Friday 00:00 UTC, 150 slower than 1\.23 s of 2,000, where 5 % is the line; the line is the trigger's own/,
    );
    assert.match(lines[1]!, /a mean of -0\.250 over 2,000, where 0\.100 is the line/);
    assert.match(lines[2]!, /500 bad of 2,000, where 20 % is the line/);
  });
});
