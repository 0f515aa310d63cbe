import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { idOf } from "./counter-track.ts";

type Labels = Readonly<Record<string, string>>;
/** One scraped line: a name, its labels and its value. */
export type Line = readonly [name: string, labels: Labels, value: number | string];

/** A small Prometheus with a clock that the test moves: stores scrapes, answers selectors, ranges and steps. */
export interface PrometheusTwin {
  readonly url: string;
  /** Milliseconds since 1970. */
  now: number;
  /** What the next queries of this kind answer instead. */
  broken: { readonly status: number; readonly body: unknown } | undefined;
  warnings: readonly string[];
  /** Runs before each query is answered. */
  before: ((query: string) => void) | undefined;
  intervals: boolean;
  readonly asked: { readonly query: string; readonly headers: Readonly<Record<string, unknown>> }[];
  scrape(instance: string, lines: readonly Line[]): void;
  /** Forgets all samples, as a server with a new disk. */
  wipe(): void;
  stop(): Promise<void>;
}

interface Stored {
  readonly labels: Labels;
  readonly points: [number, string][];
}

const STALE = "stale";
const LOOK_BACK = 300_000;

export async function startPrometheusTwin(now = 1_700_000_000_000): Promise<PrometheusTwin> {
  const series = new Map<string, Stored>();
  const lastScrape = new Map<string, Set<string>>();

  function range(selector: string, from: number, to: number) {
    const matches = matcherOf(selector);
    return [...series.values()].flatMap(({ labels, points }) => {
      const within = points.filter(([at]) => at > from && at <= to);
      return matches(labels) && within.length > 0 ? [{ labels, points: within }] : [];
    });
  }

  function evaluate(query: string, at: number) {
    const over = /^last_over_time\((.*)\[(\w+)\]\)$/.exec(query);
    const ranged = over ?? /^(.*)\[(\w+)\]$/.exec(query);
    if (ranged) {
      const alive = range(ranged[1]!, at - spanOf(ranged[2]!), at).map(({ labels, points }) => ({
        labels,
        points: points.filter(([, value]) => value !== STALE),
      }));
      const found = alive.filter(({ points }) => points.length > 0);
      return over ? vector(found, at) : matrix(found);
    }
    return vector(instant(query, at), at);
  }

  /** Values at one moment: a selector, or `1 * selector`, of which a name is dropped. */
  function instant(query: string, at: number) {
    const scaled = /^1 \* (.*)$/.exec(query);
    return range(scaled?.[1] ?? query, at - LOOK_BACK, at).flatMap(({ labels, points }) => {
      const { __name__: _, ...rest } = labels;
      return points.at(-1)![1] === STALE ? [] : [{ labels: scaled ? rest : labels, points }];
    });
  }

  function answer(path: string, query: URLSearchParams): unknown {
    const text = query.get("query") ?? "";
    if (path === "/api/v1/targets") {
      const instances = new Set([...series.values()].map(({ labels }) => labels["instance"]!));
      const labelled = [...instances].map((instance) => ({ labels: { job: "app", instance }, scrapeInterval: "1s" }));
      return { activeTargets: labelled };
    }
    if (text === "time()") return { resultType: "scalar", result: [twin.now / 1000, String(twin.now / 1000)] };
    if (path === "/api/v1/query_range") {
      const [start, end, step] = ["start", "end", "step"].map((key) => Math.round(Number(query.get(key)) * 1000));
      const found = new Map<string, Stored>();
      for (let at = start!; at <= end!; at += step!) {
        for (const { labels, points } of instant(text, at)) {
          const id = idOf(labels);
          const one: Stored = found.get(id) ?? { labels, points: [] };
          found.set(id, one);
          one.points.push([at, points.at(-1)![1]]);
        }
      }
      return matrix([...found.values()]);
    }
    return evaluate(text, Math.round(Number(query.get("time")) * 1000));
  }

  const server = createServer(async (request, response) => {
    const url = new URL(request.url!, "http://twin");
    let form = "";
    for await (const chunk of request) form += chunk;
    const query = request.method === "POST" ? new URLSearchParams(form) : url.searchParams;
    const text = query.get("query") ?? url.pathname;
    twin.asked.push({ query: text, headers: request.headers });
    twin.before?.(text);
    const refused =
      twin.broken ?? (url.pathname === "/api/v1/targets" && !twin.intervals ? { status: 403, body: {} } : undefined);
    const answered = () => ({
      status: "success",
      data: answer(url.pathname, query),
      ...(twin.warnings.length > 0 && text !== "time()" ? { warnings: twin.warnings } : {}),
    });
    const body = refused ? refused.body : answered();
    response.writeHead(refused?.status ?? 200, { "content-type": "application/json" }).end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));

  const twin: PrometheusTwin = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    now,
    broken: undefined,
    warnings: [],
    before: undefined,
    intervals: true,
    asked: [],
    scrape(instance, lines) {
      const ids = new Set<string>();
      for (const [name, own, value] of lines) {
        const labels = { __name__: name, job: "app", instance, ...own };
        const id = idOf(labels);
        ids.add(id);
        const one: Stored = series.get(id) ?? { labels, points: [] };
        series.set(id, one);
        one.points.push([twin.now, String(value)]);
      }
      for (const id of lastScrape.get(instance) ?? []) if (!ids.has(id)) series.get(id)?.points.push([twin.now, STALE]);
      lastScrape.set(instance, ids);
    },
    wipe() {
      series.clear();
      lastScrape.clear();
    },
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => void server.close(resolve));
    },
  };
  return twin;
}

function matcherOf(selector: string): (labels: Labels) => boolean {
  const [, name, matchers = ""] = /^([\w:]+)(?:\{(.*)\})?$/.exec(selector) ?? [];
  const wanted = [...matchers.matchAll(/(\w+)\s*(=~|=)\s*"([^"]*)"/g)];
  return (labels) =>
    labels["__name__"] === name &&
    wanted.every(([, key, op, value]) =>
      op === "=" ? (labels[key!] ?? "") === value : new RegExp(`^(?:${value})$`).test(labels[key!] ?? ""),
    );
}

function spanOf(text: string): number {
  const [, amount, unit] = /^(\d+)([smh])$/.exec(text)!;
  return Number(amount) * { s: 1000, m: 60_000, h: 3_600_000 }[unit as "s" | "m" | "h"];
}

type Found = readonly { readonly labels: Labels; readonly points: readonly [number, string][] }[];

const vector = (found: Found, at: number) => ({
  resultType: "vector",
  result: found.map(({ labels, points }) => ({ metric: labels, value: [at / 1000, points.at(-1)![1]] })),
});
const matrix = (found: Found) => ({
  resultType: "matrix",
  result: found.map(({ labels, points }) => ({
    metric: labels,
    values: points.map(([at, value]) => [at / 1000, value]),
  })),
});
