import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { digestOf } from "../core/digest.ts";
import type { ControlPorts } from "./ports.ts";
import {
  candidate,
  createControlWorld,
  playbook,
  START,
  settings,
  stable,
  third,
  type WorldOptions,
} from "./world.fixture.ts";

/** One rollout of release 2 from its gate to its end. */
async function rolledOut(options: WorldOptions = {}) {
  const world = createControlWorld(options);
  const rollout = await world.live(async () => world.ended((await world.release()).id));
  const report = await world.control.report(rollout.id);
  return { ...world, rollout, report };
}

describe("a good release", () => {
  it("is promoted, becomes the last known good and then stable, in the place where it is", async () => {
    const { rollout, report, store, traffic, clock, live, kinds } = await rolledOut();
    assert.equal(rollout.phase, "healthy");
    assert.equal(report.outcome, "promoted");
    assert.equal((await store.lastKnownGood("loans"))?.release, candidate.id);
    const { epoch: _, ...route } = traffic.current("loans")!;
    assert.deepEqual(route, { system: "loans", stable: candidate.id, candidatePpm: 0, swapped: true });
    const before = traffic.served(candidate.id).requests;
    await live(() => clock.sleep(60_000));
    assert.ok(traffic.served(candidate.id).requests > before + 50_000);
    assert.deepEqual([...new Set(kinds())], ["baseline", "deploying", "exposed", "judged", "promoted", "settled"]);
  });

  it("makes room for the next one, which goes to the other place and comes back to this one", async () => {
    const world = createControlWorld({ losses: 0.05, leaks: 0 });
    await world.live(async () => {
      await world.ended((await world.release()).id);
      await world.ended((await world.control.release(third)).id);
    });
    const { epoch: _, ...route } = world.traffic.current("loans")!;
    assert.deepEqual(route, { system: "loans", stable: third.id, candidatePpm: 0 });
    assert.equal((await world.store.lastKnownGood("loans"))?.release, third.id);
  });

  it("is watched beside its holdback as long as the playbook says, and the next release waits for it", async () => {
    const how = { ...playbook.how, holdbackFor: 30_000 };
    const world = createControlWorld({ playbook: { how } });
    await world.live(async () => {
      const { id } = await world.release();
      await world.until(() => world.kinds().includes("promoted"));
      const promotedAt = world.clock.now();
      await world.clock.sleep(10_000);
      assert.equal(world.traffic.current("loans")?.candidatePpm, 950_000);
      await assert.rejects(world.control.release(third), { code: "RELEASE_REFUSED", message: /rollbook promote/ });
      const ended = await world.ended(id);
      assert.ok(ended.endedAt! - promotedAt >= 30_000);
    });
    assert.equal((await world.entries()).find(({ type }) => type === "refused")?.system, "loans");
  });

  it("that turns bad in its holdback goes back, and is the last known good no more", async () => {
    const how = { ...playbook.how, holdbackFor: 120_000 };
    const world = createControlWorld({
      playbook: { how },
      losses: [
        { from: 0, rate: 0.05 },
        { from: START + 40_000, rate: 0.3 },
      ],
    });
    const rollout = await world.live(async () => world.ended((await world.release()).id));
    assert.ok(rollout.promotedAt);
    assert.equal(rollout.rollback?.outcome, "verified");
    assert.equal((await world.store.lastKnownGood("loans"))?.release, stable.id);
    assert.equal(world.target.live("sim:model"), digestOf("model 1"));
  });

  it("that falls silent in its holdback is contained, and is not made stable because the time is over", async () => {
    const how = { ...playbook.how, holdbackFor: 30_000 };
    let silent = false;
    const world = createControlWorld({
      playbook: { how },
      ports: ({ signals }) => ({
        signals: { drain: () => signals.drain().filter(({ release }) => !silent || release !== candidate.id) },
      }),
    });
    await world.live(async () => {
      const { id } = await world.release();
      await world.until(() => world.kinds().includes("promoted"));
      silent = true;
      await world.clock.sleep(120_000);
      assert.equal((await world.store.rollout(id))?.endedAt, undefined);
      assert.equal(world.traffic.current("loans")?.stable, stable.id);
      assert.equal(world.notices.filter((notice) => notice.includes("nothing is seen of it any more")).length, 1);
      await world.control.promote(id, "on-call", "its counts are seen elsewhere");
      assert.equal((await world.ended(id)).phase, "healthy");
    });
  });

  it("can be taken back by a person after it has settled, and traffic is there at once", async () => {
    const world = createControlWorld();
    await world.live(async () => {
      await world.ended((await world.release()).id);
      const back = await world.control.takeBack("on-call", "customers complain");
      assert.equal(world.traffic.current("loans")?.stable, stable.id);
      const ended = await world.ended(back.id);
      assert.equal(ended.rollback?.outcome, "verified");
    });
    assert.equal(world.traffic.current("loans")?.swapped, undefined);
    assert.equal(world.target.live("sim:model"), digestOf("model 1"));
    assert.equal((await world.store.lastKnownGood("loans"))?.release, stable.id);
    assert.ok(await world.store.quarantine(candidate.id));
  });

  it("has a sealed record: a later change of the tables shows in every report", async () => {
    const { control, rollout, store, report } = await rolledOut();
    assert.equal(report.ledger.verified, true);
    await store.commit([{ kind: "rollout", rollout: { ...rollout, exposedAt: rollout.exposedAt! - 1000 } }]);
    assert.equal((await control.report(rollout.id)).ledger.verified, false);
  });
});

