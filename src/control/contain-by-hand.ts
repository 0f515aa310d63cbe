import type { Route } from "../core/entry.ts";
import type { Playbook } from "../core/playbook.ts";
import type { Change } from "../core/ports.ts";
import { refuse } from "../core/refusal.ts";
import { fallbacksOf } from "./containment.ts";
import { NO_ROUTE } from "./gate.ts";
import type { ControlPorts } from "./ports.ts";
import { type Failure, type Missed, recordOrMiss } from "./record-afterwards.ts";
import type { Unrecorded } from "./run.ts";
import { sinceNow } from "./seat.ts";

/** Containment by a person, between rollouts. */
export interface HandContainment {
  /**
   * Sends all traffic to the other way or to the safe state, or lets the route count again (`stable`): at once, and
   * recorded afterwards where the store takes no write. @throws RELEASE_REFUSED where the edge cannot.
   */
  to(to: "stable" | "else" | "safe", by: string, reason: string, given?: string): Promise<Missed | undefined>;
  /** What stands and is not recorded yet. */
  unrecorded(): Unrecorded | undefined;
}

/** `over`: the process ends, and nothing is tried again here. */
export function createHandContainment(ports: ControlPorts, playbook: Playbook, over: () => boolean): HandContainment {
  const { store, traffic, clock } = ports;
  const { system } = playbook;
  /** Entries that the store has not taken, oldest first; the newest route stands for all of them. */
  let owed: readonly Change[] = [];
  let newest: Route | undefined;
  let sent: { readonly epoch: number; readonly entries: readonly Change[] } | undefined;
  let unrecorded: Unrecorded | undefined;
  let recording: Promise<Missed | undefined> = Promise.resolve(undefined);

  const written = (entries: readonly Change[]) => {
    owed = owed.filter((entry) => !entries.includes(entry));
  };
  const write = async (): Promise<void> => {
    while (newest && owed.length > 0) {
      const [route, entries] = [newest, owed];
      // What came later must not be undone by what is recorded late.
      const isNewer = ((await store.route(system))?.epoch ?? 0) < route.epoch;
      sent = { epoch: route.epoch, entries };
      await store.commit([...(isNewer ? [{ kind: "route", route } as const] : []), ...entries]);
      written(entries);
    }
  };
  const recorded = async () => {
    if (sent && (await store.route(system))?.epoch === sent.epoch) written(sent.entries);
    return owed.length === 0;
  };
  const missed = ({ fault, ...given }: Failure) => {
    if (fault !== undefined) ports.log?.(`${system}: ${fault}`);
    unrecorded = { what: "contained by hand, and that cannot be recorded", ...given };
    const text = `${unrecorded.what}: ${given.reason}\nIt is recorded when the store takes writes.`;
    tell(fault === undefined ? "but the store takes no write" : "but Rollbook itself is broken", text);
  };
  const lost = () => {
    end();
    if (over()) return;
    tell(
      "and that was never recorded",
      "Another controller acts by now and knows nothing of it: give the order again.",
    );
  };
  const tell = (what: string, text: string) => {
    const subject = `${system}: traffic was sent by hand, ${what}`;
    ports.notifier.notify(playbook.who.now, subject, text, system).catch(() => undefined);
  };
  const end = () => {
    owed = [];
    unrecorded = undefined;
  };
  const record = async (last: Missed | undefined): Promise<Missed | undefined> => {
    if (unrecorded) return last;
    const outrun = ports.seat && { outrun: sinceNow(ports.seat) };
    const stand = () => undefined;
    const found = await recordOrMiss({ clock, write, recorded, over, missed, stand, caughtUp: end, ...outrun });
    found?.afterwards.catch(lost);
    return found;
  };

  return {
    async to(to, by, reason, given) {
      const current = traffic.current(system);
      if (!current) throw refuse(`there is no route of ${system} here`, NO_ROUTE);
      if (to !== "stable" && !fallbacksOf(ports, playbook)[to])
        throw refuse(
          `\`how.${to}\` is not declared, or the edge has no way there`,
          `Declare it in the playbook, and \`systems.${system}.gateway.${to}\` in connections.yaml.`,
        );
      const { contained: before, ...rest } = current;
      const contained = to === "stable" ? {} : { contained: to };
      newest = { ...rest, epoch: rest.epoch + 1, candidatePpm: 0, ...contained };
      traffic.set(newest);
      const at = clock.now();
      const data = { to, reason, epoch: newest.epoch, before, containedAt: at, given };
      owed = [...owed, { kind: "entry", entry: { type: "contained", at, system, actor: by, data } }];
      recording = recording.then(record, () => record(undefined));
      return recording;
    },
    unrecorded: () => unrecorded,
  };
}
