import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** Decisions of one track of one process, and how many of them were approvals. */
export interface TrackCounts {
  n: number;
  k: number;
}

/** An application with a page of metrics, whose counters the test moves. */
export interface ScrapedApp {
  /** `HOST:PORT`, as a scrape target. */
  readonly target: string;
  readonly tracks: Map<string, TrackCounts>;
  /** Tracks that the page leaves out. */
  readonly hidden: Set<string>;
  /** What stands in the place of a counter's value, by `NAME TRACK`. */
  readonly written: Map<string, string>;
  /** Lines besides the counters. */
  extra: string;
  readonly scrapes: number;
  add(track: string, n: number, k: number): void;
  /** The process ends and begins anew; answers what nobody had scraped. */
  restart(): ReadonlyMap<string, TrackCounts>;
  stop(): Promise<void>;
}

export async function startScrapedApp(): Promise<ScrapedApp> {
  let begun = Date.now() / 1000;
  let scrapes = 0;
  let shown = new Map<string, TrackCounts>();

  function page(): string {
    scrapes += 1;
    const lines = [`process_start_time_seconds ${begun}`, app.extra];
    for (const [track, counts] of app.tracks) {
      if (app.hidden.has(track)) continue;
      const flawed = [...app.written.keys()].some((key) => key.endsWith(` ${track}`));
      if (!flawed) shown.set(track, { ...counts });
      for (const [name, value] of [
        ["decisions_total", counts.n],
        ["approved_total", counts.k],
      ] as const) {
        lines.push(`${name}{track="${track}"} ${app.written.get(`${name} ${track}`) ?? value}`);
      }
    }
    return `${lines.join("\n")}\n`;
  }
  const server = createServer((_, response) => {
    response.writeHead(200, { "content-type": "text/plain; version=0.0.4" }).end(page());
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));

  const app: ScrapedApp = {
    target: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    tracks: new Map(),
    hidden: new Set(),
    written: new Map(),
    extra: "",
    get scrapes() {
      return scrapes;
    },
    add(track, n, k) {
      const counts = app.tracks.get(track) ?? { n: 0, k: 0 };
      app.tracks.set(track, { n: counts.n + n, k: counts.k + k });
    },
    restart() {
      const lost = new Map(
        [...app.tracks].map(([track, { n, k }]) => {
          const known = shown.get(track) ?? { n: 0, k: 0 };
          return [track, { n: n - known.n, k: k - known.k }];
        }),
      );
      begun = Date.now() / 1000;
      shown = new Map();
      for (const track of app.tracks.keys()) app.tracks.set(track, { n: 0, k: 0 });
      return lost;
    },
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => void server.close(resolve));
    },
  };
  return app;
}