describe("a harmful release", () => {
  it("is contained, restored, proved fixed and put in quarantine", async () => {
    const { rollout, report, store, target, traffic, notices, control } = await rolledOut({ losses: 0.2 });
    assert.equal(report.outcome, "rolled-back-verified");
    assert.deepEqual(report.because, ["rising"]);
    assert.equal(report.candidate.quarantined, true);
    assert.deepEqual(
      report.components.map(({ component, status, found }) => [component, status, found]),
      [
        ["model", "done", digestOf("model 1")],
        ["schema", "done", digestOf("schema 1")],
      ],
    );
    assert.deepEqual(
      [target.live("sim:schema"), target.live("sim:model")],
      [digestOf("schema 1"), digestOf("model 1")],
    );
    assert.equal(traffic.current("loans")?.candidatePpm, 0);
    assert.ok((traffic.lastServed(candidate.id) ?? 0) < rollout.rollback!.containedAt!);
    assert.equal((await store.lastKnownGood("loans"))?.provedAt, rollout.endedAt);
    assert.match(notices[0] ?? "", /loans: release 2 is rolled back: rising/);
    await assert.rejects(control.plan(candidate), { message: /in quarantine: rising/ });
  });

  it("goes back on its way at a hard limit, without statistics", async () => {
    const { rollout } = await rolledOut({ leaks: 0.01 });
    assert.deepEqual(rollout.rollback?.cause, ["harm", "leak"]);
    assert.ok(rollout.rollback!.decidedAt - rollout.exposedAt! <= 1000);
  });

  it("has its readers restored before what they read", async () => {
    const { target, rollout } = await rolledOut({ losses: 0.2 });
    const back = target.effects.filter(({ time }) => time >= rollout.rollback!.decidedAt).map(({ at }) => at);
    assert.deepEqual(back, ["sim:model", "sim:schema"]);
  });
});

describe("an undecided release", () => {
  it("that cannot be seen loses its exposure by itself, and goes back without quarantine", async () => {
    const { rollout, report, traffic, store, kinds } = await rolledOut({ blind: true });
    assert.ok(
      (traffic.lastServed(candidate.id) ?? 0) <=
        rollout.exposedAt! + settings.blindMs + settings.exposureMs + settings.tickMs,
    );
    assert.equal(rollout.rollback?.cause[0], "undecided");
    assert.equal(report.outcome, "undecided");
    assert.equal(rollout.rollback?.outcome, "verified");
    assert.equal(await store.quarantine(candidate.id), undefined);
    assert.ok(kinds().includes("blind"));
  });

  it("whose safety is never proved goes back after its patience, and may come again", async () => {
    const { rollout, control } = await rolledOut({ losses: 0.07, requestsPerSecond: 200 });
    assert.equal(rollout.rollback?.cause[0], "undecided");
    assert.ok(rollout.rollback!.decidedAt - rollout.exposedAt! > 40_000);
    await control.plan(candidate);
  });
});

