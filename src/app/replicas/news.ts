import type { Json } from "../../core/digest.ts";
import type { Exchange } from "../../core/exchange.ts";

/** What happens at one replica, for people who watch at another. For eyes only: nothing is decided by it. */
export interface News {
  publish(event: object): void;
  send(): Promise<void>;
  hear(): Promise<void>;
}

/** Waiting for a store that is away: more than these are not worth telling. */
const MOST = 200;
/** Numbers are given before they are visible: so far back may one come late. */
const LATE = 50;

export function createNews(exchange: Exchange, name: string, tell: (event: object) => void): News {
  let waiting: Json[] = [];
  let newest = 0;
  let heard = new Set<number>();
  return {
    publish(event) {
      waiting.push(event as Json);
      if (waiting.length > MOST) waiting = waiting.slice(-MOST);
    },
    async send() {
      const events = waiting;
      waiting = [];
      if (events.length > 0) await exchange.tell(name, events);
    },
    async hear() {
      const told = await exchange.told(name, newest - LATE);
      for (const { number, event } of told) {
        if (!heard.has(number)) tell(event as object);
        heard.add(number);
        newest = Math.max(newest, number);
      }
      heard = new Set([...heard].filter((number) => number > newest - LATE));
    },
  };
}
