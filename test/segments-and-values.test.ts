import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { maturedWindows } from "../src/control/frozen-windows.ts";
import { judgeAgain } from "../src/control/recompute.ts";
import { triggerRules } from "../src/control/rules.ts";
import { digestOf } from "../src/core/digest.ts";
import { parsePlaybook } from "../src/playbook/parse-playbook.ts";
import { evidenceOf } from "../src/record/evidence.ts";
import { createSimulatedClock } from "../src/simulation/clock.ts";
import { createSeededRandom } from "../src/simulation/random.ts";
import { createCounter } from "../src/traffic/attribution/counter.ts";
import { createEvaluator, type EvaluatorSetup } from "../src/watch/evaluator.ts";

const file = "docs/examples/shop-assistant.yaml";
const parsed = parsePlaybook(readFileSync(file, "utf8"), file);
assert.ok(parsed.kind === "parsed");
const { playbook } = parsed;
const [CANDIDATE, STABLE] = [digestOf("candidate"), digestOf("stable")];
const LANGUAGES = ["de", "en", "fr", "it"];

/** Answers of both arms as applications report them, second by second; before the first one stable is alone. */
async function played(harm: { readonly unhelpful?: number; readonly spends?: number }) {
  const random = createSeededRandom("shop");
  const start = 1_700_000_000_000;
  const counter = createCounter({
    signals: playbook.signals,
    triggers: playbook.triggers,
    node: "edge",
    // All of it is reported at its end.
    clock: createSimulatedClock(start + 120_000),
    requestKey: new Uint8Array(32),
  });
  for (const release of [CANDIDATE, STABLE]) counter.know(release);
  const from = start + 60_000;
  for (let second = 0; second < 120; second++) {
    const now = start + 1000 * second;
    for (const release of now < from ? [STABLE] : [CANDIDATE, STABLE]) {
      for (const language of LANGUAGES) {
        const own = release === CANDIDATE && language === "fr";
        const values = Array.from({ length: 30 }, () => {
          return (release === CANDIDATE ? (harm.spends ?? 40) : 40) * -Math.log(1 - random.next());
        });
        const bad = own ? (harm.unhelpful ?? 0.05) : 0.05;
        const down = values.filter(() => random.next() < bad).length;
        const answer = counter.reportArm({
          release,
          second: now / 1000,
          key: `worker:${language}`,
          counts: { answers: values.length, "thumbs-down": down },
          values: { "order-value": values },
          groups: { language },
        });
        assert.equal(answer.kind, "counted");
      }
    }
  }
  const samples = counter.drain().map((sample) => ({ ...sample, known: sample.bucket + 1000 }));
  const least = playbook.signals.map((one) => (one.min === undefined ? one : { ...one, min: 1000 }));
  const setup: EvaluatorSetup = {
    rules: triggerRules({ ...playbook, signals: least }),
    hardLimits: [],
    alpha: playbook.falseAlarms,
    beta: 0.05,
    candidate: CANDIDATE,
    reference: STABLE,
    from,
    horizon: 3_600_000,
    frozen: maturedWindows(playbook, samples, STABLE, from),
    blindMs: 60_000,
  };
  const evaluator = createEvaluator(setup);
  evaluator.observe(samples);
  const verdict = evaluator.judge(from + 60_000);
  const again = await judgeAgain(JSON.parse(JSON.stringify(setup)), [samples], verdict.at);
  assert.deepEqual(again, verdict);
  return { verdict, words: verdict.findings.map((finding) => evidenceOf(finding).words) };
}

test("from the playbook to the decision: one language that got worse is named, and the rest is as reported", async () => {
  const { verdict, words } = await played({ unhelpful: 0.2 });
  assert.deepEqual(verdict.because, ["less-helpful"]);
  assert.match(words[0]!, /; language=fr: [\d.]+ in 100 \(\d+ of 1800\), against language=fr: [\d.]+ in 100/);
  assert.match(words[0]!, /in the whole or in any language/);
});

test("from the playbook to the decision: people who spend less send the release back, and it says that it is approximate", async () => {
  const { verdict, words } = await played({ spends: 28 });
  assert.deepEqual(verdict.because, ["earning-less"]);
  assert.match(words[1]!, /^a mean of 2\d\.\d+ \(7200\), against a mean of (39|4\d)\.\d+ \(7200\)/);
  assert.match(words[1]!, /approximate \(asymptotic\): .*decides from 1,000 of each side on$/);
});

test("from the playbook to the decision: a sound release stays", async () => {
  assert.notEqual((await played({})).verdict.kind, "harmful");
});