describe("a release that cannot be deployed", () => {
  it("is reported as it was sealed, once people were told of it", async () => {
    const ports = ({ clock }: ControlPorts): Partial<ControlPorts> => ({
      notifier: { notify: () => clock.sleep(5000) },
    });
    const world = createControlWorld({ ports });
    await world.live(async () => {
      const { id } = await world.release();
      world.target.lose("sim:model", digestOf("model 2"));
      await world.ended(id);
      assert.ok((await world.control.report(id)).ledger.verified);
      await world.clock.sleep(10_000);
      assert.equal((await world.store.rollout(id))?.owed, undefined);
      assert.ok((await world.control.report(id)).ledger.verified);
    });
  });

  it("is taken back in reverse order, before any traffic could reach it", async () => {
    const world = createControlWorld();
    const rollout = await world.live(async () => {
      const { id } = await world.release();
      world.target.lose("sim:model", digestOf("model 2"));
      return world.ended(id);
    });
    assert.equal(rollout.exposedAt, undefined);
    assert.equal(world.traffic.served(candidate.id).requests, 0);
    assert.deepEqual([rollout.phase, rollout.rollback], ["aborted", undefined]);
    assert.match(
      rollout.note ?? "",
      /^the release could not be deployed: stuck: model; taken back; sha256:\w+ is not retained$/,
    );
    assert.equal(world.target.live("sim:schema"), digestOf("schema 1"));
    assert.equal(await world.store.quarantine(candidate.id), undefined);
  });

  it("is told until it was, also by who starts after a crash, and then no more", async () => {
    let deaf = true;
    const told: string[] = [];
    const ports = (): object => ({
      notifier: {
        notify: async (_: readonly string[], subject: string) => {
          // Whoever dies meanwhile has told nobody.
          if (deaf) await new Promise(() => undefined);
          told.push(subject);
        },
      },
    });
    const world = createControlWorld({ ports });
    await world.live(async () => {
      const { id } = await world.release();
      world.target.lose("sim:model", digestOf("model 2"));
      assert.equal((await world.ended(id)).owed?.what, "could not be deployed");
      world.kill();
      deaf = false;
      const second = world.boot("second");
      await world.clock.sleep(5000);
      assert.deepEqual(told, ["loans: release 2 could not be deployed"]);
      assert.equal((await world.store.rollout(id))?.owed, undefined);
      assert.ok((await second.control.report(id)).ledger.verified);
      second.kill();
      const third = world.boot("third");
      await world.clock.sleep(5000);
      assert.equal(told.length, 1);
      assert.ok((await third.control.report(id)).ledger.verified);
    });
  });
});

it("a running rollout is explained and reported by its newest verdict, though it is not written every time", async () => {
  const world = createControlWorld();
  await world.live(async () => {
    const { id } = await world.release();
    await world.until(() => world.kinds().includes("exposed"));
    await world.clock.sleep(2000);
    const { verdict, sentences, findings } = await world.control.explain(id);
    assert.equal(verdict, "inconclusive");
    assert.equal(sentences[0], "Nothing is decided yet.");
    assert.ok(findings[0]!.candidate.n > 0);
    assert.ok((await world.control.report(id)).evidence[0]!.candidate.n > 0);
    await world.ended(id);
  });
});

