import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import fc from "fast-check";
import type { RecordedCounts, RecordedFile } from "../../control/backtest/sample-table.ts";
import type { RollbookError } from "../../core/errors.ts";
import type { Playbook, Signal } from "../../core/playbook.ts";
import type { Sample } from "../../core/sample.ts";
import type { FileRead } from "./form.ts";
import { readData } from "./read-data.ts";

const folder = mkdtempSync(join(tmpdir(), "rollbook-data-"));
after(() => rmSync(folder, { recursive: true }));

const ERRORS: Signal = {
  name: "errors",
  kind: "share",
  part: "failed",
  of: "requests",
  from: "events",
  better: "down",
};
const LEAKS: Signal = { ...ERRORS, name: "leaks", kind: "count", part: "leaked" };
const SCORES: Signal = { ...ERRORS, name: "scores", kind: "mean", part: "score", of: "answers", range: [0, 10] };
const LATENCY: Signal = { ...ERRORS, name: "latency", kind: "time", part: "took", of: "answers", unit: "milliseconds" };
const RIGHT: Signal = { ...ERRORS, name: "right", part: "right", of: "answers", better: "up" };

const playbookOf = (...signals: readonly Signal[]) => ({ signals, triggers: [] }) as unknown as Playbook;

interface Took {
  readonly read: readonly FileRead[];
  readonly rows: readonly RecordedCounts[];
  readonly files: readonly RecordedFile[];
}

function fileOf(name: string, content: string | Uint8Array): string {
  const file = join(folder, name);
  writeFileSync(file, content);
  return file;
}

async function take(given: readonly string[], playbook = playbookOf(ERRORS)): Promise<Took> {
  const [rows, files]: [RecordedCounts[], RecordedFile[]] = [[], []];
  const sink = {
    add: (row: RecordedCounts) => void rows.push(row),
    open: (file: RecordedFile) => void files.push(file),
  };
  return { read: await readData(given, playbook, sink), rows, files };
}

const takeText = (name: string, content: string, playbook?: Playbook) => take([fileOf(name, content)], playbook);
const AT = Date.parse("2026-11-30T06:25:00Z");

