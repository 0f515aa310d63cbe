import { Agent, request as httpRequest } from "node:http";
import { digestOf } from "../src/core/digest.ts";
import type { Signal } from "../src/core/playbook.ts";

export const TOKEN = "rbk_bench";
export const RELEASES = [digestOf("stable"), digestOf("candidate")] as const;
const signal = (name: string, kind: "share" | "count"): Signal => ({
  name,
  kind,
  part: name,
  of: "decisions",
  from: "events",
  better: "down",
});
export const SIGNALS: readonly Signal[] = [
  signal("approvals", "share"),
  signal("complaints", "share"),
  signal("leaks", "count"),
  signal("errors", "share"),
  { ...signal("latency", "count"), kind: "time", unit: "seconds" },
];

const SECONDS = 10;
const NODES = 100;
export const TIMES = Array.from({ length: 12 }, (_, place) => [600 + 9 * place, place + 1]);

/** Bodies of `POST /v1/samples`: of one node each, ten seconds of five signals for both releases, none of them twice. */
export function createBodies(): () => { readonly body: Buffer; readonly samples: number } {
  const now = Math.floor(Date.now() / 1000);
  const rows: string[] = [];
  for (let ago = 0; ago < SECONDS; ago++) {
    for (const release of RELEASES) {
      for (const { name, kind } of SIGNALS) {
        const counts = kind === "time" ? { n: 78, k: 0, cells: TIMES } : { n: 100, k: 3 };
        rows.push(JSON.stringify({ bucket: (now - ago) * 1000, signal: name, release, ...counts }).slice(1));
      }
    }
  }
  let turn = 0;
  return () => {
    const blocks: string[] = [];
    for (let repeat = 0; repeat < 10; repeat++, turn++) {
      const key = `{"node":"edge-${turn % NODES}","sequence":${Math.floor(turn / NODES)},`;
      for (const row of rows) blocks.push(key + row);
    }
    return { body: Buffer.from(`{"samples":[${blocks.join(",")}]}`), samples: blocks.length };
  };
}

/** By turns, so that no connection is idle for so long that the server closes it. */
const agent = new Agent({ keepAlive: true, maxSockets: 16, scheduling: "fifo" });

/** Posts a body and answers what came back. */
export function post(port: number, path: string, body: Buffer, token = TOKEN): Promise<Record<string, number>> {
  const headers = {
    "content-type": "application/json",
    "content-length": body.length,
    authorization: `Bearer ${token}`,
  };
  return new Promise((resolve, reject) => {
    const request = httpRequest({ port, host: "127.0.0.1", method: "POST", path, headers, agent }, (response) => {
      let text = "";
      response.on("data", (chunk) => (text += chunk));
      response.on("end", () => {
        if (response.statusCode === 200) resolve(JSON.parse(text));
        else reject(new Error(`${path}: ${response.statusCode} ${text}`));
      });
    });
    request.on("error", reject);
    request.end(body);
  });
}

let serial = 0;

/** Whose outcomes are told. */
export interface Arms {
  readonly system: string;
  readonly releases: readonly string[];
}

/** A body of `POST /v1/outcomes` with so many decisions, each a report of its own. */
export function outcomes(events: number, { system, releases }: Arms = { system: "loans", releases: RELEASES }): Buffer {
  const second = Math.floor(Date.now() / 1000);
  const items = Array.from({ length: events }, () => ({
    system,
    release: releases[serial % 2],
    second,
    key: `bench-run-${serial++}`,
    counts: { decisions: 1, approvals: 1 },
  }));
  return Buffer.from(JSON.stringify({ outcomes: items }));
}