describe("a playbook that only observes", () => {
  const observing = (options: WorldOptions = {}) =>
    createControlWorld({ ...options, playbook: { authority: "observe" } });

  it("says once what it would have done, touches nothing, and judges on until people say how it went", async () => {
    const world = observing({ losses: 0.2 });
    const rollout = await world.live(async () => {
      const { id } = await world.release();
      await world.until(() => world.kinds().includes("exposed"));
      await world.control.weight(10, "operator");
      await world.until(() => world.kinds().includes("observed-harm"));
      await world.clock.sleep(10_000);
      await world.control.abort(id, "operator", "we took it back");
      return world.ended(id);
    });
    assert.deepEqual(rollout.wouldHave?.because, ["rising"]);
    assert.equal(rollout.note, "taken back by operator: we took it back");
    assert.equal(rollout.rollback, undefined);
    assert.deepEqual(world.target.effects, []);
    assert.equal(await world.store.quarantine(candidate.id), undefined);
    assert.equal(world.traffic.current("loans")?.candidatePpm, 100_000);
    assert.equal(world.kinds().filter((kind) => kind === "observed-harm").length, 1);
    const report = await world.control.report(rollout.id);
    assert.equal(report.outcome, "observed-harm");
    assert.equal(report.badAnswers.of, world.traffic.served(candidate.id).requests, "all that was served is recorded");
  });

  it("only people move traffic, and only while something is observed", async () => {
    const world = observing();
    await world.live(async () => {
      await world.control.adopt(stable);
      await assert.rejects(world.control.weight(10, "operator"), { code: "RELEASE_REFUSED" });
    });
    const acting = createControlWorld();
    await assert.rejects(acting.control.weight(10, "operator"), { code: "RELEASE_REFUSED", message: /authority: act/ });
  });

  it("calls what proves itself the last known good", async () => {
    const world = observing();
    const rollout = await world.live(async () => {
      const { id } = await world.release();
      await world.until(() => world.kinds().includes("exposed"));
      await world.control.weight(50, "operator");
      return world.ended(id);
    });
    assert.equal(rollout.note, "would have been promoted");
    assert.equal((await world.store.lastKnownGood("loans"))?.release, candidate.id);
  });

  it("compares the next release with the one that people kept", async () => {
    const world = observing();
    const rollout = await world.live(async () => {
      const { id } = await world.release();
      await world.until(() => world.kinds().includes("exposed"));
      await world.control.weight(50, "operator");
      await world.ended(id);
      for (const name of ["schema", "model"]) world.target.rivalWrite(`sim:${name}`, candidate.revisions[name]!.digest);
      await world.until(() => world.traffic.current("loans")?.stable === candidate.id);
      const next = await world.control.release(third);
      await world.until(() => world.traffic.current("loans")?.candidatePpm === 0);
      await world.control.weight(50, "operator");
      const ended = await world.ended(next.id);
      return ended;
    });
    assert.equal(rollout.note, "would have been promoted");
    assert.equal(rollout.stable, candidate.id);
  });

  it("lets people take the share away after it ended", async () => {
    const world = observing();
    await world.live(async () => {
      const { id } = await world.release();
      await world.until(() => world.kinds().includes("exposed"));
      await world.control.weight(10, "operator");
      await world.control.abort(id, "operator", "we took it back");
      await world.ended(id);
      await assert.rejects(world.control.weight(20, "operator"), { code: "RELEASE_REFUSED" });
      await world.control.weight(0, "operator");
    });
    assert.equal(world.traffic.current("loans")?.candidatePpm, 0);
    assert.equal((await world.store.route("loans"))?.candidatePpm, 0);
  });

  it("gives the share again after a restart", async () => {
    const world = observing();
    await world.live(async () => {
      const { id } = await world.release();
      await world.until(() => world.kinds().includes("exposed"));
      await world.control.weight(10, "operator");
      await world.clock.sleep(1000);
      world.kill();
      world.traffic.set({ ...(await world.store.route("loans"))!, candidatePpm: 0 });
      const second = world.boot("second").control;
      await second.resume();
      await world.until(() => world.traffic.current("loans")?.candidatePpm === 100_000);
      await second.abort(id, "operator", "enough");
      await second.ended(id);
    });
  });

  it("leaves no share behind when it acts from now on", async () => {
    const left = { system: "loans", epoch: 7, stable: stable.id, candidate: third.id, candidatePpm: 200_000 };
    const world = createControlWorld();
    await world.live(async () => {
      await world.control.adopt(stable);
      world.traffic.set(left);
      const { id } = await world.control.release(candidate);
      assert.equal(world.traffic.current("loans")?.candidatePpm, 0);
      await world.ended(id);
    });
    const idle = createControlWorld();
    await idle.live(async () => {
      await idle.control.adopt(stable);
      idle.traffic.set(left);
      await idle.until(() => idle.traffic.current("loans")?.candidatePpm === 0);
    });
  });

  it("goes on looking when the store does not take that a share is withdrawn", async () => {
    let full = false;
    const world = createControlWorld({
      ports: ({ store }) => ({
        store: {
          ...store,
          commit: async (...given) => (full ? Promise.reject(new Error("full")) : store.commit(...given)),
        },
      }),
    });
    await world.live(async () => {
      await world.control.adopt(stable);
      full = true;
      world.traffic.set({ system: "loans", epoch: 7, stable: stable.id, candidate: third.id, candidatePpm: 200_000 });
      await world.until(() => world.traffic.current("loans")?.candidatePpm === 0);
      full = false;
      world.target.rivalWrite("sim:model", candidate.revisions["model"]!.digest);
      await world.until(() => world.kinds().includes("noticed"));
    });
  });

  it("counts for the promoted one from when people brought it into place, and takes nothing before for news", async () => {
    const world = observing();
    await world.live(async () => {
      const { id } = await world.release();
      await world.until(() => world.kinds().includes("exposed"));
      await world.control.weight(50, "operator");
      await world.ended(id);
      await world.clock.sleep(10_000);
      assert.equal(world.traffic.current("loans")?.stable, stable.id);
      for (const name of ["schema", "model"]) world.target.rivalWrite(`sim:${name}`, candidate.revisions[name]!.digest);
      await world.clock.sleep(2000);
      assert.equal(world.traffic.current("loans")?.stable, candidate.id);
      assert.equal((await world.store.route("loans"))?.stable, candidate.id);
      assert.equal(world.traffic.current("loans")?.candidatePpm, 500_000, "people's share is theirs");
      assert.equal(world.kinds().includes("noticed"), false);
    });
  });

  it("leaves a share behind that ends before the first acting rollout deploys anything there", async () => {
    const world = createControlWorld();
    await world.live(async () => {
      await world.control.adopt(stable);
      const left = { system: "loans", epoch: 5, stable: stable.id, candidate: candidate.id, candidatePpm: 500_000 };
      world.traffic.set(left);
      world.traffic.renew("loans", Number.MAX_SAFE_INTEGER);
      const { id } = await world.release(third);
      await world.until(() => world.kinds().includes("baseline"));
      assert.equal(world.traffic.current("loans")?.candidatePpm, 0);
      assert.equal((await world.ended(id)).phase, "healthy");
    });
  });

  it("keeps undecided apart from harm", async () => {
    const { report, rollout } = await rolledOut({ blind: true, playbook: { authority: "observe" } });
    assert.match(rollout.note ?? "", /^undecided, would have gone back/);
    assert.equal(report.outcome, "undecided");
  });
});

