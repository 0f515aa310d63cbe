import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, describe, test } from "node:test";
import fc from "fast-check";
import { parse } from "yaml";
import { runLine, scripted } from "../run-line.fixture.ts";
import { type Answers, noAnswers, readAnswers, writeAnswers } from "./answers.ts";
import { factsIn, portIn, repositoryName } from "./facts.ts";
import { checkedAnswers, nextQuestion } from "./interview.ts";
import { rank } from "./ranking.ts";
import { type Tree, treeOf } from "./tree.ts";

const root = mkdtempSync(join(tmpdir(), "rollbook-assess-"));
after(() => rmSync(root, { recursive: true, force: true }));

const treeWith = (files: Readonly<Record<string, string>>): Tree => ({
  name: "folder",
  files: Object.keys(files).sort(),
  read: (file) => files[file],
});
const findings = { repository: "loan-approval", facts: [] };

/** Takes every proposal, but for the answers that are given by key. */
function answered(given: Readonly<Record<string, string>> = {}, from: Answers = noAnswers): Answers {
  let answers = from;
  for (let next = nextQuestion(answers, findings); next; next = nextQuestion(answers, findings)) {
    const answer = next.answer(given[next.key] ?? "");
    assert.ok("answers" in answer, `${next.key}: ${"flaw" in answer ? answer.flaw : ""}`);
    answers = answer.answers;
  }
  return answers;
}

describe("what a folder tells", () => {
  test("is found with its place: repository, owner, deployment, models, prompts, flags, schema, API", () => {
    const facts = factsIn(
      treeWith({
        ".git/config": '[core]\n[remote "origin"]\n\turl = https://bob:secret@github.com/acme/loan-approval.git\n',
        ".github/CODEOWNERS": "* @acme/credit-risk # all\n/web @acme/web\n/api @acme/credit-risk\n",
        ".github/workflows/deploy.yml": "on: push",
        Dockerfile: "FROM x\nEXPOSE 9000\n",
        "k8s/app.yaml": "apiVersion: argoproj.io/v1alpha1\nkind: Rollout\n",
        "pyproject.toml": 'dependencies = ["fastapi>=0.1", "mlflow==3.2", "scikit-learn", "anthropic"]',
        "web/package.json": '{ "dependencies": { "@openfeature/server-sdk": "1" } }',
        "db/V1__init.sql": "create table x()",
        "prompts/system.txt": "You are",
        "openapi.yaml": "openapi: 3.1.0",
      }),
    );
    const found = (about: string) => facts.filter((fact) => fact.about === about).map(({ what }) => what);
    assert.deepEqual(found("repository"), ["github.com/acme/loan-approval.git"]);
    assert.deepEqual(found("owner"), ["@acme/credit-risk"]);
    assert.deepEqual(found("runs"), ["a container image, port 9000"]);
    assert.deepEqual(found("deploys"), ["an Argo Rollout", "the GitHub workflow .github/workflows/deploy.yml"]);
    assert.deepEqual(found("model"), ["MLflow", "a model library (scikit-learn)"]);
    assert.deepEqual(found("prompt"), ["a folder of prompts", "a hosted model (anthropic)"]);
    assert.deepEqual(found("flags"), ["feature flags (@openfeature/server-sdk)"]);
    assert.deepEqual(found("schema"), ["Flyway migrations"]);
    assert.deepEqual(found("api"), ["an OpenAPI description", "an HTTP service (fastapi)"]);
    assert.ok(!JSON.stringify(facts).includes("secret"));
    assert.equal(portIn(facts), 9000);
    assert.equal(repositoryName(treeWith({}), facts), "loan-approval");
    assert.equal(repositoryName(treeWith({}), []), "folder");
    assert.deepEqual(factsIn(treeWith({ "notes.txt": "mlflow torch EXPOSE 80" })), []);
  });

  test("is read without links, installed packages and binaries", () => {
    const folder = join(root, "tree");
    const put = (file: string, text: string) => {
      mkdirSync(dirname(join(folder, file)), { recursive: true });
      writeFileSync(join(folder, file), text);
    };
    put("a/b.txt", "text");
    put("node_modules/x/package.json", "{}");
    put(".git/objects/ab", "");
    put(".git/config", "[core]");
    put("binary", "a\0b");
    symlinkSync("/etc/passwd", join(folder, "link"));
    const tree = treeOf(folder);
    assert.deepEqual(tree.files, [".git/config", "a/b.txt", "binary"]);
    assert.deepEqual([tree.read("a/b.txt"), tree.read("binary"), tree.read("none")], ["text", undefined, undefined]);
  });
});

