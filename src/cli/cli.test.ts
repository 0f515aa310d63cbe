import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { startRollbook } from "../app/rollbook.ts";
import { digestOfJson } from "../core/digest.ts";
import { errorCatalogue } from "../core/errors.ts";
import type { Playbook } from "../core/playbook.ts";
import type { FlagState } from "../core/ports.ts";
import { defineRelease } from "../core/release.ts";
import { commands } from "./commands.ts";
import { exitCodes } from "./exit-codes.ts";
import { exitsOf } from "./help-text.ts";
import { type OptionName, optionTable } from "./options.ts";
import { checkOptions, optionsOf, parseLine } from "./parse-line.ts";
import { runLine } from "./run-line.fixture.ts";

const folder = mkdtempSync(join(tmpdir(), "rollbook-cli-"));
after(() => rmSync(folder, { recursive: true, force: true }));

const variants = { off: false, on: true };
const flag = (variant: "on" | "off"): FlagState => ({
  key: "polite",
  variant,
  variants,
  digest: digestOfJson({ key: "polite", variant, variants }),
});
const revisions = (variant: "on" | "off") => ({ flag: { digest: flag(variant).digest, label: `polite ${variant}` } });
const good = defineRelease("chat", "polite off", revisions("off"));
const bad = defineRelease("chat", "polite on", revisions("on"));

/** A playbook whose one component is a flag of Rollbook's own, so that no other program has to run. */
const playbook: Playbook = {
  digest: digestOfJson("chat"),
  system: "chat",
  owner: "support",
  risk: "low",
  authority: "act",
  components: [{ name: "flag", at: "flags://polite", undo: "compensatable" }],
  signals: [{ name: "errors", kind: "share", part: "failed", of: "requests", from: "gateway", better: "down" }],
  triggers: [{ kind: "limit", name: "failing", signal: "errors", side: "above", limit: 0.2 }],
  hardLimits: [],
  falseAlarms: 0.001,
  how: { steps: [50], each: 3_600_000, holdback: 5, contain: "stable", within: 60_000 },
  fixed: { criteria: [{ kind: "below", signal: "errors", limit: 0.1 }], for: 1000 },
  who: { now: [] },
};

const rollbook = (args: readonly string[], server?: string, token?: string) =>
  runLine(args, { ...(server ? { server } : {}), ...(token === undefined ? {} : { token }) });

function file(name: string, content: string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

const EXAMPLE = fileURLToPath(new URL("../../test/playbooks/good/smallest.yaml", import.meta.url));

describe("the table of commands", () => {
  test("gives every command an example that it would take, and exit codes of the one table", async () => {
    for (const [name, command] of Object.entries(commands)) {
      assert.ok(command.examples.length > 0, name);
      const { exit, out } = await rollbook([name, "--help"]);
      assert.equal(exit, 0);
      for (const [line] of command.examples) {
        assert.ok(line.includes(`rollbook ${name}`), line);
        assert.ok(out.includes(line), line);
        const words = line.slice(line.indexOf("rollbook")).replace(/[>|)].*/, "");
        const { options } = parseLine(
          words
            .split(" ")
            .slice(1)
            .map((word) => word.replaceAll("'", "")),
        );
        checkOptions(name, command, options);
      }
      for (const code of exitsOf(command)) assert.ok(code in exitCodes);
      assert.equal(new Set(optionsOf(command)).size, optionsOf(command).length, name);
      assert.equal(typeof (await command.load()), "function");
    }
  });

  test("has an exit code for every error of the catalogue, and a use for every option", () => {
    for (const { exit } of Object.values(errorCatalogue)) assert.ok(exit in exitCodes, String(exit));
    const used = new Set(Object.values(commands).flatMap((command) => optionsOf(command)));
    assert.deepEqual(
      Object.keys(optionTable).filter((name) => !used.has(name as OptionName)),
      [],
    );
  });
});

