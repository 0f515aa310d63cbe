import { digestOf } from "../../core/digest.ts";
import { defineRelease, type Release } from "../../core/release.ts";
import type { Sample } from "../../core/sample.ts";
import { createPrometheusSource, type PrometheusSourceOptions } from "./prometheus-source.ts";
import { type Line, startPrometheusTwin } from "./prometheus-twin.fixture.ts";
import { createQueryApi } from "./query-api.ts";
import type { PrometheusSignal } from "./signal-counter.ts";

const release = (name: string): Release =>
  defineRelease("loans", name, {
    model: { digest: digestOf(`model ${name}`), label: `credit-model ${name}` },
    prompt: { digest: digestOf("one prompt"), label: "the prompt" },
  });
export const stable = release("r1");
export const candidate = release("r2");

export const approvals: PrometheusSignal = {
  signal: { name: "approvals", kind: "share", part: "approved", of: "decisions", from: "prometheus", better: "up" },
  of: "decisions_total",
  part: "approved_total",
  release: "track",
};

/** A twin that is scraped every second, and a source that asks it. */
export async function createSourceWorld(more: Partial<PrometheusSourceOptions> = {}) {
  const twin = await startPrometheusTwin();
  const signal = AbortSignal.timeout(20_000);
  const sourceOf = (node: string) => {
    const api = createQueryApi({ url: twin.url, timeoutMs: 1000, headers: { "X-Scope-OrgID": "lending" } });
    const arms = () => ({ stable, candidate });
    const clock = { now: () => twin.now, sleep: async () => {} };
    return createPrometheusSource({ api, signals: [approvals], node, arms, clock, ...more });
  };
  const made = () => {
    try {
      return sourceOf("n1");
    } catch (error) {
      void twin.stop();
      throw error;
    }
  };
  const source = made();
  const told: Sample[] = [];

  return {
    twin,
    source,
    sourceOf,
    told,
    /** Time goes on by a second, in whose first half the targets are scraped. */
    scrape(targets: Readonly<Record<string, readonly Line[]>>, at = 100) {
      twin.now = Math.floor(twin.now / 1000) * 1000 + 1000 + at;
      for (const [instance, lines] of Object.entries(targets)) twin.scrape(instance, lines);
    },
    /** Polls when all that was scraped is over, and gathers what is told. */
    async poll() {
      twin.now += 2000;
      const health = await source.poll(signal);
      told.push(...source.drain());
      return health;
    },
    total(of: Release = candidate, name = "approvals"): readonly [n: number, k: number] {
      const own = told.filter((sample) => sample.release === of.id && sample.signal === name);
      return [own.reduce((sum, { n }) => sum + n, 0), own.reduce((sum, { k }) => sum + k, 0)];
    },
  };
}

/** The two counters of one track. */
export function lines(n: number | string, k: number | string, track = "candidate"): readonly Line[] {
  return [
    ["decisions_total", { track }, n],
    ["approved_total", { track }, k],
  ];
}
