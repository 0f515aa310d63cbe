import type { Seat } from "../../control/seat.ts";
import type { Exchange, OpenOrder, SystemView, View } from "../../core/exchange.ts";
import type { FlagState, Store, TrafficAdapter } from "../../core/ports.ts";
import type { ReleaseId } from "../../core/release.ts";
import type { Sample } from "../../core/sample.ts";
import type { AnyOperation } from "../../operations/operation.ts";
import { EXPOSURE_MS } from "../settings.ts";
import { systemClock } from "../system-clock.ts";
import { createBrakes, isCord } from "./brakes.ts";
import { type FollowedEdge, followEdge } from "./followed-edge.ts";
import { createNews } from "./news.ts";
import { createOrders, type Orders } from "./orders.ts";
import { createSampleMail } from "./sample-mail.ts";
import { createSeats } from "./seats.ts";

/** How often the store is looked at without a hint, and how often counts go to the holder. */
const LOOK_MS = 250;
const POST_MS = 200;
/** How often due renewals are looked for, and seats that ran out. */
const BEAT_MS = 100;
/** Clocks that are further apart are told. */
const SKEW_MS = 1000;

/** What one system gives to be one of several replicas', and gets for it. */
export interface Joining {
  readonly system: string;
  readonly edge: TrafficAdapter;
  /** What was counted here since the last call. */
  readonly drain: () => readonly Sample[];
  readonly acts: () => boolean;
}

export interface Joined {
  readonly seat: Seat;
  readonly traffic: TrafficAdapter;
  /** What other replicas have counted. */
  readonly mail: () => readonly Sample[];
  /** Runs whenever we take the seat, until the signal ends it. */
  attend(begin: (signal: AbortSignal) => void): void;
  /** Who holds the seat, as far as we know. */
  holder(): { readonly here: boolean; readonly name?: string };
}

/** This process as one of several over one store. */
export interface Replicas {
  readonly name: string;
  join(joining: Joining): Joined;
  /** The operations as this replica serves them. To be called once. */
  share(operations: readonly AnyOperation[]): readonly AnyOperation[];
  /** Something happened here: people who watch at other replicas see it too. */
  publish(event: object): void;
  stop(): Promise<void>;
}

export interface ReplicaParts {
  readonly store: Store;
  readonly exchange: Exchange;
  /** Names this process among the replicas; new with every start. */
  readonly name: string;
  readonly log: (text: string) => void;
  /** Makes releases known to this process, before a route that names them is followed. */
  readonly learn: (releases: readonly ReleaseId[]) => Promise<void>;
  readonly followFlags: (flags: readonly FlagState[]) => void;
  /** Something that happened at another replica, for people who watch here. */
  readonly hear: (event: object) => void;
}

interface Member extends Joined {
  readonly joining: Joining;
  readonly followed: FollowedEdge;
  view?: SystemView;
  term?: AbortController;
  begin?: (signal: AbortSignal) => void;
}

