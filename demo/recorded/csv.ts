/** One record of a CSV file and the line that it starts on. */
export interface CsvRecord {
  readonly line: number;
  readonly cells: readonly string[];
}

/**
 * Reads CSV as RFC 4180 defines it: quoted cells may hold commas, doubled quotes and line breaks; lines end with LF or
 * CRLF. Throws a `SyntaxError` with the line when a quote is left open or stands where none may be.
 */
export function parseCsv(text: string): readonly CsvRecord[] {
  const records: CsvRecord[] = [];
  let cells: string[] = [];
  let line = 1;
  let start = 1;
  let at = text.startsWith("\uFEFF") ? 1 : 0;
  const countLines = (part: string): number => part.split("\n").length - 1;

  while (at < text.length) {
    let cell: string;
    if (text[at] === '"') {
      let close = text.indexOf('"', at + 1);
      while (close !== -1 && text[close + 1] === '"') close = text.indexOf('"', close + 2);
      if (close === -1) throw new SyntaxError(`line ${line}: a quote is never closed`);
      const raw = text.slice(at + 1, close);
      line += countLines(raw);
      cell = raw.replaceAll('""', '"');
      at = close + 1;
    } else {
      let end = at;
      while (end < text.length && text[end] !== "," && text[end] !== "\n" && text[end] !== "\r") end += 1;
      cell = text.slice(at, end);
      if (cell.includes('"')) throw new SyntaxError(`line ${line}: a quote inside a cell that is not quoted`);
      at = end;
    }
    cells.push(cell);
    if (text[at] === ",") {
      at += 1;
      if (at < text.length) continue;
      cells.push("");
    } else if (text.startsWith("\r\n", at)) at += 2;
    else if (text[at] === "\n" || text[at] === "\r") at += 1;
    else if (at < text.length) throw new SyntaxError(`line ${line}: text after a closing quote`);
    if (cells.length > 1 || cells[0] !== "") records.push({ line: start, cells });
    cells = [];
    line += 1;
    start = line;
  }
  return records;
}