describe("the ranking", () => {
  test("grows with each of its three, and never depends on the order of the list", () => {
    const level = fc.integer({ min: 1, max: 4 });
    const system = fc.record({ name: fc.string(), impact: level, likelihood: level, reach: level });
    fc.assert(
      fc.property(fc.array(system), (systems) => {
        const scores = rank(systems).map(({ score }) => score);
        assert.deepEqual(
          scores,
          [...scores].sort((a, b) => b - a),
        );
        assert.deepEqual(
          rank([...systems].reverse()).map(({ score }) => score),
          scores,
        );
      }),
    );
    assert.equal(rank([{ name: "a", impact: 4, likelihood: 1, reach: 1 }])[0]?.risk, "high");
    assert.equal(rank([{ name: "a", impact: 1, likelihood: 2, reach: 2 }])[0]?.risk, "low");
  });
});

describe("the interview", () => {
  test("goes on after every single answer as if it had never been broken off", () => {
    const whole = answered();
    let answers: Answers = noAnswers;
    for (let next = nextQuestion(answers, findings); next; next = nextQuestion(answers, findings)) {
      const answer = next.answer("");
      assert.ok("answers" in answer);
      answers = readAnswers(writeAnswers(answer.answers), "answers.yaml");
    }
    assert.deepEqual(answers, whole);
    assert.deepEqual(checkedAnswers(whole), { answers: whole });
  });

  test("asks for addresses only where traffic goes through the gateway", () => {
    assert.equal(answered({ "loan-approval.kind": "prompt" }).stable, undefined);
    assert.equal(answered({ "loan-approval.kind": "prompt" }).strategy, "feature-flag");
    assert.equal(answered().stable, "http://127.0.0.1:8001");
  });

  test("takes no answer that is none", () => {
    const wrong: Readonly<Record<string, string>> = {
      "loan-approval.kind": "robot",
      "loan-approval.impact": "5",
      first: "other",
      traffic: "much",
      strategy: "hope",
      stable: "here",
      triggers: "complaints",
      within: "-1%",
      told: "bob",
    };
    let answers: Answers = noAnswers;
    for (let next = nextQuestion(answers, findings); next; next = nextQuestion(answers, findings)) {
      const said = wrong[next.key];
      if (said !== undefined) assert.ok("flaw" in next.answer(said), next.key);
      const answer = next.answer("");
      assert.ok("answers" in answer);
      answers = answer.answers;
    }
  });
});