export function createReplicas(parts: ReplicaParts): Replicas {
  const { store, exchange, name, log } = parts;
  const members = new Map<string, Member>();
  const stopped = new AbortController();
  let wake = new AbortController();
  let orders: Orders | undefined;
  const mail = createSampleMail(exchange);
  const seats = createSeats(store, exchange, name, (system) => {
    members.get(system)?.term?.abort();
    if (!stopped.signal.aborted) log(`${system}: another replica may act on it now; this one follows`);
  });
  const news = createNews(exchange, name, parts.hear);
  const brakes = createBrakes(store, (system) => members.get(system)?.followed);
  const held = () => [...members.keys()].filter((system) => seats.of(system).lease());

  /** The seat is ours: what is newest in the store counts, and then we act. */
  const begin = async (member: Member): Promise<void> => {
    const { system } = member.joining;
    const term = new AbortController();
    member.term = term;
    const [route, flags] = await Promise.all([store.route(system), store.flags()]);
    if (term.signal.aborted) return;
    parts.followFlags(flags);
    if (route) await parts.learn(releasesOn(route));
    member.followed.takeOver(route, member.joining.acts());
    log(`${system}: this replica acts on it`);
    member.begin?.(term.signal);
  };

  const follow = async (member: Member, view: SystemView, asked: number): Promise<void> => {
    member.view = view;
    const { system } = member.joining;
    if (seats.of(system).lease()) return;
    const { route } = view;
    // Nothing is waited for where traffic is only taken away.
    const news = route && (route.candidatePpm > 0 || route.stable !== member.joining.edge.current(system)?.stable);
    if (news) await parts.learn(releasesOn(route));
    member.followed.follow(view, asked, EXPOSURE_MS);
    if (view.left > 0 || !member.begin || stopped.signal.aborted) return;
    if (!(await seats.take(system))) return;
    await begin(member).catch(async (error: Error) => {
      await seats.giveUp(system);
      throw error;
    });
  };

  const heed = (open: readonly OpenOrder[]) => {
    for (const order of open) if (isCord(order) && members.get(order.system)?.joining.acts()) brakes.pull(order);
    brakes.look(open);
    orders?.carryOut(open);
  };

  let told = 0;
  const noteClock = (ahead: number) => {
    if (Math.abs(ahead) > SKEW_MS && Math.abs(ahead - told) > SKEW_MS) {
      log(
        `this machine's clock is ${(ahead / 1000).toFixed(1)} s behind the database's: seconds of requests are misread`,
      );
      told = ahead;
    }
  };

  const look = async (): Promise<View> => {
    const asked = systemClock.now();
    const view = await exchange.look([...members.keys()]);
    noteClock(view.now - (asked + systemClock.now()) / 2);
    parts.followFlags(view.flags);
    const followAll = view.systems.map(async (one) => {
      const member = members.get(one.system);
      if (member) await follow(member, one, asked).catch((error: Error) => log(`${one.system}: ${error.message}`));
    });
    await Promise.all(followAll);
    heed(view.orders);
    await mail.fetch(held());
    await news.hear();
    return view;
  };

  const repeat = async (work: () => Promise<number>): Promise<void> => {
    while (!stopped.signal.aborted) {
      const pause = await work().catch(() => LOOK_MS);
      if (pause > 0) await systemClock.sleep(pause, AbortSignal.any([stopped.signal, wake.signal]));
    }
  };
  const loops = [
    repeat(async () => {
      wake = new AbortController();
      if (members.size === 0) return LOOK_MS;
      const { systems } = await look();
      // A lease that is about to end is looked at right then.
      const ends = systems.map(({ left }) => left + 5).filter((left) => left > 5);
      return Math.min(LOOK_MS, ...ends);
    }),
    every(BEAT_MS, stopped.signal, async () => {
      seats.expire();
      void seats.renew();
    }),
    every(POST_MS, stopped.signal, () =>
      mail.send(
        [...members.values()]
          .filter(({ joining }) => !seats.of(joining.system).lease())
          .map(({ joining: { system, drain } }) => ({ system, drain })),
      ),
    ),
  ];
  loops.push(every(POST_MS, stopped.signal, news.send));
  exchange.onHint(() => wake.abort(), stopped.signal);

  return {
    name,
    join(joining) {
      const { system } = joining;
      const seat = seats.of(system);
      const followed = followEdge(system, joining.edge, seat);
      const member: Member = {
        joining,
        followed,
        seat: {
          ...seat,
          elsewhere: () => !seat.lease() && (member.view?.left ?? 0) > 0 && member.view?.holder !== name,
        },
        traffic: followed.traffic,
        mail: () => mail.take(system),
        attend(work) {
          member.begin = work;
          wake.abort();
        },
        holder: () => {
          const here = seat.lease() !== undefined;
          const known = here ? name : member.view && member.view.left > 0 ? member.view.holder : undefined;
          return { here, ...(known === undefined ? {} : { name: known }) };
        },
      };
      members.set(system, member);
      return member;
    },
    share(operations) {
      orders = createOrders(operations, {
        store,
        exchange,
        seatOf: seats.of,
        systems: () => [...members.keys()],
        systemOfRollout: (rollout) =>
          [...members.values()].find(({ view }) => rollout !== undefined && view?.rollout === rollout)?.joining.system,
        stopped: stopped.signal,
        brake: (order) => {
          if (members.get(order.system)?.joining.acts()) brakes.pull(order);
        },
        carried: brakes.carried,
        release: brakes.release,
      });
      return orders.operations;
    },
    publish: news.publish,
    async stop() {
      await seats.leave();
      exchange.hint();
      stopped.abort();
      wake.abort();
      await Promise.all(loops);
      await exchange.close();
    },
  };
}

function releasesOn({ stable, candidate }: { readonly stable: ReleaseId; readonly candidate?: ReleaseId }) {
  return candidate === undefined ? [stable] : [stable, candidate];
}

/** Does something again and again, whatever becomes of it, until the signal ends it. */
async function every(pause: number, signal: AbortSignal, work: () => Promise<void>): Promise<void> {
  while (!signal.aborted) {
    await work().catch(() => undefined);
    await systemClock.sleep(pause, signal);
  }
}
