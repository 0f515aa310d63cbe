import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { describePlaybook } from "./describe-playbook.ts";
import { parsePlaybook } from "./parse-playbook.ts";
import { physicsOf } from "./physics/physics.ts";
import { readStated } from "./physics/stated.ts";

const example = (name: string) => readFileSync(`docs/examples/${name}.yaml`, "utf8");

function read(text: string, ...changes: readonly (readonly [from: string, to: string])[]) {
  const changed = changes.reduce((current, [from, to]) => {
    assert.ok(current.includes(from), from);
    return current.replace(from, to);
  }, text);
  const parsed = parsePlaybook(changed, "a.yaml");
  assert.ok(parsed.kind === "parsed", JSON.stringify(parsed));
  return parsed;
}

const sentencesOf = (text: string) => describePlaybook(read(text).playbook).sections.flatMap((one) => one.sentences);

test("a claim about a mean without ends is named approximate, with its own part of the false alarms", () => {
  const { findings } = read(example("shop-assistant"));
  const note = findings.find(({ name }) => name === "approximate");
  assert.deepEqual([note?.level, note?.about, note?.line], ["note", "when.earning-less", 19]);
  assert.match(note!.message, /approximately \(asymptotic\), from 5,000 answers of each side on.*1 in 2,000 releases/);
  const said = sentencesOf(example("shop-assistant")).find((one) => one.startsWith("earning-less"));
  assert.match(
    said!,
    /falls by more than 10 %, compared with stable.*approximately \(asymptotic\).*from 5,000 answers/,
  );
});

test("a window of stable that is too small to know the spread is an error, with the span that would do", () => {
  const { findings } = read(example("shop-assistant"), ["traffic: 2000", "traffic: 2"]);
  const thin = findings.find(({ name }) => name === "thin-window");
  assert.deepEqual([thin?.level, thin?.about], ["error", "signals.revenue"]);
  assert.match(thin!.message, /needs 5,000 answers of stable.*there are 3,840/);
  assert.match(thin!.hint, /for: 1563s/);
});

test("check reckons a mean without ends in deviations: the mean's size, or what was stated", () => {
  const { playbook } = read(example("shop-assistant"));
  const reckoned = (stated: object, change = playbook) =>
    physicsOf(change, 2000, readStated(change, stated)).triggers.find(({ name }) => name === "earning-less")!;
  const silent = reckoned({});
  assert.equal(silent.harm, "revenue 20 % lower");
  assert.deepEqual([silent.baseline, silent.falseAlarms.approximate, silent.canary], ["not known", true, undefined]);
  assert.equal(silent.detection.answers.median, 5000);
  const known = reckoned({ baseline: "revenue=40", harm: "revenue=30" });
  assert.deepEqual([known.harm, known.baseline], ["revenue is 30", "40"]);
  assert.throws(() => reckoned({ baseline: "revenue=much" }), /write a number in its unit/);
  const { playbook: inUnits } = read(example("shop-assistant"), ["falls, by: 10%", "falls, by: 0.5"]);
  const margin = reckoned({}, inUnits);
  assert.equal(margin.harm, "revenue 1 lower");
  assert.match(margin.assumes, /10 times as far as the margin/);
  assert.equal(margin.detection.answers.median, 5000);
  const alone = read(example("shop-assistant"), ["canary: [5, 25, 50, 95]", "canary: [100]"], ["5% for 7d", "0%"]);
  assert.equal(reckoned({}, alone.playbook).falseAlarms.approximate, true);
  const thin = physicsOf(inUnits, 0.02).triggers.find(({ name }) => name === "earning-less")!;
  assert.ok((thin.wouldDecide?.perSecond ?? 0) > 1);
});

test("a calibrated threshold prints its assumption, and is refused for a comparison in several steps", () => {
  const text = example("blue-green");
  const notes = read(text).findings.filter(({ name }) => name === "approximate");
  assert.deepEqual(
    notes.map(({ about }) => about),
    ["when.found-less.threshold", "when.failing.threshold"],
  );
  assert.match(
    notes[0]!.message,
    /1 in 2,000 releases, assumes independent outcomes, judged at each; .* bursts break it/,
  );
  assert.match(notes[1]!.message, /50 % of them the candidate's at any time.*While more than 3 %/);
  const ramp = read(text, ["canary: [50]", "canary: [5, 50]"]).findings.filter(({ name }) => name === "not-calibrated");
  assert.deepEqual(
    ramp.map(({ level, about, line, column }) => [level, about, line, column]),
    [["error", "when.failing.threshold", 18, 38]],
  );
  const said = sentencesOf(text);
  assert.ok(said.some((one) => /found-less.*calibrated, which assumes independent outcomes\.$/.test(one)));
  assert.ok(said.some((one) => /failing.*independent outcomes, the candidate's share of them constant\.$/.test(one)));
});

test("check walks a calibrated claim at its own threshold, where it can", () => {
  const { playbook } = read(example("blue-green"));
  const usual = read(example("blue-green"), [", threshold: calibrated }\n  failing", " }\n  failing"]).playbook;
  const of = (name: string, book = playbook, stated = {}) =>
    physicsOf(book, 400, readStated(book, stated)).triggers.find((one) => one.name === name)!;
  assert.match(of("found-less").assumes, /calibrated, which assumes independent outcomes, judged at each/);
  assert.ok(of("found-less").detection.bad!.median! < of("found-less", usual).detection.bad!.median!);
  assert.doesNotMatch(of("failing").assumes, /calibrated/);
  const rare = of("failing", playbook, { baseline: "errors=0.5%" });
  assert.match(rare.assumes, /50 % of them the candidate's at any time/);
  // Walked exactly, the first start spends what it may: 0.69 of 1 in 2,000.
  const { atMargin } = rare.falseAlarms.firstStart!;
  assert.ok(atMargin <= 0.69 / 2000 && atMargin > 0.6 / 2000, `${atMargin}`);
});
