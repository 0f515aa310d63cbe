import { DataFlaw } from "./data-flaw.ts";

/** One record of a CSV file and the line that it starts on. */
export interface CsvRecord {
  readonly line: number;
  readonly cells: readonly string[];
}

/** Takes a text in pieces and answers the records that each completes. */
export interface CsvReader {
  push(text: string): readonly CsvRecord[];
  end(): readonly CsvRecord[];
}

const DELIMITERS = [",", ";", "\t"] as const;
/** A quoted cell is longer only where its quote was never closed. */
const LONGEST_RECORD = 1 << 20;

/**
 * Reads CSV as RFC 4180 defines it: quoted cells may hold commas, doubled quotes and line breaks; lines end with LF or
 * CRLF; a byte order mark and empty lines are skipped. Where the first line has no comma, semicolons or tabs separate.
 * Only the record that is not complete yet is kept. @throws DataFlaw with the line and the cell
 */
export function createCsvReader(): CsvReader {
  let rest = "";
  let line = 0;
  /** Lines of a record that a quoted cell goes on in, and whether a quote is open. */
  let pending: string[] = [];
  let pendingLength = 0;
  let open = false;
  let delimiter: string | undefined;

  /** Takes one line without its LF; a CR before it may belong to a quoted cell. */
  function take(text: string): CsvRecord | undefined {
    line++;
    const quotes = quotesOf(text);
    if (pending.length === 0 && quotes === 0) return recordOf(withoutCr(text).split(separatorOf(text)), line);
    pending.push(text);
    pendingLength += text.length;
    if (quotes % 2 === 1) open = !open;
    return open && pendingLength <= LONGEST_RECORD ? undefined : complete();
  }

  function complete(): CsvRecord | undefined {
    const whole = withoutCr(pending.join("\n"));
    const since = line - pending.length + 1;
    pending = [];
    pendingLength = 0;
    return recordOf(quotedCells(whole, since, separatorOf(whole)), since);
  }

  /** The first line of the file decides. */
  function separatorOf(text: string): string {
    delimiter ??= DELIMITERS.find((one) => text.includes(one)) ?? ",";
    return delimiter;
  }

  return {
    push(text) {
      const lines = (rest + (line === 0 && rest === "" ? text.replace(/^\uFEFF/, "") : text)).split("\n");
      rest = lines.pop()!;
      if (rest.length > LONGEST_RECORD)
        throw new DataFlaw("a line of more than a million characters: is this CSV?", line + 1);
      return lines.flatMap((one) => take(one) ?? []);
    },
    end() {
      const last = (rest === "" ? undefined : take(rest)) ?? (pending.length > 0 ? complete() : undefined);
      rest = "";
      return last ? [last] : [];
    },
  };
}

/** A whole text at once. @throws DataFlaw */
export function parseCsv(text: string): readonly CsvRecord[] {
  const reader = createCsvReader();
  return [...reader.push(text), ...reader.end()];
}

function recordOf(cells: readonly string[], line: number): CsvRecord | undefined {
  return cells.length > 1 || cells[0]!.trim() !== "" ? { line, cells } : undefined;
}

function withoutCr(text: string): string {
  return text.endsWith("\r") ? text.slice(0, -1) : text;
}

function quotesOf(text: string): number {
  let count = 0;
  for (let at = text.indexOf('"'); at !== -1; at = text.indexOf('"', at + 1)) count++;
  return count;
}

/** The cells of a record with quotes in it. @throws DataFlaw, always so for an odd number of quotes */
function quotedCells(text: string, line: number, delimiter: string): readonly string[] {
  const cells: string[] = [];
  for (let at = 0; at <= text.length; at++) {
    if (text[at] !== '"') {
      const end = endOf(text, at, delimiter);
      const cell = text.slice(at, end);
      if (cell.includes('"')) throw new DataFlaw("a quote inside a cell that is not quoted", line, cells.length + 1);
      cells.push(cell);
      at = end;
      continue;
    }
    let close = text.indexOf('"', at + 1);
    while (close !== -1 && text[close + 1] === '"') close = text.indexOf('"', close + 2);
    if (close === -1) throw new DataFlaw("a quote is never closed", line, cells.length + 1);
    const after = close + 1;
    if (after < text.length && text[after] !== delimiter)
      throw new DataFlaw("text after a closing quote", line, cells.length + 1);
    cells.push(text.slice(at + 1, close).replaceAll('""', '"'));
    at = after;
  }
  return cells;
}

function endOf(text: string, from: number, delimiter: string): number {
  const end = text.indexOf(delimiter, from);
  return end === -1 ? text.length : end;
}
