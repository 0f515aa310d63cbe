import assert from "node:assert/strict";
import { once } from "node:events";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type Ended, type TutorialWorld, tutorialWorld, until } from "./tutorial-world.ts";

const { PYTHON } = process.env;

/** docs/tutorial.md, step by step, with its own files: one world, in which each test goes on where the last one ended. */
describe("the tutorial", { skip: PYTHON ? false : "PYTHON is not set" }, () => {
  let world: TutorialWorld;
  let server: Awaited<ReturnType<TutorialWorld["serve"]>>;
  let support: Promise<readonly Ended[]>;
  const place = async (): Promise<"blue" | "green"> => {
    const [model] = await world.json("live", "--system", "loans");
    return model.at.slice("vault://".length);
  };
  const served = async () => world.read(`${await place()}/model.json`).name;
  const statusOf = async (system = "loans") => world.json("status", "--system", system);

  before(async () => {
    world = await tutorialWorld(PYTHON!);
    for (const at of ["blue", "green"] as const) {
      world.copy("models/11.json", `${at}/model.json`);
      world.python("model.py", String(world.ports[at]), `${at}/model.json`);
    }
    for (const v of [11, 12, 13, 14])
      assert.equal((await world.rollbook("vault", "put", `credit ${v}`, `models/${v}.json`)).exit, 0);
    assert.equal((await world.rollbook("lint", "loans.yaml", "support/support.yaml")).exit, 0);
    await answering(world, "blue", "green");
  });
  after(() => world.stop());

  test("what serves becomes the restore point, and nothing is in doubt", async () => {
    server = await world.serve(/loans: the way back leads to credit 11/);
    world.python("traffic.py", await world.reporter("applicants"));
    support = supportReleases();
    support.catch(() => undefined);
    const doctor = await world.rollbook("doctor");
    assert.equal(doctor.exit, 0, doctor.out);
    assert.match(doctor.out, /vault:\/\/blue serves credit 11/);
    assert.match(doctor.out, /vault:\/\/green answers; the next release goes there/);
  });

  test("observing says when it would have gone back, and changes nothing", async () => {
    assert.equal((await world.rollbook("release", "model=credit 13", "--system", "loans")).exit, 0);
    world.copy("models/13.json", "green/model.json");
    await world.reload("green");
    await world.rollbook("weight", "30", "--system", "loans");
    const entries = async () => (await world.json("observe", "report", "--system", "loans")).entries;
    await until(
      async () => (await entries())[0]?.wouldHave !== undefined,
      () => "it was not found harmful",
    );
    assert.equal((await statusOf()).route.candidatePpm, 300_000);
    assert.equal(world.read("green/model.json").name, "credit 13");
    assert.equal((await world.rollbook("weight", "0", "--system", "loans")).exit, 0);
    assert.equal((await world.rollbook("rollback", "--reason", "the branch confirms it", "--system", "loans")).exit, 0);
    await until(
      async () => (await entries())[0].endedAt !== undefined,
      () => "it did not end",
    );
    const [entry] = await entries();
    assert.deepEqual(entry.wouldHave.because, ["rising-losses"]);
    assert.match(entry.end, /^taken back by /);
  });

  test("acting promotes a good release, and takes back a bad one, proved fixed", async () => {
    world.edit("loans.yaml", (text) => text.replace("authority: observe", "authority: act"));
    await until(
      async () => (await statusOf()).authority === "act",
      () => "the edit was not taken",
    );
    const good = await world.rollbook("release", "model=credit 12", "--watch", "--system", "loans");
    assert.equal(good.exit, 0, good.out + good.err);
    assert.equal(await served(), "credit 12");
    const bad = await world.rollbook("release", "model=credit 13", "--watch", "--system", "loans");
    assert.equal(bad.exit, 12, bad.out + bad.err);
    assert.equal(await served(), "credit 12");
    const again = await world.rollbook("release", "model=credit 13", "--system", "loans");
    assert.equal(again.exit, 10);
    assert.match(again.err, /credit 13 is in quarantine/);
  });

  test("a promoted release is taken back by hand, although its predecessor's place was used since", async () => {
    assert.equal(
      (await world.rollbook("rollback", "--reason", "complaints from the branches", "--system", "loans")).exit,
      0,
    );
    const back = await world.rollbook("watch", "--system", "loans");
    assert.equal(back.exit, 12, back.out + back.err);
    assert.equal(await served(), "credit 11");
  });

  test("a server killed in the middle goes on where it was, and promotes", async () => {
    await support.catch(() => undefined);
    const watched = world.rollbook("release", "model=credit 14", "--watch", "--system", "loans");
    await until(
      async () => (await statusOf()).route.candidatePpm >= 200_000,
      () => "nothing was exposed",
    );
    server.kill("SIGKILL");
    await once(server, "close");
    await sleep(1000);
    server = await world.serve(/going on with rollout \S+, which was cut off/);
    const { exit, out, err } = await watched;
    assert.equal(exit, 0, out + err);
    assert.match(out, /found a rollout that was cut off; going on with its evidence/);
    assert.equal(await served(), "credit 14");
  });

  test("a file replaced by hand is noticed, judged and put back", async () => {
    await sleep(8000); // a window of what serves now, to judge against
    const at = await place();
    world.copy("models/13.json", `${at}/model.json`);
    await world.reload(at);
    const newest = async () => (await statusOf()).rollouts[0];
    await until(
      async () => (await newest()).unannounced === true && (await newest()).endedAt !== undefined,
      () => "it was not noticed, or not judged",
    );
    assert.equal((await newest()).rollback.outcome, "verified");
    assert.equal(await served(), "credit 14");
  });

  test("a prompt behind a release flag went the same ways meanwhile, beside the other system", async () => {
    const [good, bad] = await support;
    assert.equal(good!.exit, 0, good!.out + good!.err);
    assert.equal(bad!.exit, 12, bad!.out + bad!.err);
    assert.equal((await statusOf("support-bot")).lastKnownGood.label, "prompt 2");
    assert.equal((await world.rollbook("ledger", "verify")).exit, 0);
  });

  /** The second part: a good prompt and a bad one. */
  async function supportReleases(): Promise<readonly Ended[]> {
    for (const at of ["a", "b"]) world.copy("support/prompts/1.json", `prompts/${at}.json`);
    for (const v of [1, 2, 3]) await world.rollbook("vault", "put", `prompt ${v}`, `support/prompts/${v}.json`);
    world.copy("support/support.yaml", "support.yaml");
    const good = async () => (await statusOf("support-bot").catch(() => undefined))?.lastKnownGood?.label;
    await until(
      async () => (await good()) === "prompt 1",
      () => "the second playbook was not taken",
    );
    world.python("support/app.py", await world.reporter("support-app"));
    const release = (prompt: string) =>
      world.rollbook("release", `prompt=${prompt}`, "--system", "support-bot", "--watch");
    return [await release("prompt 2"), await release("prompt 3")];
  }
});

async function answering({ ports }: TutorialWorld, ...places: readonly ("blue" | "green")[]): Promise<void> {
  for (const place of places)
    await until(
      () =>
        fetch(`http://127.0.0.1:${ports[place]}/health`).then(
          ({ ok }) => ok,
          () => false,
        ),
      () => `the model in ${place} does not answer`,
    );
}
