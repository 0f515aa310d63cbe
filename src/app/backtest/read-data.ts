import { createReadStream, existsSync } from "node:fs";
import { RollbookError } from "../../core/errors.ts";
import type { Playbook } from "../../core/playbook.ts";
import { type CounterForm, createCounterForm } from "./counter-form.ts";
import { csvForm } from "./csv-form.ts";
import { type CsvRecord, createCsvReader } from "./csv-reader.ts";
import { DataFlaw } from "./data-flaw.ts";
import type { FileRead, FormReader, Sink } from "./form.ts";
import { type JsonLine, outcomeLines, sampleLines } from "./json-form.ts";
import { readRecording } from "./recorded-answers.ts";

/** Files that are read whole, recordings and answers of Prometheus, may have so many characters. */
const LARGEST_WHOLE = 1 << 28;

/**
 * Reads every file into the sink, row by row; what form a file has is told by its end or its first characters. The first
 * flaw ends it, so nothing is half read. @throws DATA_INVALID with file, line and column; FILE_UNREADABLE
 */
export async function readData(given: readonly string[], playbook: Playbook, sink: Sink): Promise<readonly FileRead[]> {
  const counters = createCounterForm(playbook, sink);
  const read: FileRead[] = [];
  for (const one of given) {
    const { file, name } = fileIn(one);
    try {
      read.push(await readFile(file, name, { playbook, sink, counters }));
    } catch (error) {
      throw error instanceof DataFlaw ? error.in(file) : error;
    }
  }
  counters.end();
  return read;
}

/** `NAME=FILE` says which outcome a file of counters counts. */
function fileIn(given: string): { readonly file: string; readonly name: string | undefined } {
  const at = given.indexOf("=");
  if (at <= 0 || existsSync(given)) return { file: given, name: undefined };
  return { file: given.slice(at + 1), name: given.slice(0, at) };
}

interface Reading {
  readonly playbook: Playbook;
  readonly sink: Sink;
  readonly counters: CounterForm;
}

