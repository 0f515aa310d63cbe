import { countsFlaw } from "../../core/counts-flaw.ts";
import type { Playbook, Signal } from "../../core/playbook.ts";
import type { Cells } from "../../core/sample.ts";
import { DataFlaw } from "./data-flaw.ts";
import { type FileRead, type Sink, wantedBy } from "./form.ts";
import { cellsOf as cellsOfValue, isCounted, labelsOf } from "./measure.ts";

/** One value of a JSON file and the line that it starts on. */
export interface JsonLine {
  readonly line: number;
  readonly value: unknown;
}

type Fields = Readonly<Record<string, unknown>>;

/** The fields of a line. @throws DataFlaw for what is no object */
export function fieldsOf({ line, value }: JsonLine): Fields {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Fields;
  throw new DataFlaw("it is no JSON object", line);
}

const SAMPLE_KEYS = ["node", "sequence", "bucket", "signal", "release", "n", "k", "group", "known", "cells"];
const OUTCOME_KEYS = ["system", "release", "second", "key", "counts", "values", "groups", "unit"];

/** Samples as the API and the store give them (`core/sample`), one to a line. */
export function sampleLines(file: string, playbook: Playbook, sink: Sink) {
  sink.open({ name: file, grain: 1000 });
  const kinds = new Map(playbook.signals.map((signal) => [signal.name, signal]));
  const ignored = new Set<string>();
  let rows = 0;
  return {
    take(json: JsonLine): void {
      rows++;
      const { line } = json;
      const fields = fieldsOf(json);
      const get = getter(fields, SAMPLE_KEYS, line);
      const [n, k] = [get.count("n"), get.number("k")];
      const signal = kinds.get(get.text("signal"));
      const group = get.maybe("group", get.text);
      const known = get.maybe("known", get.count);
      const cells = fields["cells"] as Cells | undefined;
      const counts = {
        at: get.count("bucket"),
        node: get.text("node"),
        sequence: get.count("sequence"),
        release: get.text("release"),
        n,
        k,
        line,
        ...(group === undefined ? {} : { group }),
        ...(known === undefined ? {} : { known }),
        ...(cells ? { cells } : {}),
      };
      if (!signal) return void ignored.add(get.text("signal"));
      const flaw = countsFlaw(signal, n, k, cells);
      if (flaw !== undefined) throw new DataFlaw(flaw, line, cells === undefined ? "k" : "cells");
      sink.add({ ...counts, signal: signal.name });
    },
    end: (): Omit<FileRead, "file"> => ({ form: "JSON lines of samples", rows, ignored: [...ignored], notes: [] }),
  };
}

/** Reports of outcomes of an arm, as `POST /v1/outcomes` takes them; those of a request need the key of its Rollbook. */
export function outcomeLines(file: string, playbook: Playbook, sink: Sink) {
  sink.open({ name: file, grain: 1000, perAnswer: true });
  const keys = new Set<string>();
  const ignored = new Set<string>();
  const known = new Set(playbook.signals.flatMap(({ part, of }) => [part, of]));
  let rows = 0;
  let repeated = 0;
  let units = 0;
  return {
    take(json: JsonLine): void {
      rows++;
      const { line } = json;
      const fields = fieldsOf(json);
      if ("request" in fields)
        throw new DataFlaw(
          "only the Rollbook that gave a request its id can read it: report `release`, `second` and `key` in its place, or give its samples",
          line,
        );
      const get = getter(fields, OUTCOME_KEYS, line);
      const [release, second, key] = [get.text("release"), get.count("second"), get.text("key")];
      const counts = fieldsOf({ line, value: fields["counts"] ?? {} });
      const values = fieldsOf({ line, value: fields["values"] ?? {} });
      const groups = fieldsOf({ line, value: fields["groups"] ?? {} });
      if (keys.has(`${release} ${second} ${key}`)) return void repeated++;
      keys.add(`${release} ${second} ${key}`);
      for (const name of Object.keys({ ...counts, ...values })) if (!known.has(name)) ignored.add(name);
      if ("unit" in fields) units++;
      for (const signal of playbook.signals) {
        const reported = isCounted(signal)
          ? countsIn(counts, signal, line)
          : valuesIn(values[signal.part], signal, line);
        if (reported.n === 0) continue;
        const row = { at: second * 1000, release, signal: signal.name, line, ...reported };
        sink.add(row);
        for (const label of labelsOf(playbook, signal))
          if (label in groups) sink.add({ ...row, group: `${label}=${groups[label]}` });
      }
    },
    end(): Omit<FileRead, "file"> {
      if (ignored.size > 0 && rows > 0 && [...known].every((name) => ignored.has(name)))
        throw new DataFlaw(`it reports nothing that the playbook counts: ${wantedBy(playbook)}`, 1);
      const notes = [
        ...(repeated > 0 ? [`${file}: ${repeated} reports had a key that was there before, and count once`] : []),
        ...(units > 0 ? [`${file}: ${units} reports name a unit; each is taken for a unit of its own`] : []),
      ];
      return { form: "JSON lines of outcomes", rows, ignored: [...ignored], notes };
    },
  };
}

function countsIn(counts: Fields, signal: Signal, line: number) {
  const of = getter(counts, Object.keys(counts), line);
  const n = signal.of in counts ? of.count(signal.of) : 0;
  const k = signal.part in counts ? of.count(signal.part) : 0;
  checkShare(signal, n, k, line);
  return { n, k };
}

/** One value, or several. */
function valuesIn(reported: unknown, signal: Signal, line: number) {
  const values: readonly unknown[] = reported === undefined ? [] : Array.isArray(reported) ? reported : [reported];
  const cells = new Map<number, number>();
  for (const value of values) {
    if (typeof value !== "number") throw new DataFlaw(`${signal.part} must be a number, or several`, line, "values");
    for (const [cell, count] of cellsOfValue(signal, value)) cells.set(cell, (cells.get(cell) ?? 0) + count);
  }
  return { n: values.length, k: 0, cells: [...cells].sort(([a], [b]) => a - b) };
}

function checkShare(signal: Signal, n: number, k: number, line: number): void {
  if (signal.kind === "share" && k > n)
    throw new DataFlaw(`${k} ${signal.part} of ${n} ${signal.of}: a part is at most the whole`, line, "k");
}

/** Reads fields by what they must be. */
function getter(fields: Fields, allowed: readonly string[], line: number) {
  const strange = Object.keys(fields).find((key) => !allowed.includes(key));
  if (strange !== undefined)
    throw new DataFlaw(`there is no field ${strange}; there are ${allowed.join(", ")}`, line, strange);
  const wrong = (key: string, what: string) =>
    new DataFlaw(`${key} must be ${what}, not ${JSON.stringify(fields[key])}`, line, key);
  const number = (key: string): number => {
    const value = fields[key];
    if (typeof value === "number" && Number.isFinite(value)) return value;
    throw wrong(key, "a number");
  };
  const count = (key: string): number => {
    if (Number.isSafeInteger(fields[key]) && (fields[key] as number) >= 0) return fields[key] as number;
    throw wrong(key, "a whole number from 0");
  };
  const text = (key: string): string => {
    const value = fields[key];
    if (typeof value === "string" && value !== "") return value;
    throw wrong(key, "a text");
  };
  const maybe = <Value>(key: string, get: (key: string) => Value): Value | undefined =>
    fields[key] === undefined ? undefined : get(key);
  return { number, count, text, maybe };
}
