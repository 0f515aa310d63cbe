import { RollbookError } from "../../core/errors.ts";

/** Where a file is wrong, and why; the reader of the file adds its name. */
export class DataFlaw extends Error {
  readonly line: number;
  /** A number, or the name of a cell with its number: `3 (n)`. */
  readonly column: string;

  constructor(reason: string, line: number, column: string | number = "") {
    super(reason);
    this.name = "DataFlaw";
    this.line = line;
    this.column = String(column);
  }

  /** As an error of the catalogue. */
  in(file: string): RollbookError {
    const { line, column, message: reason } = this;
    return new RollbookError("DATA_INVALID", { file, line, column, reason });
  }
}
