import type { Cells, Sample } from "../core/sample.ts";

/** What a table has for the fields that a sample may lack. */
export interface SampleRow extends Omit<Sample, "group" | "known" | "cells"> {
  /** Part of the key, which takes no NULL: nothing for the whole signal, else `=` and the group. */
  readonly group: string;
  readonly known: number | null;
  readonly cells: string | null;
}

export const groupColumn = (group: string | undefined): string => (group === undefined ? "" : `=${group}`);

export const cellsColumn = (cells: Cells | undefined): string | null =>
  cells === undefined ? null : JSON.stringify(cells);

export function sampleOf({ group, known, cells, ...counts }: SampleRow): Sample {
  return {
    ...counts,
    ...(group === "" ? {} : { group: group.slice(1) }),
    ...(known === null ? {} : { known }),
    ...(cells === null ? {} : { cells: JSON.parse(cells) as Cells }),
  };
}
