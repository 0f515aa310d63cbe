import { Pool } from "undici";
import type { Limits } from "./limits.ts";

/** Where requests go: connections, and the path that the address carries. */
export interface Upstream {
  readonly pool: Pool;
  readonly base: string;
}

/** Makes the pool of an address; nothing is connected yet. Throws a TypeError for what is no URL. */
export function openUpstream(address: string | URL, limits: Limits): Upstream {
  const url = new URL(address);
  const pool = new Pool(url.origin, {
    connections: limits.connections,
    connect: { timeout: limits.connect },
    headersTimeout: limits.headers,
    bodyTimeout: limits.silence,
  });
  return { pool, base: url.pathname.replace(/\/$/, "") };
}
