import type { Playbook } from "../../core/playbook.ts";
import { type Read, readCount, readTime } from "./cell-values.ts";
import type { CsvRecord } from "./csv-reader.ts";
import { DataFlaw } from "./data-flaw.ts";
import { type FormReader, type Sink, wantedBy } from "./form.ts";
import { labelsOf, type Measure, measuresOf } from "./measure.ts";

/** Which column means what; the first that the header has is taken. */
const NAMES = {
  time: ["time", "timestamp", "bucket"],
  release: ["release", "version"],
  signal: ["signal"],
  n: ["n"],
  k: ["k"],
  group: ["group"],
  node: ["node"],
  sequence: ["sequence"],
  known: ["known"],
} as const;
type Name = keyof typeof NAMES;

interface Header {
  readonly width: number;
  readonly names: readonly string[];
  readonly place: { readonly [name in Name]?: number };
}

/** Says what goes with a file: its rows begin below `header`. @throws DataFlaw for a header that cannot be used */
export function csvForm(header: CsvRecord, file: string, playbook: Playbook, sink: Sink): FormReader<CsvRecord> {
  const head = headerOf(header, playbook);
  const missing = (["time", "release"] as const).filter((name) => head.place[name] === undefined);
  if (missing.length > 0)
    throw new DataFlaw(
      `the header has no column ${missing.join(" and none ")}; it has ${head.names.join(", ")}`,
      header.line,
    );
  const { signal, n, k } = head.place;
  if (signal !== undefined && n !== undefined && k !== undefined) return longForm(head, file, playbook, sink);
  return wideForm(head, header.line, file, playbook, sink);
}

function headerOf({ line, cells }: CsvRecord, { signals }: Playbook): Header {
  const outcomes = new Map(signals.flatMap(({ part, of }) => [part, of]).map((name) => [name.toLowerCase(), name]));
  // Spreadsheets like capitals.
  const names = cells.map((cell) => outcomes.get(cell.trim().toLowerCase()) ?? cell.trim());
  const empty = names.indexOf("");
  const twice = names.findIndex((name, at) => name !== "" && names.indexOf(name) !== at);
  if (twice >= 0) throw new DataFlaw(`two columns are called ${names[twice]}`, line, twice + 1);
  const lower = names.map((name) => name.toLowerCase());
  const place: { [name in Name]?: number } = {};
  for (const [name, spellings] of Object.entries(NAMES) as [Name, readonly string[]][]) {
    const at = lower.findIndex((column) => spellings.includes(column));
    if (at >= 0) place[name] = at;
  }
  // Data frames write their index into a first column without a name.
  if (empty > 0) throw new DataFlaw("a column has no name", line, empty + 1);
  return { width: names.length, names, place };
}

/** Reads cells of one record, with its line and the column's name in every flaw. */
function cellsOf(head: Header, { line, cells }: CsvRecord) {
  if (cells.length !== head.width)
    throw new DataFlaw(
      `${cells.length} cells, and the header has ${head.width}: a separator inside a cell needs quotes around it`,
      line,
    );
  const columnAt = (place: number) => `${place + 1} (${head.names[place]})`;
  const read = <Value>(place: number, reader: (text: string) => Read<Value>): Value => {
    const found = reader(cells[place]!);
    if ("value" in found) return found.value;
    throw new DataFlaw(found.flaw, line, columnAt(place));
  };
  const maybe = <Value>(name: Name, reader: (text: string) => Read<Value>): Value | undefined => {
    const place = head.place[name];
    return place === undefined ? undefined : read(place, reader);
  };
  const terms = () => {
    const [group, node, known, sequence] = [
      maybe("group", (text) => ({ value: text.trim() })),
      maybe("node", readName),
      maybe("known", readTime),
      maybe("sequence", readCount),
    ];
    if (sequence !== undefined && node === undefined) throw new DataFlaw("a sequence needs a column node", line);
    return {
      at: read(head.place.time!, readTime),
      release: read(head.place.release!, readName),
      line,
      ...(group ? { group } : {}),
      ...(node === undefined ? {} : { node }),
      ...(known === undefined ? {} : { known }),
      ...(sequence === undefined ? {} : { sequence }),
    };
  };
  return { read, terms, columnAt };
}

