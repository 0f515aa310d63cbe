import type { RecordedCounts, RecordedFile } from "../../control/backtest/sample-table.ts";
import type { Playbook } from "../../core/playbook.ts";

/** Where what is read goes, file by file. */
export interface Sink {
  open(file: RecordedFile): void;
  add(counts: RecordedCounts): void;
}

/** What a file turned out to be. */
export interface FileRead {
  readonly file: string;
  readonly form: string;
  /** Rows, lines or points that were read. */
  readonly rows: number;
  /** Columns and signals of which the playbook says nothing. */
  readonly ignored: readonly string[];
  /** What people should know before they believe a figure. */
  readonly notes: readonly string[];
  /** Models of a recording that belong together, older version first. */
  readonly pairs?: readonly { readonly stable: string; readonly candidate: string }[];
}

/** Reads the records of one file, one after the other. */
export interface FormReader<Part> {
  take(part: Part): void;
  end(): Omit<FileRead, "file">;
}

/** What the playbook counts, in the words of an error. */
export function wantedBy(playbook: Playbook): string {
  return playbook.signals.map(({ name, part, of }) => `${name} (${part} of ${of})`).join(", ");
}