describe("the proof", () => {
  it("that does not come in time leaves the rollback unverified, with everything restored", async () => {
    const { report, target, store } = await rolledOut({
      leaks: 0.01,
      playbook: { fixed: { criteria: [{ kind: "below", signal: "losses", limit: 0.02 }], for: 3000 } },
    });
    assert.equal(report.outcome, "rolled-back-unverified");
    assert.equal(target.live("sim:model"), digestOf("model 1"));
    assert.equal((await store.lastKnownGood("loans"))?.release, stable.id);
  });

  it("notices who undoes the restore, restores again, and asks people after three times", async () => {
    const undoing = async (times: number) => {
      const world = createControlWorld({ losses: 0.2 });
      const rollout = await world.live(async () => {
        const { id } = await world.release();
        for (let time = 0; time < times; time++) {
          const restored = () => world.kinds().filter((kind) => kind === "restored").length;
          await world.until(() => restored() === time + 1);
          world.target.rivalWrite("sim:model", digestOf("model 2"));
        }
        return world.ended(id);
      });
      return { ...world, rollout };
    };
    const once = await undoing(1);
    assert.equal(once.rollout.rollback?.outcome, "verified");
    assert.equal(once.target.live("sim:model"), digestOf("model 1"));
    const started = (await once.entries()).filter(({ type }) => type === "saga-started");
    assert.match(started.at(-1).data.why, /model changed again after the restore/);
    const always = await undoing(3);
    assert.equal(always.rollout.rollback?.outcome, "stuck");
    assert.match(always.rollout.note ?? "", /model changed again after the restore/);
  });

  it("does not wait for the end of a long proof to notice who undoes the restore", async () => {
    const fixed = { ...playbook.fixed, for: 120_000 };
    const world = createControlWorld({ losses: 0.2, playbook: { fixed }, settings: { proofMs: 200_000 } });
    await world.live(async () => {
      const { id } = await world.release();
      await world.until(() => world.kinds().includes("restored"));
      world.target.rivalWrite("sim:model", digestOf("model 2"));
      const undoneAt = world.clock.now();
      await world.until(() => world.target.live("sim:model") === digestOf("model 1"));
      assert.ok(world.clock.now() - undoneAt <= settings.pollMs + 1000, `after ${world.clock.now() - undoneAt} ms`);
      assert.ok(world.notices.some((text) => /is being undone in its restore: model changed again/.test(text)));
      assert.equal((await world.ended(id)).rollback?.outcome, "verified");
    });
  });

  it("waits for a component that cannot be read, and never calls it verified", async () => {
    let dark = false;
    const world = createControlWorld({
      losses: 0.2,
      ports: ({ adapterFor }) => ({
        adapterFor: (at) => ({
          ...adapterFor(at),
          read: (place, signal) =>
            dark && place === "sim:model" ? new Promise(() => undefined) : adapterFor(at).read(place, signal),
        }),
      }),
    });
    const rollout = await world.live(async () => {
      const { id } = await world.release();
      await world.until(() => world.kinds().includes("restored"));
      dark = true;
      return world.ended(id);
    });
    assert.equal(rollout.rollback?.outcome, "unverified");
  });
});