describe("rollbook assess", () => {
  test("writes inventory, plan and a playbook that lints clean, from a file of answers", async () => {
    const out = join(root, "out");
    const file = join(root, "answers.yaml");
    writeFileSync(
      file,
      `systems:
  - { name: chat, kind: prompt, impact: 1, likelihood: 2, reach: 2, does: answers, owner: support }
  - { name: Loan approval, kind: http-model, impact: 3, likelihood: 3, reach: 4, does: decides, owner: credit-risk }
listed: true
traffic: 5/min
triggers: [ approved/decisions falls 5%, appealed/decisions rises 50%, missed/frauds above 1.5% ]
`,
    );
    const { exit, out: written, say } = await runLine(["assess", root, "--out", out, "--answers", file, "--yes"]);
    assert.equal(exit, 0, say);
    const inventory = parse(readFileSync(join(out, "assessment/inventory.yaml"), "utf8"));
    assert.deepEqual(
      inventory.systems.map(({ name, score, risk }: { name: string; score: number; risk: string }) => [
        name,
        score,
        risk,
      ]),
      [
        ["loan-approval", 36, "high"],
        ["chat", 4, "low"],
      ],
    );
    const plan = readFileSync(join(out, "assessment/plan.md"), "utf8");
    assert.equal([...plan.matchAll(/^## Phase \d: .* \(\d weeks\)$/gm)].length, 4);
    assert.equal([...plan.matchAll(/^Over when:$/gm)].length, 4);
    const playbook = join(out, "rollbook/loan-approval.yaml");
    assert.ok(written.split("\n").includes(playbook));
    const lint = JSON.parse((await runLine(["lint", playbook, "--json"])).out)[0];
    assert.deepEqual([lint.ok, lint.findings.filter(({ level }: { level: string }) => level !== "note")], [true, []]);
    assert.match(say, /With 5\/min "approved\/decisions falls 5%" cannot be decided; the playbook says/);
    const again = await runLine(["assess", root, "--out", out, "--yes", "--json"]);
    assert.deepEqual([again.exit, JSON.parse(again.out).first], [0, "loan-approval"]);
    writeFileSync(playbook, "mine");
    const refused = await runLine(["assess", root, "--out", out, "--yes"]);
    assert.deepEqual([refused.exit, readFileSync(playbook, "utf8")], [2, "mine"]);
  });

  test("loses nothing when the person leaves, and goes on there", async () => {
    const out = join(root, "later");
    const first = scripted(["chat", "answers customers", "robot", "prompt"]);
    const left = await runLine(["assess", root, "--out", out], { person: first.person });
    assert.equal(left.exit, 130);
    assert.match(left.say, /Please write one of http-model, prompt, agent/);
    assert.match(left.say, /Nothing is lost/);
    assert.equal(existsSync(join(out, "rollbook")), false);
    const second = scripted(["3", "2", "1", "support", "-", "", "", "2/s", "", "", "20%", ""]);
    const done = await runLine(["assess", root, "--out", out], { person: second.person });
    assert.equal(done.exit, 0, done.say);
    assert.match(second.asked[0] ?? "", /^When chat is wrong/);
    assert.match(readFileSync(join(out, "rollbook/chat.yaml"), "utf8"), /complaints: \{ within: 20% \}/);
  });

  test("says what is wrong with answers, and that nobody can be asked", async () => {
    const file = join(root, "wrong.yaml");
    for (const [text, sentence] of [
      ["systems: x", /`systems` must be a list/],
      ["sytems: []", /there is no answer `sytems`/],
      ["systems: [ { name: a, impact: high } ]", /`systems\[0\]\.impact` must be a number/],
      ["systems: [ { name: a, impact: 7 } ]", /a\.impact must be a number from 1 to 4/],
      ["systems: [ { name: a } ]\ntraffic: much", /traffic must be a rate/],
      ["a: [", /wrong\.yaml: /],
      ["systems: [ { impact: 1 } ]", /has no name/],
      ["- a", /block of/],
    ] as const) {
      writeFileSync(file, text);
      const { exit, say } = await runLine(["assess", root, "--out", join(root, "nowhere"), "--answers", file, "--yes"]);
      assert.equal(exit, 2, text);
      assert.match(say, sentence);
    }
    const nobody = await runLine(["assess", root, "--out", join(root, "nowhere")]);
    assert.deepEqual([nobody.exit, /a person at a terminal/.test(nobody.say)], [2, true]);
    assert.equal(existsSync(join(root, "nowhere")), false);
    assert.equal((await runLine(["assess", join(root, "missing"), "--yes"])).exit, 2);
  });
});
