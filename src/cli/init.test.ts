import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import fc from "fast-check";
import { createConnections } from "../app/connections/connections.ts";
import { readConnections } from "../app/connections/connections-file.ts";
import { lintText } from "../operations/lint.ts";
import { runLine, scripted } from "./run-line.fixture.ts";
import { fit } from "./starter/fit.ts";
import {
  CANARY,
  isName,
  readTrigger,
  type StarterKind,
  sayTrigger,
  slug,
  starterKinds,
  usualTriggers,
} from "./starter/starter.ts";

const root = mkdtempSync(join(tmpdir(), "rollbook-init-"));
after(() => rmSync(root, { recursive: true, force: true }));
const kinds = Object.keys(starterKinds) as StarterKind[];

const clean = (text: string) => {
  const { findings, ok } = lintText(text, "x.yaml", false);
  return ok && findings.every(({ level }) => level === "note");
};

describe("init", () => {
  for (const kind of kinds)
    test(`writes a playbook and connections for ${kind} that nothing is wrong with`, async () => {
      const folder = join(root, kind);
      const { exit, out } = await runLine([
        "init",
        "--kind",
        kind,
        "--system",
        "support-bot",
        "--folder",
        folder,
        "--traffic",
        "40/min",
      ]);
      assert.equal(exit, 0);
      const [playbook = "", connections = ""] = out.split("\n");
      const text = readFileSync(playbook, "utf8");
      assert.ok(clean(text), lintText(text, playbook, false).text);
      const read = readConnections(connections, () => "secret");
      const made = createConnections(read.connections);
      for (const [, at = ""] of text.matchAll(/\b(vault:\/\/[\w-]+)/g)) assert.ok(made.adapterFor(at).serves(at));
      for (const [, key = ""] of text.matchAll(/prompt: flags:\/\/([\w-]+)/g)) assert.ok(read.flags[key]);
      assert.ok(read.systems["support-bot"]);
      await made.close();
      assert.ok(clean(text.replace("authority: observe", "authority: act")), "it may act as it is");
    });

  test("never writes over what is there, unless it is told to", async () => {
    const folder = join(root, "taken");
    const args = ["init", "--kind", "prompt", "--system", "a", "--folder", folder];
    assert.equal((await runLine(args)).exit, 0);
    writeFileSync(join(folder, "a.yaml"), "mine");
    const { exit, say } = await runLine(args);
    assert.equal(exit, 2);
    assert.match(say, /a\.yaml and .*connections\.yaml are there already; --force replaces/);
    assert.equal(readFileSync(join(folder, "a.yaml"), "utf8"), "mine");
    assert.equal((await runLine([...args, "--force", "--json"])).exit, 0);
    assert.notEqual(readFileSync(join(folder, "a.yaml"), "utf8"), "mine");
  });

  test("asks for what no option answers, again where an answer is none, and writes nothing when the person leaves", async () => {
    const folder = join(root, "asked");
    const all = scripted(["prompt", "Chat Bot", "chat-bot", "", "", "40", "2/s", "", folder]);
    const { exit, say } = await runLine(["init"], { person: all.person });
    assert.equal(exit, 0);
    assert.match(say, /Please write lower-case letters, digits and dashes, such as chat-bot/);
    assert.match(say, /Please write a rate such as 50\/min/);
    assert.equal(all.asked.filter((question) => /answer \[/.test(question)).length, 0, "a prompt has no addresses");
    assert.ok(existsSync(join(folder, "chat-bot.yaml")));
    const gone = join(root, "gone");
    const left = scripted(["agent"]);
    assert.equal((await runLine(["init", "--folder", gone], { person: left.person })).exit, 130);
    assert.equal(existsSync(gone), false);
  });

  test("says which option is wrong, and that nobody can be asked", async () => {
    for (const [args, sentence] of [
      [["--kind", "robot"], /--kind must be one of http-model, prompt, agent, not "robot"/],
      [["--kind", "prompt", "--traffic", "fast"], /--traffic must be a rate/],
      [["--kind", "prompt", "--outcome", "complaints"], /--outcome must be two names/],
      [["--kind", "agent", "--stable", "here"], /--stable must be an address/],
      [["--system", "x"], /needs --kind/],
    ] as const) {
      const { exit, say } = await runLine(["init", "--folder", join(root, "none"), ...args]);
      assert.equal(exit, 2, args.join(" "));
      assert.match(say, sentence);
    }
    assert.equal(existsSync(join(root, "none")), false);
  });
});

describe("a first playbook", () => {
  const starter = {
    system: "a",
    owner: "b",
    risk: "low",
    steps: CANARY,
    within: 50,
    stable: "",
    candidate: "",
    told: ["page://x"],
  } as const;

  test("is fitted to any traffic until nothing is wrong with it, and says what was widened", () => {
    for (const [traffic, most] of [
      ["5000/s", 0],
      ["60/min", 0],
      ["30/h", 3],
    ] as const)
      for (const kind of kinds) {
        const triggers = usualTriggers[kind].map((text) => readTrigger(text)!);
        const { text, widened, left } = fit({ ...starter, kind, traffic, triggers });
        assert.deepEqual(left, [], `${kind} at ${traffic}`);
        assert.ok(clean(text), text);
        assert.ok(widened.length <= most, `${kind} at ${traffic}: ${widened.length}`);
      }
  });

  test("says what is left where nothing can be decided", () => {
    const triggers = [readTrigger("approved/decisions falls 1%")!];
    assert.notDeepEqual(fit({ ...starter, kind: "http-model", traffic: "1/h", triggers }).left, []);
  });
});

test("a trigger is read back as it is said, and a name is made of anything that has letters", () => {
  for (const text of ["a/b rises 5%", "a/b falls 2.5pp", "missed/frauds above 1.5%", "a-b/c below 90%"]) {
    const read = readTrigger(text);
    assert.ok(read);
    assert.deepEqual(readTrigger(sayTrigger(read)), read);
  }
  for (const text of ["a/a rises 5%", "a/b falls 100%", "a/b above 1pp", "a/b rises", "a rises 5%", "a/b rises 0%"])
    assert.equal(readTrigger(text), undefined, text);
  fc.assert(fc.property(fc.string(), (text) => slug(text) === "" || isName(slug(text))));
  assert.deepEqual(readdirSync(root).includes("none"), false);
});
