import { readFileSync } from "node:fs";
import { choosePair, type PairChoice } from "../../src/app/recording/model-pair.ts";
import { type RecordedRow, readRows } from "../../src/app/recording/recording-rows.ts";
import { strictJudge } from "../../src/app/recording/strict-judge.ts";
import { type Digest, digestOf } from "../../src/core/digest.ts";
import { RollbookError } from "../../src/core/errors.ts";

export interface RecordedQuestion {
  readonly text: string;
  readonly reference: string;
}

/** One of the two models that play, with its answers in the order of the recording's questions. */
export interface RecordedModel {
  readonly name: string;
  readonly answers: readonly string[];
  /** How many of the answers are right. */
  readonly right: number;
}

/** One model of the file, whether it plays or not. */
export interface ModelTally {
  readonly name: string;
  readonly answers: number;
  readonly right: number;
}

/** Recorded answers of two versions of a model to the same questions. */
export interface Recording {
  readonly file: string;
  /** Digest of the file's bytes. */
  readonly digest: Digest;
  readonly questions: readonly RecordedQuestion[];
  readonly stable: RecordedModel;
  readonly candidate: RecordedModel;
  /** All models of the file, in order of appearance. */
  readonly models: readonly ModelTally[];
  /** Is this answer of a model to the question (by index) right? Unknown questions are never answered right. */
  judge(model: string, question: number, answer: string): boolean;
}

/**
 * Reads a recording (CSV or JSON lines, see docs/recordings.md), judges every answer and chooses the two models.
 * Throws `FILE_UNREADABLE` or `RECORDING_INVALID`, which says what is wrong, why, and which models there are.
 */
export function loadRecording(file: string, choice: PairChoice = {}): Recording {
  const bytes = readBytes(file);
  const rows = readRows(file, bytes.toString("utf8"));
  try {
    return build(file, digestOf(bytes), rows, choice);
  } catch (error) {
    if (error instanceof SyntaxError) throw new RollbookError("RECORDING_INVALID", { file, reason: error.message });
    throw error;
  }
}

function readBytes(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new RollbookError("FILE_UNREADABLE", {
      file,
      reason: error instanceof Error ? error.message : String(error),
    });
  }
}

function build(file: string, digest: Digest, rows: readonly RecordedRow[], choice: PairChoice): Recording {
  const judge = strictJudge(rows);
  const isRight = (row: RecordedRow): boolean => row.right ?? judge(row.reference, row.answer);
  const byModel = Map.groupBy(rows, (row) => row.model);
  const models = [...byModel].map(([name, own]) => ({ name, answers: own.length, right: own.filter(isRight).length }));
  const pair = choosePair([...byModel.keys()], choice);
  const stable = byQuestion(byModel.get(pair.stable)!);
  const candidate = byQuestion(byModel.get(pair.candidate)!);
  const keys = [...stable.keys()].filter((question) => candidate.has(question));
  if (keys.length === 0) throw new SyntaxError(`${pair.stable} and ${pair.candidate} answered no question in common`);
  for (const key of keys) sameReference(stable.get(key)!, candidate.get(key)!);

  const modelOf = (name: string, answered: ReadonlyMap<string, RecordedRow>): RecordedModel => {
    const own = keys.map((key) => answered.get(key)!);
    return { name, answers: own.map(({ answer }) => answer), right: own.filter(isRight).length };
  };
  const questions = keys.map((key) => stable.get(key)!).map(({ text, reference }) => ({ text, reference }));
  const players = new Map([
    [pair.stable, stable],
    [pair.candidate, candidate],
  ]);
  return {
    file,
    digest,
    questions,
    models,
    stable: modelOf(pair.stable, stable),
    candidate: modelOf(pair.candidate, candidate),
    judge(model, question, answer) {
      const row = players.get(model)?.get(keys[question] ?? "");
      if (row?.answer === answer) return isRight(row);
      const known = questions[question];
      return known !== undefined && judge(known.reference, answer);
    },
  };
}

function byQuestion(rows: readonly RecordedRow[]): ReadonlyMap<string, RecordedRow> {
  const answers = new Map<string, RecordedRow>();
  for (const row of rows) {
    const first = answers.get(row.question);
    if (first)
      throw new SyntaxError(
        `${row.model} answers question "${brief(row.question)}" twice, in lines ${first.line} and ${row.line}`,
      );
    answers.set(row.question, row);
  }
  return answers;
}

function sameReference(stable: RecordedRow, candidate: RecordedRow): void {
  if (stable.reference.trim().toLowerCase() === candidate.reference.trim().toLowerCase()) return;
  throw new SyntaxError(
    `question "${brief(stable.question)}" has the reference "${brief(stable.reference)}" in line ${stable.line} ` +
      `and "${brief(candidate.reference)}" in line ${candidate.line}`,
  );
}

function brief(text: string): string {
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
