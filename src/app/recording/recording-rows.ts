import { RollbookError } from "../../core/errors.ts";
import { parseCsv } from "../backtest/csv-reader.ts";
import { DataFlaw } from "../backtest/data-flaw.ts";

/** One recorded answer as the file has it. */
export interface RecordedRow {
  readonly line: number;
  readonly model: string;
  /** What identifies the question: its id where there is one, else its text. */
  readonly question: string;
  readonly text: string;
  readonly reference: string;
  readonly answer: string;
  /** Set when the file itself says whether the answer is right. */
  readonly right?: boolean;
}

type Fields = Readonly<Record<string, unknown>>;

/** Reads a recording's rows, from CSV or JSON lines. Throws `RECORDING_INVALID` with the line and the reason. */
export function readRows(file: string, content: string): readonly RecordedRow[] {
  const wrong = (reason: string): RollbookError => new RollbookError("RECORDING_INVALID", { file, reason });
  try {
    const lines = /^\s*[{[]/.test(content) ? jsonLines(content) : csvLines(content);
    const rows = lines.map(({ line, fields }) => rowOf(line, fields));
    if (rows.length === 0) throw new SyntaxError("it holds no answers");
    return rows;
  } catch (error) {
    if (error instanceof DataFlaw) throw wrong(`line ${error.line}: ${error.message}`);
    throw error instanceof SyntaxError ? wrong(error.message) : error;
  }
}

interface Line {
  readonly line: number;
  readonly fields: Fields;
}

function jsonLines(content: string): readonly Line[] {
  return content.split(/\r?\n/).flatMap((text, index): readonly Line[] => {
    if (text.trim() === "") return [];
    const line = index + 1;
    let fields: unknown;
    try {
      fields = JSON.parse(text);
    } catch {
      throw new SyntaxError(`line ${line} is not JSON; each line must be one object`);
    }
    if (typeof fields !== "object" || fields === null || Array.isArray(fields))
      throw new SyntaxError(`line ${line} is not an object`);
    return [{ line, fields: fields as Fields }];
  });
}

function csvLines(content: string): readonly Line[] {
  const [head, ...records] = parseCsv(content);
  const names = head?.cells ?? [];
  return records.map(({ line, cells }) => {
    if (cells.length !== names.length)
      throw new SyntaxError(`line ${line} has ${cells.length} cells, the first line has ${names.length}`);
    return { line, fields: Object.fromEntries(names.map((name, place) => [name.trim(), cells[place]])) };
  });
}

function rowOf(line: number, fields: Fields): RecordedRow {
  const text = (...names: readonly string[]): string | undefined => {
    const value = names
      .map((name) => fields[name])
      .find((field) => field !== undefined && field !== null && field !== "");
    return value === undefined ? undefined : String(value);
  };
  const need = (what: string, value: string | undefined): string => {
    if (value !== undefined) return value;
    throw new SyntaxError(`line ${line} has no ${what}; its columns are ${Object.keys(fields).join(", ")}`);
  };
  const right = rightOf(line, fields["right"]);
  const question = need("question (id, question or query)", text("id", "question", "query"));
  const reference = text("reference", "ref_answer");
  const row = {
    line,
    model: need("model", text("model")),
    question,
    text: text("question", "query") ?? question,
    reference: right === undefined ? need("reference (or ref_answer, or right)", reference) : (reference ?? ""),
    // A model may well have answered nothing; only a file without the column is wrong.
    answer: need("answer", fields["answer"] === "" ? "" : text("answer")),
  };
  return right === undefined ? row : { ...row, right };
}

function rightOf(line: number, value: unknown): boolean | undefined {
  if (value === undefined || value === null || value === "") return undefined;
  const word = String(value).toLowerCase();
  if (word === "true" || word === "1") return true;
  if (word === "false" || word === "0") return false;
  throw new SyntaxError(`line ${line}: right must be true or false (or 1 or 0), not "${word}"`);
}