describe("people who are told later", () => {
  const told = async (after: number, options: WorldOptions = {}) => {
    const who = { now: ["page://dashboard"], later: [{ after, audience: ["email://model-risk"] }] };
    const { notices } = await rolledOut({ losses: 0.2, playbook: { who }, ...options });
    return notices.filter((notice) => notice.includes("is not back and proved fixed after")).length;
  };

  it("hear of a rollback that takes long, and not of one that was quick", async () => {
    assert.equal(await told(1000), 1);
    assert.equal(await told(600_000), 0);
  });

  const who = { now: ["page://dashboard"], later: [{ after: 60_000, audience: ["email://model-risk"] }] };
  const late = (world: ReturnType<typeof createControlWorld>) =>
    world.notices.filter((notice) => notice.includes("is not back and proved fixed after")).length;
  /** Its target has lost what served before. */
  const stuck = async (world: ReturnType<typeof createControlWorld>): Promise<string> => {
    const { id } = await world.release();
    await world.until(() => world.kinds().includes("exposed"));
    world.target.lose("sim:model", digestOf("model 1"));
    assert.equal((await world.ended(id)).rollback?.outcome, "stuck");
    return id;
  };

  it("hear of one that is stuck once, and not when people have mended it in time", async () => {
    for (const mended of [true, false]) {
      const world = createControlWorld({ losses: 0.2, playbook: { who } });
      await world.live(async () => {
        const id = await stuck(world);
        if (mended) {
          world.target.rivalWrite("sim:model", digestOf("model 1"));
          await world.control.proceed(id, "ada");
          assert.equal((await world.ended(id)).rollback?.outcome, "verified");
        }
        await world.clock.sleep(70_000);
      });
      assert.equal(late(world), mended ? 0 : 1);
    }
  });

  it("hear of one that is stuck also from the controller that looks on next, and nothing from one that was closed", async () => {
    const world = createControlWorld({ losses: 0.2, playbook: { who } });
    await world.live(async () => {
      await stuck(world);
      world.control.close();
      await world.clock.sleep(70_000);
      assert.equal(late(world), 0);
      world.boot("second");
      await world.clock.sleep(1000);
      assert.equal(late(world), 1);
    });
  });

  it("may be told after more time than a timer of the machine can take", async () => {
    const month = { ...who, later: [{ after: 30 * 86_400_000, audience: ["email://model-risk"] }] };
    const spans: number[] = [];
    const world = createControlWorld({
      losses: 0.2,
      playbook: { who: month },
      ports: ({ clock }) => ({
        clock: {
          now: clock.now,
          sleep: (span, signal) => {
            spans.push(span);
            return clock.sleep(span, signal);
          },
        },
      }),
    });
    await world.live(() => stuck(world));
    assert.ok(Math.max(...spans) < 2 ** 31);
  });
});
