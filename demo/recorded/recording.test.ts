import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { choosePair, familyOf, pairsOf } from "../../src/app/recording/model-pair.ts";
import { strictJudge } from "../../src/app/recording/strict-judge.ts";
import { RollbookError } from "../../src/core/errors.ts";
import { loadRecording } from "./recording.ts";

const tiny = (kind: string): string => fileURLToPath(new URL(`../../test/recordings/tiny.${kind}`, import.meta.url));

describe("the strict judge", () => {
  it("wants exactly the reference in brackets where references are bracketed", () => {
    const judge = strictJudge([
      { reference: "yes", answer: "[Yes]" },
      { reference: "No", answer: "" },
    ]);
    assert.ok(judge("yes", "It is [YES], and [yes] again [sic]"));
    assert.ok(judge("[No]", "[no]"));
    for (const wrong of ["[No]", "yes", "[Yes] or [No]", ""]) assert.equal(judge("yes", wrong), false);
  });

  it("wants the reference itself where brackets are not used", () => {
    const judge = strictJudge([{ reference: "Paris", answer: "Paris" }]);
    assert.ok(judge("Paris", "  paris\n"));
    assert.equal(judge("Paris", "It is Paris"), false);
  });
});

describe("the pair", () => {
  const drift = ["x/gpt-3.5-turbo-0301", "x/gpt-3.5-turbo-0613", "x/gpt-4-0613", "x/gpt-4-0314"];

  it("is the two versions of one family, older first", () => {
    assert.deepEqual(choosePair(drift), { stable: drift[3], candidate: drift[2] }, "the last family by name");
    assert.deepEqual(pairsOf(drift)[0], { stable: drift[0], candidate: drift[1] });
    assert.deepEqual(choosePair(drift, { candidate: "gpt-4-0613" }), { stable: drift[3], candidate: drift[2] });
    assert.deepEqual(choosePair(drift, { stable: "4-0613", candidate: "4-0314" }), {
      stable: drift[2],
      candidate: drift[3],
    });
    assert.deepEqual(choosePair(["new", "old"]), { stable: "new", candidate: "old" });
    assert.equal(familyOf("model-2024-08-06"), "model");
    assert.equal(familyOf("gpt-4"), "gpt-4");
  });

  it("is refused with the models that there are", () => {
    assert.throws(() => choosePair(drift, { stable: "gpt" }), /"gpt" names 4 models: it has x\/gpt-3.5-turbo-0301/);
    assert.throws(() => choosePair(drift, { stable: "llama" }), /"llama" names no model/);
    assert.throws(() => choosePair(["a", "b", "c"]), /name stable and candidate: it has a, b, c/);
  });
});

describe("a recording", () => {
  const folder = mkdtempSync(join(tmpdir(), "rollbook-recording-"));
  after(() => rmSync(folder, { recursive: true, force: true }));

  const refused = (name: string, content: string, reason: RegExp): void => {
    const file = join(folder, name);
    writeFileSync(file, content);
    assert.throws(
      () => loadRecording(file),
      (error) => error instanceof RollbookError && error.code === "RECORDING_INVALID" && reason.test(error.message),
    );
  };

  for (const kind of ["csv", "jsonl"])
    it(`is read from ${kind}`, () => {
      const recording = loadRecording(tiny(kind));
      assert.deepEqual(recording.models, [
        { name: "tiny-model-0301", answers: 60, right: 51 },
        { name: "tiny-model-0601", answers: 60, right: 30 },
      ]);
      assert.equal(recording.questions.length, 60);
      const again = recording.candidate.answers.filter((text, index) =>
        recording.judge("tiny-model-0601", index, text),
      );
      assert.equal(again.length, recording.candidate.right);
      assert.equal(recording.judge("tiny-model-0601", 60, "[Yes]"), false);
    });

  it("believes its own word on what is right", () => {
    const file = join(folder, "judged.csv");
    writeFileSync(file, "model,question,answer,right\nm-v1,q,long answer,true\nm-v2,q,long answer,0\n");
    const recording = loadRecording(file);
    assert.deepEqual([recording.stable.right, recording.candidate.right], [1, 0]);
    assert.ok(recording.judge("m-v1", 0, "long answer"));
    assert.equal(recording.judge("m-v2", 0, "long answer"), false);
  });

  it("is refused with what is wrong and where", () => {
    refused("empty.csv", "model,question,answer,reference\n", /it holds no answers/);
    refused(
      "columns.csv",
      "model,question,reply,reference\nm,q,a,r\n",
      /line 2 has no answer; its columns are model, question, reply/,
    );
    refused("cells.csv", "model,question,answer,reference\nm,q\n", /line 2 has 2 cells, the first line has 4/);
    refused("text.jsonl", '{"model":"m"\n', /line 1 is not JSON/);
    refused(
      "right.jsonl",
      '{"model":"m","question":"q","answer":"a","right":"maybe"}',
      /line 1: right must be true or false/,
    );
    const head = "model,question,answer,reference\n";
    refused("twice.csv", `${head}a,q,x,x\na,q,y,x\nb,q,x,x\n`, /a answers question "q" twice, in lines 2 and 3/);
    refused("apart.csv", `${head}a,q,x,x\nb,p,x,x\n`, /a and b answered no question in common/);
    refused("reference.csv", `${head}a,q,x,x\nb,q,x,y\n`, /has the reference "x" in line 2 and "y" in line 3/);
    refused("one.csv", `${head}a,q,x,x\n`, /it has a/);
    assert.throws(() => loadRecording(join(folder, "none.csv")), { code: "FILE_UNREADABLE" });
  });
});
