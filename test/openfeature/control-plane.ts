import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { createAdaptorServer } from "@hono/node-server";
import { Hono } from "hono";
import { digestOf } from "../../src/core/digest.ts";
import type { Signal, Trigger } from "../../src/core/playbook.ts";
import { createCounter } from "../../src/traffic/attribution/counter.ts";
import { type OutcomeItem, reportToAny } from "../../src/traffic/attribution/outcome-intake.ts";
import { createAssignments } from "../../src/traffic/flags/assignments.ts";
import { createFlags, defineFlag } from "../../src/traffic/flags/flag-book.ts";
import { answerOfrep } from "../../src/traffic/flags/ofrep.ts";
import { createFlagTraffic, type FlagTrafficOptions } from "../../src/traffic/flags/release-flag.ts";

export const stable = digestOf("stable");
export const candidate = digestOf("candidate");
export const ALL = 1_000_000;

const approvals: Signal = {
  name: "approvals",
  kind: "share",
  part: "approved",
  of: "decisions",
  from: "events",
  better: "up",
};

const signals: readonly Signal[] = [
  approvals,
  { ...approvals, name: "mood", kind: "mean", part: "sentiment", range: [-1, 1] },
  { ...approvals, name: "happy", part: "happy", of: "chats", per: "session" },
];
const triggers: readonly Trigger[] = [
  { kind: "differ", name: "unfair", signal: "happy", across: "age", by: { kind: "points", value: 0.1 } },
];

/** The flags' part of a control plane on a real loopback server, mounted as the application mounts it. */
export async function startControlPlane(values: FlagTrafficOptions["values"] = labelOf, port = 0) {
  const clock = {
    now: () => Date.now(),
    sleep: (span: number, signal?: AbortSignal) => sleep(span, undefined, { signal }).catch(() => undefined),
  };
  const requestKey = new Uint8Array(32).fill(4);
  const counter = createCounter({ signals, triggers, node: "n", clock, requestKey });
  const flag = createFlagTraffic({ system: "loans", key: "loan-release", clock, counter, requestKey, values });
  const assignments = createAssignments(clock, [flag]);
  const tone = defineFlag("tone", { calm: "calm", brisk: "brisk" }, "calm");
  const flags = createFlags([tone], undefined, assignments.flagChanged);
  const reports: OutcomeItem[][] = [];
  const api = new Hono();
  api.post("/ofrep/v1/evaluate/flags/:key?", async (context) => {
    const match = context.req.header("if-none-match");
    const options = { releases: [flag], changes: "/ofrep/v1/changes" };
    const said = answerOfrep(flags, "POST", context.req.path, await context.req.text(), match, options)!;
    return new Response(said.status === 304 ? null : said.body, { status: said.status, headers: said.headers });
  });
  api.get("/ofrep/v1/changes", (context) => assignments.changes(context.req.raw.signal));
  api.get("/v1/assignments/:system", (context) => {
    const system = context.req.param("system");
    if (context.req.header("accept") === "text/event-stream") return assignments.stream(system, context.req.raw.signal);
    const { status, headers, body } = assignments.answer(system, context.req.query());
    return new Response(body, { status, headers });
  });
  api.post("/v1/outcomes", async (context) => {
    if (context.req.header("authorization") !== "Bearer secret") return context.text("no", 401);
    const { outcomes } = (await context.req.json()) as { outcomes: OutcomeItem[] };
    reports.push(outcomes);
    return context.json(reportToAny(new Map([["loans", counter]]), outcomes));
  });
  const server = createAdaptorServer({ fetch: api.fetch }) as Server;
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  let epoch = 0;
  return {
    url,
    flag,
    flags,
    counter,
    assignments,
    reports,
    /** Gives the candidate this share, for as long as the lease says. */
    share(candidatePpm: number, leaseMs = 60_000, at = ++epoch): void {
      flag.traffic.set({ system: "loans", epoch: at, stable, candidate, candidatePpm });
      flag.traffic.renew("loans", Date.now() + leaseMs);
    },
    async stop(): Promise<void> {
      assignments.close();
      flag.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function labelOf(release: string): string {
  return release === stable ? "credit-11" : "credit-12";
}