describe("CSV of counts", () => {
  test("with a row for each signal is read as it was written", async () => {
    const row = fc.record({
      at: fc.integer({ min: 1e11, max: 2e12 }),
      release: fc.constantFrom("v1", "v 2, hotfix", 'the "good" one', "é\nx"),
      counts: fc.tuple(fc.nat(1000), fc.nat(1000)),
      node: fc.constantFrom("a", "b"),
      sequence: fc.nat(99),
    });
    const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`;
    await fc.assert(
      fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 8 }), fc.boolean(), async (rows, iso) => {
        const lines = rows.map(({ at, release, counts: [a, b], node, sequence }) =>
          [iso ? new Date(at).toISOString() : at, quoted(release), "errors", a + b, b, node, sequence].join(","),
        );
        const { rows: found } = await takeText(
          "long.csv",
          ["time,release,signal,n,k,node,sequence", ...lines].join("\r\n"),
        );
        assert.deepEqual(
          found.map(({ line, ...rest }) => rest),
          rows.map(({ at, release, counts: [a, b], node, sequence }) => ({
            at,
            release: release.trim(),
            signal: "errors",
            n: a + b,
            k: b,
            node,
            sequence,
          })),
        );
      }),
      { numRuns: 50 },
    );
  });

  test("with a column for each outcome feeds every signal that has both of its own", async () => {
    const playbook = playbookOf(ERRORS, LEAKS, RIGHT);
    const text = "time,release,requests,failed,leaked,right,country\n2026-11-30T06:25:00Z,v1,10,2,30,4,CH\n";
    const { rows, read, files } = await takeText("wide.csv", text, playbook);
    assert.deepEqual(rows, [
      { at: AT, release: "v1", line: 2, signal: "errors", n: 10, k: 2 },
      { at: AT, release: "v1", line: 2, signal: "leaks", n: 10, k: 30 },
    ]);
    assert.deepEqual(read[0]?.ignored, ["right", "country"]);
    assert.match(read[0]?.notes[0] ?? "", /has right and no answers: nothing is known of right/);
    assert.deepEqual(files, [{ name: join(folder, "wide.csv") }]);
  });

  test("of spreadsheets: byte order mark, CRLF, semicolons, quotes, spaces, an index without a name, empty lines", async () => {
    const text =
      '\uFEFF;Time; Release ;Requests;FAILED\r\n0;"2026-11-30 07:25:00+01";"v;1";10;"2"\r\n\r\n1;2026-11-30 06:25:00 UTC;v2;9.0;0\r\n';
    const { rows } = await takeText("sheet.csv", text);
    assert.deepEqual(rows, [
      { at: AT, release: "v;1", line: 2, signal: "errors", n: 10, k: 2 },
      { at: AT, release: "v2", line: 4, signal: "errors", n: 9, k: 0 },
    ]);
  });

  test("keeps groups and when they were known, and names signals that the playbook has not", async () => {
    const text = `timestamp,version,signal,n,k,group,known\n${AT / 1000},v1,errors,5,1,country=ch,${AT + 9000}\n${AT},v1,other,5,1,,${AT}\n`;
    const { rows, read } = await takeText("groups.csv", text);
    assert.deepEqual(rows, [
      { at: AT, release: "v1", line: 2, group: "country=ch", known: AT + 9000, signal: "errors", n: 5, k: 1 },
    ]);
    assert.deepEqual(read[0]?.ignored, ["other"]);
  });
});

describe("CSV of answers", () => {
  test("counts one for each row, and nothing where the outcome is not known", async () => {
    const text = `time,release,failed,leaked\n${AT},v1,1,3\n${AT},v1,false,0\n${AT},v2,,0\n`;
    const { rows, files } = await takeText("answers.csv", text, playbookOf(ERRORS, LEAKS));
    assert.deepEqual(
      rows.map(({ release, signal, n, k }) => [release, signal, n, k]),
      [
        ["v1", "errors", 1, 1],
        ["v1", "leaks", 1, 3],
        ["v1", "errors", 1, 0],
        ["v1", "leaks", 1, 0],
        ["v2", "leaks", 1, 0],
      ],
    );
    assert.equal(files[0]?.perAnswer, true);
  });

  test("puts values into the cells of their signal", async () => {
    const text = `time,release,score,took\n${AT},v1,10,250\n${AT},v1,2.5,\n`;
    const { rows } = await takeText("values.csv", text, playbookOf(SCORES, LATENCY));
    assert.deepEqual(
      rows.map(({ signal, n, cells }) => [signal, n, cells]),
      [
        ["scores", 1, [[16, 1]]],
        ["latency", 1, [[622, 1]]],
        ["scores", 1, [[4, 1]]],
      ],
    );
  });
});

test("an answer with a column that a trigger tells groups by counts for all, and for its group", async () => {
  const fair = {
    kind: "differ",
    name: "unfair",
    signal: "errors",
    across: "country",
    by: { kind: "points", value: 0.1 },
  };
  const playbook = { signals: [{ ...ERRORS, per: "session" }], triggers: [fair] } as unknown as Playbook;
  const text = `time,release,failed,country\n${AT},v1,1,ch\n${AT},v1,0,\n`;
  const { rows, read } = await takeText("fair.csv", text, playbook);
  assert.deepEqual(
    rows.map(({ group, n, k }) => [group, n, k]),
    [
      [undefined, 1, 1],
      ["country=ch", 1, 1],
      [undefined, 1, 0],
    ],
  );
  assert.deepEqual(read[0]?.ignored, []);
  assert.match(read[0]?.notes[0] ?? "", /errors counts once per session: every row of .*fair\.csv is taken for one/);
});

const SAMPLE: Sample = {
  node: "n1",
  sequence: 4,
  bucket: AT,
  signal: "errors",
  release: `sha256:${"a".repeat(64)}`,
  n: 9,
  k: 1,
};

describe("JSON", () => {
  test("lines of samples come back as they were, with groups, values and when they were known", async () => {
    const samples: readonly Sample[] = [
      SAMPLE,
      { ...SAMPLE, sequence: 5, group: "g", known: AT + 5000 },
      {
        ...SAMPLE,
        signal: "scores",
        n: 2,
        k: 0,
        cells: [
          [3, 1.5],
          [4, 0.5],
        ],
      },
    ];
    const lines = samples.map((sample) => JSON.stringify(sample));
    const expected = samples.map(({ bucket, ...rest }) => ({ ...rest, at: bucket }));
    for (const [name, text] of [
      ["lines.jsonl", `${lines.join("\n\n")}\n`],
      ["array.json", `[${lines.join(",\n")}]`],
      ["body.json", JSON.stringify({ samples }, undefined, 2)],
    ] as const) {
      const { rows } = await takeText(name, text, playbookOf(ERRORS, SCORES));
      assert.deepEqual(
        rows.map(({ line, ...rest }) => rest),
        expected,
        name,
      );
    }
  });

  test("lines of cells that are none of the signal's are refused with their place", async () => {
    for (const [cells, says] of [
      [[[99_999, 9]], /:1:cells: a cell of a time is a whole number from 0 to 1727/],
      [[[1.5, 9]], /:1:cells: a cell of a time is a whole number from 0/],
      [[[1, 8]], /:1:cells: cells add up to 8, and n is 9/],
      ["many", /:1:cells: cells is not a list of \[cell, count\]/],
      [undefined, /:1:k: latency is of values: its cells are missing/],
    ] as const) {
      const line = JSON.stringify({ ...SAMPLE, signal: "latency", k: 0, cells });
      await assert.rejects(takeText("time.jsonl", line, playbookOf(LATENCY)), (error: RollbookError) => {
        assert.equal(error.exit, 3);
        assert.match(error.message, says);
        return true;
      });
    }
  });

  test("lines tell of units that have turned bad since, as live samples do", async () => {
    for (const [better, k, cannot] of [
      ["down", 1, -1],
      ["up", -1, 1],
    ] as const) {
      const playbook = playbookOf({ ...ERRORS, per: "session", better });
      const line = (turned: number) => JSON.stringify({ ...SAMPLE, sequence: 9, n: 0, k: turned });
      const { rows } = await takeText("turned.jsonl", line(k), playbook);
      assert.deepEqual([rows[0]?.n, rows[0]?.k], [0, k]);
      await assert.rejects(takeText("turned.jsonl", line(cannot), playbook), /which cannot be/);
    }
  });

  test("reports of outcomes count for their second, and once for each key", async () => {
    const report = {
      system: "s",
      release: "v1",
      second: AT / 1000,
      key: "client:1",
      counts: { requests: 5, failed: 2 },
    };
    const lines = [
      report,
      report,
      { ...report, key: "client:2", counts: { requests: 1 } },
      { ...report, key: "client:3", counts: { other: 1 } },
    ];
    const { rows, read } = await takeText("outcomes.jsonl", lines.map((line) => JSON.stringify(line)).join("\n"));
    assert.deepEqual(
      rows.map(({ at, n, k }) => [at, n, k]),
      [
        [AT, 5, 2],
        [AT, 1, 0],
      ],
    );
    assert.match(read[0]?.notes[0] ?? "", /1 reports had a key/);
    assert.deepEqual(read[0]?.ignored, ["other"]);
  });
});

test("reports of values and groups count as they would live", async () => {
  const fair = {
    kind: "differ",
    name: "unfair",
    signal: "errors",
    across: "country",
    by: { kind: "points", value: 0.1 },
  };
  const playbook = { signals: [ERRORS, SCORES], triggers: [fair] } as unknown as Playbook;
  const report = {
    release: "v1",
    second: AT / 1000,
    key: "client:1",
    counts: { requests: 2, failed: 1 },
    values: { score: [10, 2.5] },
    groups: { country: "ch" },
    unit: "session-1",
  };
  const { rows, read } = await takeText("values.jsonl", JSON.stringify(report), playbook);
  assert.deepEqual(
    rows.map(({ signal, group, n, k, cells }) => [signal, group, n, k, cells]),
    [
      ["errors", undefined, 2, 1, undefined],
      ["errors", "country=ch", 2, 1, undefined],
      [
        "scores",
        undefined,
        2,
        0,
        [
          [4, 1],
          [16, 1],
        ],
      ],
    ],
  );
  assert.match(read[0]?.notes[0] ?? "", /1 reports name a unit/);
  await assert.rejects(
    takeText("word.jsonl", JSON.stringify({ ...report, values: { score: "good" } }), playbook),
    /score must be a number/,
  );
});

type Points = readonly (readonly [second: number, value: number])[];
const matrix = (series: readonly (readonly [labels: Record<string, string>, points: Points])[]) =>
  JSON.stringify({
    status: "success",
    data: {
      resultType: "matrix",
      result: series.map(([metric, points]) => ({
        metric,
        values: points.map(([at, value]) => [AT / 1000 + at, String(value)]),
      })),
    },
  });
const pod = (name: string, release: string, instance: string) => ({ __name__: name, release, job: "api", instance });

describe("answers of Prometheus to a range query", () => {
  test("become counts of each step, whole and part from files of their own, and a reset invents nothing", async () => {
    const whole = fileOf(
      "whole.json",
      matrix([
        [
          pod("requests_total", "v1", "a"),
          [
            [0, 1000],
            [15, 1100],
            [30, 40],
            [45, 90],
          ],
        ],
        [
          pod("requests_total", "v2", "b"),
          [
            [15, 0],
            [30, 10],
            [45, 30],
          ],
        ],
      ]),
    );
    const part = fileOf(
      "part.json",
      matrix([
        [
          pod("failed_total", "v1", "a"),
          [
            [0, 7],
            [15, 9],
            [30, 1],
            [45, 1],
          ],
        ],
        [
          pod("failed_total", "v2", "b"),
          [
            [15, 0],
            [30, 4],
            [45, 4],
          ],
        ],
      ]),
    );
    const { rows, files } = await take([whole, part]);
    assert.equal(files[0]?.grain, 15_000);
    assert.deepEqual(
      rows.map(({ at, release, n, k }) => [(at - AT) / 1000, release, n, k]),
      [
        [0, "v1", 100, 2],
        [15, "v1", 40, 1],
        [30, "v1", 50, 0],
        [15, "v2", 10, 4],
        [30, "v2", 20, 0],
      ],
    );
  });

  test("of sums are named on the command line, and a fall of a sum counts nothing and is told", async () => {
    const whole = fileOf(
      "q1.json",
      matrix([
        [
          { track: "v1" },
          [
            [0, 10],
            [60, 30],
            [120, 5],
            [180, 50],
          ],
        ],
      ]),
    );
    const part = fileOf(
      "q2.json",
      matrix([
        [
          { track: "v1" },
          [
            [0, 1],
            [60, 2],
            [120, 2],
            [180, 3],
          ],
        ],
      ]),
    );
    const { rows, read } = await take([`requests=${whole}`, `failed=${part}`]);
    assert.deepEqual(
      rows.map(({ at, release, n, k }) => [(at - AT) / 1000, release, n, k]),
      [
        [0, "v1", 20, 1],
        [120, "v1", 20, 1],
      ],
    );
    assert.match(read[0]?.notes[0] ?? "", /a sum fell/);
  });
});

test("recorded answers are asked one a second, and their models belong together", async () => {
  const text = "model,id,reference,answer\nm-0301,a,Yes,[Yes]\nm-0301,b,No,[Yes]\nm-0601,b,No,[No]\n";
  for (const name of ["recording.csv", "recording.txt"]) {
    const { rows, read } = await takeText(name, text, playbookOf(RIGHT));
    assert.deepEqual(
      rows.map(({ at, release, n, k }) => [at, release, n, k]),
      [
        [0, "m-0301", 1, 1],
        [1000, "m-0301", 1, 0],
        [1000, "m-0601", 1, 1],
      ],
    );
    assert.deepEqual(read[0]?.pairs, [{ stable: "m-0301", candidate: "m-0601" }]);
  }
  const lines =
    '{"model":"m-1","id":"a","right":true,"answer":"x"}\n{"model":"m-2","id":"a","right":false,"answer":"x"}\n';
  assert.deepEqual(
    (await takeText("recording.jsonl", lines, playbookOf(RIGHT))).rows.map(({ k }) => k),
    [1, 0],
  );
});

const HEAD = "time,release,signal,n,k";
const sampleWith = (fields: object) => JSON.stringify({ ...SAMPLE, ...fields });

/** What is wrong with each file, and what its error must say: place first. */
const WRONG: readonly (readonly [name: string, content: string | Uint8Array, says: RegExp])[] = [
  ["empty.csv", "", /empty.csv:1: the file is empty/],
  ["blank.csv", "\n\n", /the file is empty/],
  ["header.csv", `${HEAD}\n`, /a header and no row/],
  ["columns.csv", "when,who\n1,2\n", /:1: the header has no column time and none release; it has when, who/],
  [
    "outcome.csv",
    "time,release,fialed\n1,v1,0\n",
    /:1: the header names no outcome of the playbook, which counts errors \(failed of requests\)/,
  ],
  ["twice.csv", "time,release,failed,failed\n1,v1,0,0\n", /:1:4: two columns are called failed/],
  ["unnamed.csv", "time,release,,failed\n1,v1,0,0\n", /:1:3: a column has no name/],
  [
    "cells.csv",
    `${HEAD}\n1,v1,errors,1,000,5\n`,
    /:2: 6 cells, and the header has 5: a separator inside a cell needs quotes/,
  ],
  ["thousands.csv", `${HEAD}\n${AT},v1,errors,"1,000",5\n`, /:2:4 \(n\): 1,000 has thousands separators/],
  ["swiss.csv", `${HEAD}\n${AT},v1,errors,1’000,5\n`, /:2:4 \(n\): 1’000 has thousands separators/],
  ["comma.csv", `time;release;signal;n;k\n${AT};v1;errors;10;0,5\n`, /:2:5 \(k\): 0,5 has a decimal comma/],
  [
    "rate.csv",
    `${HEAD}\n${AT},v1,errors,10,0.05\n`,
    /:2:5 \(k\): 0\.05 is no whole number: counts are wanted, no rates/,
  ],
  ["negative.csv", `${HEAD}\n${AT},v1,errors,-1,0\n`, /:2:4 \(n\): -1 is negative/],
  ["missing.csv", `${HEAD}\n${AT},v1,errors,,0\n`, /:2:4 \(n\): the count is empty; write 0/],
  ["word.csv", `${HEAD}\n${AT},v1,errors,ten,0\n`, /:2:4 \(n\): "ten" is no count/],
  ["more.csv", `${HEAD}\n${AT},v1,errors,5,6\n`, /:2:5 \(k\): 6 of 5: a part is at most the whole/],
  ["wide-more.csv", `time,release,requests,failed\n${AT},v1,5,6\n`, /:2:4 \(failed\): 6 failed of 5 requests/],
  [
    "zone.csv",
    `${HEAD}\n2026-11-30T06:25:00,v1,errors,5,1\n`,
    /:2:1 \(time\): 2026-11-30T06:25:00 has no time zone: write Z/,
  ],
  ["american.csv", `${HEAD}\n11/30/2026 06:25,v1,errors,5,1\n`, /:2:1 \(time\): "11\/30\/2026 06:25" is no time/],
  ["february.csv", `${HEAD}\n2026-02-30T06:25:00Z,v1,errors,5,1\n`, /there is no such time as 2026-02-30/],
  ["micro.csv", `${HEAD}\n1790000000000000,v1,errors,5,1\n`, /divide it by 1000/],
  ["nameless.csv", `${HEAD}\n${AT}, ,errors,5,1\n`, /:2:2 \(release\): the name is empty/],
  ["quote.csv", `${HEAD}\n${AT},"v1,errors,5,1\n`, /:2:2: a quote is never closed/],
  ["stray.csv", `${HEAD}\n${AT},v"1,errors,5,1\n`, /:2:2: a quote inside a cell/],
  ["answer.csv", `time,release,failed\n${AT},v1,yes\n`, /:2:3 \(failed\): "yes" is no outcome of one answer/],
  ["sequence.csv", `${HEAD},sequence\n${AT},v1,errors,5,1,7\n`, /:2: a sequence needs a column node/],
  ["latin.csv", Uint8Array.from([...Buffer.from(`${HEAD}\n`), 0xe9]), /it is no UTF-8 text/],
  ["utf16.csv", Buffer.from(`\uFEFF${HEAD}`, "utf16le"), /:1: it is no UTF-8 text/],
  ["half.jsonl", `${sampleWith({})}\n{"node":\n`, /:2:\d*:? ?it is not JSON/],
  ["torn.json", '{"status":"success",\n"data": }', /torn.json: it is not JSON: Unexpected token/],
  ["text.json", '"hello"', /holds neither samples, nor outcomes/],
  ["strange.jsonl", sampleWith({ gruop: "a" }), /:1:gruop: there is no field gruop; there are node, sequence/],
  ["float.jsonl", sampleWith({ n: 1.5 }), /:1:n: n must be a whole number from 0, not 1\.5/],
  ["absent.jsonl", JSON.stringify({ ...SAMPLE, node: undefined }), /:1:node: node must be a text, not undefined/],
  ["above.jsonl", sampleWith({ k: 10 }), /:1:k: k is 10 of n 9, which cannot be/],
  ["below.jsonl", sampleWith({ k: -1 }), /:1:k: k is -1 of n 9, which cannot be/],
  ["cells.jsonl", sampleWith({ cells: [[1, 9]] }), /:1:cells: errors is a share and has no cells/],
  ["mixed.jsonl", `${sampleWith({})}\n[1]\n`, /:2: it is no JSON object/],
  [
    "request.jsonl",
    '{"request":"abc","counts":{"requests":1}}',
    /:1: only the Rollbook that gave a request its id can read it/,
  ],
  ["failed.json", '{"status":"error","error":"timeout","data":{}}', /no successful answer of Prometheus: timeout/],
  ["vector.json", '{"status":"success","data":{"resultType":"vector","result":[]}}', /ask \/api\/v1\/query_range/],
  ["single.json", matrix([[pod("requests", "v1", "a"), [[0, 1]]]]), /no series has two points/],
  [
    "label.json",
    matrix([
      [
        { __name__: "requests", a: "1", b: "2" },
        [
          [0, 1],
          [9, 2],
        ],
      ],
    ]),
    /no label names the release/,
  ],
  [
    "metric.json",
    matrix([
      [
        pod("up", "v1", "a"),
        [
          [0, 1],
          [9, 2],
        ],
      ],
    ]),
    /no series is named like an outcome.*--data NAME=/,
  ],
  ["recording.csv", "model,answer\n", /recording.csv/],
];

for (const [name, content, says] of WRONG) {
  test(`${name} is refused with its place and what to do`, async () => {
    await assert.rejects(take([fileOf(name, content)]), (error: RollbookError) => {
      assert.match(error.message, says);
      assert.equal(error.exit, 3);
      return true;
    });
  });
}

test("a file that is not there, and counters of two steps, are refused", async () => {
  await assert.rejects(take([join(folder, "absent.csv")]), /absent.csv cannot be read/);
  const [a, b] = [15, 30].map((step) =>
    fileOf(
      `requests-${step}.json`,
      matrix([
        [
          pod("requests", "v1", "a"),
          [
            [0, 1],
            [step, 2],
          ],
        ],
      ]),
    ),
  );
  await assert.rejects(take([a!, b!]), /its step is 30 s, and that of .*requests-15.json is 15 s/);
});