async function readFile(file: string, name: string | undefined, reading: Reading): Promise<FileRead> {
  const texts = textsOf(file);
  const first = await texts.next();
  const start = first.done ? "" : first.value;
  if (start.trim() === "") throw new DataFlaw("the file is empty", 1);
  const all = (async function* () {
    yield start;
    yield* texts;
  })();
  const isJson = /\.(json|jsonl|ndjson)$/i.test(file) || /^\uFEFF?\s*[{[]/.test(start);
  return isJson ? readJson(file, name, all, reading) : readCsv(file, all, reading);
}

type Texts = AsyncIterable<string>;

async function readCsv(file: string, texts: Texts, { playbook, sink }: Reading): Promise<FileRead> {
  const reader = createCsvReader();
  let form: FormReader<CsvRecord> | undefined;
  let recording: string | undefined;
  const take = (record: CsvRecord): void => {
    if (form) form.take(record);
    else if (recording !== undefined || isRecording(record.cells)) recording = "";
    else form = csvForm(record, file, playbook, sink);
  };
  for await (const text of texts) {
    // The header came with the first text, so nothing was read before this one.
    if (recording === undefined) for (const record of reader.push(text)) take(record);
    if (recording !== undefined) recording = grown(recording, text);
  }
  if (recording !== undefined) return readRecording(file, recording, playbook, sink);
  for (const record of reader.end()) take(record);
  if (!form) throw new DataFlaw("the file has no header", 1);
  return { file, ...ended(form) };
}

function isRecording(cells: readonly string[]): boolean {
  const names = cells.map((cell) => cell.trim());
  return names.includes("model") && names.includes("answer");
}

function ended<Part>(form: FormReader<Part>): Omit<FileRead, "file"> {
  const read = form.end();
  if (read.rows === 0) throw new DataFlaw("there is a header and no row", 1);
  return read;
}

/** Lines of samples or outcomes one by one; anything else is read whole. */
async function readJson(file: string, name: string | undefined, texts: Texts, reading: Reading): Promise<FileRead> {
  let form: FormReader<JsonLine> | undefined;
  let whole: string | undefined;
  for await (const { line, text } of linesOf(texts)) {
    if (whole !== undefined) whole = grown(whole, `\n${text}`);
    else if (text.trim() !== "") {
      const parsed = parseJson(text, line);
      form ??= "value" in parsed ? formOf(parsed.value, file, reading) : undefined;
      if (!form) whole = text;
      else if ("value" in parsed) form.take({ line, value: parsed.value });
      else throw parsed.flaw;
    }
  }
  return form ? { file, ...ended(form) } : readWhole(file, name, whole ?? "", reading);
}

function formOf(value: unknown, file: string, { playbook, sink }: Reading): FormReader<JsonLine> | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  if ("signal" in value) return sampleLines(file, playbook, sink);
  return "counts" in value || "request" in value ? outcomeLines(file, playbook, sink) : undefined;
}

/** An answer of Prometheus, the body or the answer of a call, or a recording. */
function readWhole(file: string, name: string | undefined, text: string, reading: Reading): FileRead {
  const { playbook, sink, counters } = reading;
  const parsed = parseJson(text, 1);
  if ("flaw" in parsed) {
    const first = parseJson(text.slice(0, text.indexOf("\n")), 1);
    const isRecording =
      "value" in first && typeof first.value === "object" && first.value !== null && "model" in first.value;
    if (isRecording) return readRecording(file, text, playbook, sink);
    throw parsed.flaw;
  }
  const { value } = parsed;
  if (typeof value === "object" && value !== null && "status" in value && "data" in value)
    return counters.take(file, value, name);
  const items = itemsIn(value);
  const form = formOf(items?.[0], file, reading);
  if (!items || !form)
    throw new DataFlaw(
      "it holds neither samples, nor outcomes, nor an answer to a range query, nor recorded answers",
      1,
    );
  // One text without lines of its own: an item is named by its number.
  for (const [index, item] of items.entries()) form.take({ line: index + 1, value: item });
  return { file, ...ended(form) };
}

function itemsIn(value: unknown): readonly unknown[] | undefined {
  if (Array.isArray(value)) return value;
  const { samples, outcomes } = (value ?? {}) as { samples?: unknown; outcomes?: unknown };
  return [samples, outcomes].find((items): items is readonly unknown[] => Array.isArray(items));
}

function parseJson(text: string, line: number): { readonly value: unknown } | { readonly flaw: DataFlaw } {
  try {
    return { value: JSON.parse(text) };
  } catch (error) {
    const { message } = error as Error;
    const why = message.replace(/ in JSON at position.*$/s, "").replace(/, "?[.{[].*$/s, "");
    const at = Number(/position (\d+)/.exec(message)?.[1]);
    // Not every error tells its place, and of a text of many lines it is not known then.
    if (Number.isNaN(at)) return { flaw: new DataFlaw(`it is not JSON: ${why}`, text.includes("\n") ? 0 : line) };
    const before = text.slice(0, at).split("\n");
    return { flaw: new DataFlaw(`it is not JSON: ${why}`, line + before.length - 1, before.at(-1)!.length + 1) };
  }
}

function grown(whole: string, more: string): string {
  if (whole.length + more.length > LARGEST_WHOLE)
    throw new DataFlaw("it is too large to be read whole: cut it into several files", 1);
  return whole + more;
}

async function* linesOf(texts: Texts): AsyncIterable<{ readonly line: number; readonly text: string }> {
  let rest = "";
  let line = 0;
  for await (const text of texts) {
    if (!text.includes("\n")) {
      rest = grown(rest, text);
      continue;
    }
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    for (const one of lines) yield { line: ++line, text: one };
  }
  if (rest !== "") yield { line: line + 1, text: rest };
}

/** A file as text, in pieces. @throws FILE_UNREADABLE, DataFlaw for what is no UTF-8 */
async function* textsOf(file: string): AsyncGenerator<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let line = 1;
  const decode = (bytes?: Buffer): string => {
    try {
      return bytes ? decoder.decode(bytes, { stream: true }) : decoder.decode();
    } catch {
      throw new DataFlaw("it is no UTF-8 text: save it as UTF-8", line);
    }
  };
  try {
    for await (const bytes of createReadStream(file, { highWaterMark: 1 << 18 }) as AsyncIterable<Buffer>) {
      yield decode(bytes);
      for (const byte of bytes) if (byte === NEWLINE) line++;
    }
  } catch (error) {
    if (error instanceof DataFlaw) throw error;
    throw new RollbookError("FILE_UNREADABLE", { file, reason: (error as Error).message });
  }
  yield decode();
}

const NEWLINE = 10;
