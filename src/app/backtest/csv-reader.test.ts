import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { type CsvRecord, createCsvReader, parseCsv } from "./csv-reader.ts";
import type { DataFlaw } from "./data-flaw.ts";

describe("CSV", () => {
  it("comes back as it was written, whatever the cells hold", () => {
    const cell = fc.string({ unit: fc.constantFrom("a", '"', ",", "\n", "\r\n", " ", "é", "[") });
    const table = fc.array(fc.array(cell, { minLength: 2, maxLength: 4 }), { maxLength: 6 });
    fc.assert(
      fc.property(table, fc.constantFrom("\n", "\r\n"), (rows, end) => {
        const written = rows
          .map((row) => row.map((text) => `"${text.replaceAll('"', '""')}"`).join(",") + end)
          .join("");
        assert.deepEqual(
          parseCsv(written).map(({ cells }) => cells),
          rows,
        );
      }),
    );
  });

  it("is read without quotes, without a last line end, with a byte order mark and with empty cells", () => {
    const records = parseCsv('\uFEFFa,b\n1,\n\n"x\ny",2\n3,');
    assert.deepEqual(records, [
      { line: 1, cells: ["a", "b"] },
      { line: 2, cells: ["1", ""] },
      { line: 4, cells: ["x\ny", "2"] },
      { line: 6, cells: ["3", ""] },
    ]);
  });

  it("names the line of a quote that stands wrong", () => {
    for (const [text, reason, column] of [
      ['a\n"b', /a quote is never closed/, "1"],
      ['a\nb"c', /a quote inside/, "1"],
      ['a\n"b"c', /text after a closing quote/, "1"],
      ['a,b\n1,"2\n\n3,4\n', /a quote is never closed/, "2"],
    ] as const)
      assert.throws(
        () => parseCsv(text),
        (flaw: DataFlaw) => reason.test(flaw.message) && flaw.line === 2 && flaw.column === column,
      );
  });

  it("is the same in whatever pieces it comes", () => {
    const text = 'a,b\r\n"x ""y""\r\nz",1\r\n\r\n2,"3"';
    for (let size = 1; size < text.length; size++) {
      const reader = createCsvReader();
      const records: CsvRecord[] = [];
      for (let at = 0; at < text.length; at += size) records.push(...reader.push(text.slice(at, at + size)));
      assert.deepEqual([...records, ...reader.end()], parseCsv(text));
    }
  });

  it("is separated by semicolons or tabs where the first line has no comma", () => {
    assert.deepEqual(parseCsv("a;b\n1,5;2").at(-1)?.cells, ["1,5", "2"]);
    assert.deepEqual(parseCsv("a\tb\n1;5\t2").at(-1)?.cells, ["1;5", "2"]);
  });

  it("gives up on a quote or a line that takes more than a million characters", () => {
    assert.throws(() => parseCsv(`a,b\n"${"x\n".repeat(600_000)}`), /a quote is never closed/);
    assert.throws(() => parseCsv(`a,b\n${"x".repeat(1_100_000)}`), /is this CSV/);
  });
});