function readName(text: string): Read<string> {
  const value = text.trim();
  return value === "" ? { flaw: "the name is empty" } : { value };
}

/** One row for each release, signal and span of time. */
function longForm(head: Header, file: string, playbook: Playbook, sink: Sink): FormReader<CsvRecord> {
  sink.open({ name: file });
  const kinds = new Map(playbook.signals.map(({ name, kind }) => [name, kind]));
  const ignored = new Set<string>();
  let rows = 0;
  return {
    take(record) {
      rows++;
      const { read, terms, columnAt } = cellsOf(head, record);
      const [signal, n, k] = [
        read(head.place.signal!, readName),
        read(head.place.n!, readCount),
        read(head.place.k!, readCount),
      ];
      const rest = terms();
      const kind = kinds.get(signal);
      if (kind === undefined) return void ignored.add(signal);
      if (k > n && kind === "share")
        throw new DataFlaw(`${k} of ${n}: a part is at most the whole`, record.line, columnAt(head.place.k!));
      sink.add({ ...rest, signal, n, k });
    },
    end: () => ({ form: "CSV, a row for each signal", rows, ignored: [...ignored], notes: [] }),
  };
}

/** One row for each release and span of time, or for each answer, with a column for each outcome. */
function wideForm(head: Header, line: number, file: string, playbook: Playbook, sink: Sink): FormReader<CsvRecord> {
  const { perAnswer, measures, incomplete } = measuresOf(playbook.signals, head.names);
  if (measures.length === 0)
    throw new DataFlaw(
      `the header names no outcome of the playbook, which counts ${wantedBy(playbook)}; it has ${head.names.join(", ")}`,
      line,
    );
  const across = perAnswer ? groupColumns(playbook, head.names) : [];
  sink.open(perAnswer ? { name: file, grain: 1000, perAnswer } : { name: file });
  const used = new Set([
    ...Object.values(head.place),
    ...measures.flatMap(({ columns }) => columns),
    ...across.map(({ column }) => column),
  ]);
  let rows = 0;
  return {
    take(record) {
      rows++;
      const { read, terms, columnAt } = cellsOf(head, record);
      const rest = terms();
      for (const measure of measures) addMeasured(measure, rest);
      function addMeasured({ signal, counted }: Measure, about: ReturnType<typeof terms>): void {
        const counts = counted(read);
        if (!counts) return;
        if (counts.k > counts.n && signal.kind === "share")
          throw new DataFlaw(
            `${counts.k} ${signal.part} of ${counts.n} ${signal.of}: a part is at most the whole`,
            record.line,
            columnAt(head.names.indexOf(signal.part)),
          );
        sink.add({ ...about, signal: signal.name, ...counts });
        for (const { name, column } of across.filter((one) => one.signal === signal.name)) {
          const value = record.cells[column]!.trim();
          if (value !== "") sink.add({ ...about, signal: signal.name, ...counts, group: `${name}=${value}` });
        }
      }
    },
    end: () => ({
      form: perAnswer ? "CSV, a row for each answer" : "CSV, a column for each outcome",
      rows,
      ignored: head.names.filter((name, place) => name !== "" && !used.has(place)),
      notes: [
        ...incomplete.map(({ name, part, of }) => `${file} has ${part} and no ${of}: nothing is known of ${name}`),
        ...measures.flatMap(({ signal: { name, per } }) =>
          perAnswer && per ? [`${name} counts once per ${per}: every row of ${file} is taken for one`] : [],
        ),
      ],
    }),
  };
}

/** Columns by whose values a trigger tells groups apart. */
function groupColumns(playbook: Playbook, names: readonly string[]) {
  return playbook.signals.flatMap((signal) =>
    labelsOf(playbook, signal)
      .filter((name) => names.includes(name))
      .map((name) => ({ signal: signal.name, name, column: names.indexOf(name) })),
  );
}
