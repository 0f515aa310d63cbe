import type { Playbook } from "../../core/playbook.ts";
import { pairsOf } from "../recording/model-pair.ts";
import { readRows } from "../recording/recording-rows.ts";
import { strictJudge } from "../recording/strict-judge.ts";
import { DataFlaw } from "./data-flaw.ts";
import { type FileRead, type Sink, wantedBy } from "./form.ts";

/** What a recording counts: an answer, and whether it is right. */
const OUTCOMES = { whole: "answers", part: "right" } as const;

/**
 * Recorded answers of models to the same questions (docs/recordings.md). They have no times: all models are asked one
 * question a second, in the order of the file. @throws DataFlaw, RECORDING_INVALID
 */
export function readRecording(file: string, content: string, playbook: Playbook, sink: Sink): FileRead {
  const rows = readRows(file, content);
  const judge = strictJudge(rows);
  const signals = playbook.signals.filter(({ part, of }) => of === OUTCOMES.whole && part === OUTCOMES.part);
  if (signals.length === 0)
    throw new DataFlaw(`a recording counts right of answers, and the playbook ${wantedBy(playbook)}`, 1);
  sink.open({ name: file, grain: 1000 });
  const questions = new Map<string, number>();
  for (const row of rows) {
    const second = questions.get(row.question) ?? questions.size;
    questions.set(row.question, second);
    const right = row.right ?? judge(row.reference, row.answer);
    for (const { name } of signals)
      sink.add({ at: second * 1000, release: row.model, signal: name, n: 1, k: right ? 1 : 0, line: row.line });
  }
  const note = `${file} has no times: all models are asked one question a second, in the order of the file`;
  const models = [...new Set(rows.map(({ model }) => model))];
  return { file, form: "recorded answers", rows: rows.length, ignored: [], notes: [note], pairs: pairsOf(models) };
}
