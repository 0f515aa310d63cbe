import assert from "node:assert/strict";
import { it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { listen } from "./http-service.ts";
import { type Outcome, outcomeReporter } from "./outcome-reporter.ts";

it("a batch that failed is sent again with the same content, and nothing is lost", async () => {
  const seen: { token: unknown; outcomes: readonly Outcome[] }[] = [];
  const rollbook = await listen((call) => {
    const { outcomes } = call.body as { outcomes: readonly Outcome[] };
    seen.push({ token: call.headers.authorization, outcomes });
    return { status: seen.length === 1 ? 503 : 202, body: {} };
  });
  const reporter = outcomeReporter({ rollbook: `http://127.0.0.1:${rollbook.port}`, token: "secret", every: 10 });
  reporter.report({ request: "r1", counts: { loans: 1, defaulted: 0 } });
  while (reporter.state().reported < 1) await sleep(10);
  reporter.report({ request: "r2", counts: { loans: 1, defaulted: 1 } });
  await reporter.close();
  await rollbook.close();
  assert.deepEqual(reporter.state(), { reported: 2, waiting: 0, dropped: 0 });
  assert.equal(seen[0]?.token, "Bearer secret");
  assert.deepEqual(seen[0]?.outcomes, seen[1]?.outcomes);
});

it("an outcome that Rollbook refuses, or that cannot be delivered, is counted as dropped", async () => {
  const rollbook = await listen(() => ({ status: 401, body: {} }));
  const base = `http://127.0.0.1:${rollbook.port}`;
  const refused = outcomeReporter({ rollbook: base, token: "wrong", every: 10 });
  refused.report({ request: "r1", counts: { loans: 1 } });
  await refused.close();
  assert.deepEqual(refused.state(), { reported: 0, waiting: 0, dropped: 1 });
  await rollbook.close();
  const unreachable = outcomeReporter({ rollbook: base, token: "", every: 10, attempts: 1 });
  unreachable.report({ request: "r1", counts: { loans: 1 } });
  await unreachable.close();
  assert.equal(unreachable.state().dropped, 1);
});