describe("the command line without a server", () => {
  test("says what it can do, on stdout when asked and on stderr when not", async () => {
    const asked = await rollbook(["--help"]);
    assert.deepEqual([asked.exit, asked.say], [0, ""]);
    for (const name of Object.keys(commands)) assert.match(asked.out, new RegExp(`^  ${name} +[A-Z]`, "m"));
    const bare = await rollbook([]);
    assert.deepEqual([bare.exit, bare.out], [2, ""]);
    const one = await rollbook(["lift", "-h"]);
    assert.match(one.out, /^rollbook lift RELEASE/);
    assert.equal(one.exit, 0);
    assert.equal((await rollbook(["help", "lift"])).out, one.out);
  });

  test("answers wrong words with 2 and a sentence", async () => {
    const cases: readonly (readonly [readonly string[], RegExp])[] = [
      [["stauts"], /no command "stauts"; is it "status"\?/],
      [["frobnicate"], /no command "frobnicate"/],
      [["constructor"], /no command "constructor"/],
      [["--nonsense"], /--nonsense/],
      [["status", "--jsn"], /no option --jsn; is it --json\?/],
      [["status", "--json=yes"], /--json is a switch/],
      [["status", "--reason", "x"], /status takes no --reason; it takes --system/],
      [["rollback", "--reason"], /--reason needs a value: --reason TEXT/],
      [["rollback", "--reason", "--json"], /--reason needs a value/],
      [["status", "now"], /Usage: rollbook status/],
      [["lint"], /Usage: rollbook lint FILE/],
      [["release"], /Usage: rollbook release FILE/],
      [["release", "model=1", "x.json"], /one FILE.json, or only COMPONENT=REVISION/],
      [["release", "model="], /is not COMPONENT=REVISION/],
      [["release", "Model=1"], /is not COMPONENT=REVISION/],
      [["release", "model=1", "model=2"], /named twice/],
      [["ledger", "burn"], /ledger has no "burn"/],
      [["ledger", "verfy"], /is it "verify"\?/],
      [["ledger", "receipt"], /Usage: rollbook ledger receipt INDEX/],
      [["ledger", "receipt", "x"], /must be a whole number/],
      [["ledger", "verify", "x"], /Usage: rollbook ledger verify/],
      [["ledger", "check", "x"], /needs --key FILE/],
      [["quarantine", "xyz", "--reason", "x"], /no digest of a release/],
      [["weight", "120"], /no percentage/],
      [["completion", "tcsh"], /completion has no "tcsh"/],
      [["observe", "report", "--since", "yesterday"], /span such as 30d, or a date/],
      [["rollback", "x"], /needs --reason/],
      [["status", "--server", "localhost"], /--server must be an address/],
      [["status", "--server", "ftp://x"], /--server must be an address/],
      [["release", join(folder, "missing.json")], /cannot be read/],
      [["release", file("broken.json", "{")], /is not JSON/],
      [["release", file("list.json", "[]")], /must hold a JSON object/],
      [["lint", folder], /cannot be read/],
    ];
    for (const [args, sentence] of cases) {
      const { exit, out, say } = await rollbook(args);
      assert.equal(exit, 2, args.join(" "));
      assert.equal(out, "");
      assert.match(say, sentence);
    }
  });

  test("says with 4 that nobody answers, for every command that asks a server", async () => {
    const manifest = file("release.json", JSON.stringify({ label: bad.label, revisions: bad.revisions }));
    const asking = [["status"], ["report"], ["report", "x"], ["release", manifest], ["ledger", "verify"]];
    const more = [
      ["watch"],
      ["watch", "x"],
      ["explain"],
      ["live"],
      ["doctor"],
      ["adopt"],
      ["weight", "5"],
      ["contain", "safe", "--reason", "x"],
      ["resume"],
    ];
    const outcome = file("one.jsonl", '{"request":"x","counts":{}}\n');
    const others = [
      ["observe", "report"],
      ["ledger", "entries"],
      ["ledger", "receipt", "0"],
      ["outcomes", outcome],
    ];
    for (const order of ["promote", "pause", "abort", "rollback"]) more.push([order, "--reason", "x"]);
    for (const args of [...asking, ...more, ...others, ["plan", "model=1"], ["lift", bad.id]]) {
      const { exit, out, say } = await rollbook(args);
      assert.deepEqual([exit, out], [4, ""], args.join(" "));
      assert.match(say, /No Rollbook answers at http:\/\/127\.0\.0\.1:9: .+\n {2}state: .+\n {2}to do: /);
    }
  });

  test("does not take another server's answer for Rollbook's", async (t) => {
    const foreign = async (listener: RequestListener) => {
      const server = createServer(listener).listen(0, "127.0.0.1");
      await new Promise((resolve) => server.once("listening", resolve));
      t.after(() => server.close());
      return rollbook(["status"], `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    };
    for (const listener of [
      (_: unknown, response: { end(text: string): unknown }) => void response.end("<html>hello</html>"),
      (_: unknown, response: { writeHead(status: number): { end(text: string): unknown } }) =>
        void response.writeHead(502).end("bad gateway"),
    ]) {
      const { exit, out, say } = await foreign(listener as RequestListener);
      assert.deepEqual([exit, out], [4, ""]);
      assert.match(say, /not as Rollbook does/);
    }
  });

  test("lints: 0 for good playbooks, 3 for any bad one; with --json only data on stdout", async () => {
    const fine = await rollbook(["lint", EXAMPLE]);
    assert.equal(fine.exit, 0);
    assert.match(fine.say, /fine; 1 triggers/);
    const broken = file("broken.yaml", "rollbook: v1\nsystm: x\n");
    const words = await rollbook(["lint", EXAMPLE, broken]);
    assert.equal(words.exit, 3);
    assert.match(words.say, /broken\.yaml:2:1/);
    const data = await rollbook(["lint", EXAMPLE, broken, "--json"]);
    assert.deepEqual([data.exit, data.say], [3, ""]);
    const answers = JSON.parse(data.out) as readonly { ok: boolean }[];
    assert.deepEqual(
      answers.map(({ ok }) => ok),
      [true, false],
    );
  });
});

test("check reckons: 0 when all triggers decide, 3 when one never can, 2 without traffic or with nonsense", async () => {
  assert.match((await rollbook(["check", EXAMPLE])).say, /states no traffic: add for example --traffic 1000\/s/);
  const fine = await rollbook(["check", EXAMPLE, "--traffic", "100/s"]);
  assert.deepEqual([fine.exit, fine.say], [0, ""]);
  assert.match(fine.out, /\n {2}detection +half of such releases within .* bad answers/);
  assert.match(fine.out, /\n {2}instead +a plain threshold over 30 s/);
  const data = await rollbook(["check", EXAMPLE, "--traffic", "1000/s", "--json"]);
  const physics = JSON.parse(data.out) as { perSecond: number; triggers: readonly { kind: string }[] };
  assert.deepEqual([data.exit, physics.perSecond, physics.triggers[0]?.kind], [0, 1000, "decides"]);
  const never = await rollbook(["check", EXAMPLE, "--traffic", "1/h"]);
  assert.equal(never.exit, 3);
  assert.match(never.out, /: UNDECIDABLE\n[\s\S]*Any of these would do: `traffic: \d+ requests/);
  const broken = await rollbook(["check", file("broken-too.yaml", "rollbook: v1\nsystm: x\n")]);
  assert.deepEqual([broken.exit, broken.out], [3, ""]);
  for (const [args, message] of [
    [["--traffic", "lots"], /"lots" is no traffic/],
    [["--traffic", "1/s", "--baseline", "nothing=1%"], /no signal "nothing"/],
    [["--traffic", "1/s", "--harm", "losses"], /says no level/],
  ] as const) {
    const { exit, say } = await rollbook(["check", EXAMPLE, ...args]);
    assert.equal(exit, 2);
    assert.match(say, message);
  }
});

test("check shows the rule that a playbook was imported from, and where its config is wrong", async () => {
  const metric = [
    "apiVersion: argoproj.io/v1alpha1",
    "kind: AnalysisTemplate",
    "metadata: { name: errors }",
    "spec:",
    "  metrics:",
    "    - name: errors",
    "      interval: 2m",
    "      failureLimit: 2",
    "      successCondition: result[0] <= 0.02",
    "      provider:",
    "        prometheus:",
    '          query: sum(rate(failed_total{app="x"}[2m])) / sum(rate(requests_total{app="x"}[2m]))',
  ];
  const was = file("argo.yaml", metric.join("\n"));
  const imported = await rollbook(["import", was, "--traffic", "100/s"]);
  const playbook = file("imported.yaml", imported.out);
  const { say, out } = await rollbook(["check", playbook, "--was", was]);
  assert.match(out, /as imported: Argo Rollouts, measured every 2 min, failureLimit 2: rolls back 1 in/, say);
  const wrong = await rollbook(["check", playbook, "--was", file("wrong.yaml", "kind: Pod\n")]);
  assert.equal(wrong.exit, 3);
  assert.match(wrong.say, /wrong\.yaml:1:1/);
});

test("lint prints for each trigger what check does, in short, and the same data", async () => {
  const stated = join(import.meta.dirname, "../../docs/examples/prompt-chain.yaml");
  const words = await rollbook(["lint", stated]);
  const page = (await rollbook(["check", stated])).out;
  const checked = JSON.parse((await rollbook(["check", stated, "--json"])).out);
  const [{ physics }] = JSON.parse((await rollbook(["lint", stated, "--json"])).out);
  assert.deepEqual(physics, checked);
  assert.ok(checked.triggers.length > 0);
  for (const { name, canary } of checked.triggers) {
    const block = words.say.split(`\nwhen.${name}: `)[1]?.split("\nwhen.")[0] ?? assert.fail(name);
    const times = page.split(`\n${name}: `)[1]!.match(/half of such releases (.*?) \(upper bounds/)![1]!;
    assert.ok(block.includes(times), `${times} in ${block}`);
    assert.match(
      block,
      /false alarms: at most 1 in [\d,]+ releases at the margin, at most 1 in [\d,]+ as good as stable/,
    );
    assert.match(block, /proved safe: half within .+, nine of ten within/);
    assert.ok(block.includes(`canary: up to ${canary.most} %`));
  }
  const silent = await rollbook(["lint", EXAMPLE]);
  assert.doesNotMatch(silent.say, /reckoned with/);
});

test("lint takes a folder's connections file for what it is", async () => {
  const fine = file("connections.yaml", "rollbook: connections/v1\nconnections: { http: { hosts: {} } }\n");
  const words = await rollbook(["lint", EXAMPLE, fine]);
  assert.equal(words.exit, 0);
  assert.match(words.say, /connections\.yaml: fine; connections: http/);
  const broken = await rollbook(["lint", file("connections.yaml", "rollbook: connections/v1\nports: 1\n")]);
  assert.equal(broken.exit, 3);
  assert.match(broken.say, /Unrecognized key: "ports"/);
});

describe("the command line with a running Rollbook", () => {
  let server = "";
  let admin = "";
  let reporter = "";
  let stop = async () => {};
  const manifest = () => file("bad.json", JSON.stringify({ label: bad.label, revisions: bad.revisions }));
  const ask = (args: readonly string[], token = admin) => rollbook(args, server, token);

  before(async () => {
    const running = await startRollbook({
      folder: join(folder, "data"),
      ledgerName: "chat",
      apiPort: 0,
      flags: [flag("off")],
      settings: { tickMs: 5, baselineMs: 10, proofMs: 50 },
    });
    stop = () => running.stop();
    const upstreams = { stable: "http://127.0.0.1:9", candidate: "http://127.0.0.1:9" };
    const { control } = await running.protect(playbook, { upstreams });
    await control().adopt(good);
    server = running.url;
    admin = await running.issueToken("admin", "a");
    reporter = await running.issueToken("reporter", "r");
  });
  after(() => stop());

  test("shows the status, for people and as data", async () => {
    const words = await ask(["status"], "");
    assert.match(
      words.out,
      /^chat {2}\(authority: act, owner: support, risk: low\)\n {2}playbook {9}sha256:[0-9a-f]{64}\n {2}last known good {2}polite off \(/,
    );
    assert.match(words.out, /flag: polite off/);
    assert.match((await ask(["status", "--system", "chat"])).out, /^chat /);
    const unknown = await ask(["status", "--system", "chatt"]);
    assert.equal(unknown.exit, 2);
    assert.match(unknown.say, /no system chatt; there is chat/);
    const data = await ask(["status", "--json"]);
    assert.deepEqual([data.exit, data.say], [0, ""]);
    assert.equal((JSON.parse(data.out) as { system: string }).system, "chat");
    const none = await ask(["report"]);
    assert.equal(none.exit, 2);
    assert.match(none.say, /no rollout yet/);
  });

  test("refuses changes with 5 for nobody and for a reporter", async () => {
    for (const token of ["", "rbk_wrong", reporter]) {
      for (const args of [
        ["release", manifest()],
        ["lift", bad.id],
        ["release", manifest(), "--dry-run"],
      ]) {
        const { exit, out, say } = await ask(args, token);
        assert.deepEqual([exit, out], [5, ""]);
        assert.match(say, /needs a token/);
      }
    }
  });

  test("says what a release would do, and does nothing", async () => {
    const before = await ask(["status", "--json"]);
    const words = await ask(["release", manifest(), "--dry-run"]);
    assert.equal(words.exit, 0);
    assert.match(
      words.out,
      /^release of chat: plan sha256:[0-9a-f]{64}\n {2}flag -> polite on .*\nrollback of chat: plan /,
    );
    assert.match(words.say, /nothing was changed/);
    const data = JSON.parse((await ask(["release", manifest(), "--dry-run", "--json"])).out) as {
      back: { digest: string };
    };
    assert.match(words.out, new RegExp(data.back.digest));
    assert.equal((await ask(["status", "--json"])).out, before.out);
  });

  test("refuses a release of nothing that it knows with 10, and one that is malformed with 2", async () => {
    const unknown = { flag: { digest: digestOfJson("other"), label: "other" } };
    const refused = await ask(["release", file("unknown.json", JSON.stringify({ label: "x", revisions: unknown }))]);
    assert.equal(refused.exit, 10);
    assert.match(refused.say, /not held intact/);
    const malformed = await ask(["release", file("malformed.json", '{"label":"x"}')]);
    assert.equal(malformed.exit, 2);
    assert.match(malformed.say, /name at least one revision/);
  });

  test("sends a release out, calls it back, reports, verifies and lifts", async () => {
    const opened = JSON.parse((await ask(["release", manifest(), "--json"])).out) as { id: string; phase: string };
    assert.equal(opened.phase, "pending");
    const until = async (wanted: RegExp) => {
      for (let tries = 0; tries < 400; tries++) {
        const { out } = await ask(["status"]);
        if (wanted.test(out)) return;
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      assert.fail(`never ${wanted}`);
    };
    await until(/progressing/);
    const dry = await ask(["rollback", "--dry-run"]);
    assert.equal(dry.exit, 0);
    assert.match(dry.out, /^rollback of chat: plan sha256:/);
    await until(/progressing/);
    const pulled = await ask(["rollback", opened.id, "--reason", "a test"]);
    assert.equal(pulled.exit, 0);
    assert.match(pulled.say, /Containment follows/);
    await until(/rolled back by token:a/);
    const again = await ask(["rollback", "--dry-run"]);
    assert.equal(again.exit, 2);
    assert.match(again.say, /no running rollout/);

    const words = await ask(["report"]);
    assert.match(words.out, /^chat: ROLLED BACK, not proved fixed/);
    const data = JSON.parse((await ask(["report", opened.id, "--json"])).out) as { because: readonly string[] };
    assert.deepEqual(data.because, ["token:a: a test"]);
    assert.equal((await ask(["report", "rollout-none"])).exit, 2);
    assert.equal((await ask(["ledger", "verify"])).exit, 0);

    const refused = await ask(["release", manifest()]);
    assert.equal(refused.exit, 10);
    assert.match(
      refused.say,
      /to do: Release another revision; or, once the reason is gone, `rollbook lift [0-9a-f]{12}`/,
    );
    const wouldLift = await ask(["lift", bad.id, "--dry-run"]);
    assert.match(wouldLift.out, /plan sha256:[0-9a-f]{64}\n {2}it is in quarantine because: /);
    assert.equal((await ask(["release", manifest(), "--dry-run"])).exit, 10, "a dry run lifts nothing");
    assert.equal((await ask(["lift", bad.id])).exit, 0);
    assert.equal((await ask(["release", manifest(), "--dry-run"])).exit, 0);
    for (const args of [
      ["lift", bad.id],
      ["lift", good.id, "--dry-run"],
      ["lift", "release-2"],
    ]) {
      assert.equal((await ask(args)).exit, 2, args.join(" "));
    }
  });
});
