import type { Playbook } from "../core/playbook.ts";
import { refuse } from "../core/refusal.ts";
import { unfinishedRollout } from "../core/unfinished-rollout.ts";
import { NO_ROUTE } from "./gate.ts";
import type { ControlPorts } from "./ports.ts";

/**
 * Gives the observed release a share because a person says so. It stays until a person says something else, also when the
 * rollout has ended, or until the next release is announced.
 * @throws RELEASE_REFUSED unless the playbook observes and a rollout is running; a share can be taken away without one.
 */
export async function setWeight(
  ports: ControlPorts,
  playbook: Playbook,
  percent: number,
  by: string,
  given?: string,
): Promise<void> {
  const { system, authority } = playbook;
  if (authority !== "observe")
    throw refuse(
      "under `authority: act` only the rollout moves traffic",
      "`rollbook pause`, `promote`, `abort` and `rollback` steer it.",
    );
  const current = ports.traffic.current(system);
  if (!current) throw refuse(`there is no route of ${system} here`, NO_ROUTE);
  const rollout = await unfinishedRollout(ports.store, system);
  if (!rollout && percent === 0) return withdrawShare(ports, system, by, given);
  if (!rollout) throw refuse("no release is being observed", "Announce one with `rollbook release`.");
  const { candidate } = rollout;
  const route = { ...current, epoch: current.epoch + 1, candidate, candidatePpm: Math.round(percent * 10_000) };
  const entry = { type: "exposure", at: ports.clock.now(), system, actor: by, rollout: rollout.id } as const;
  await ports.store.commit([
    { kind: "route", route },
    { kind: "entry", entry: { ...entry, data: { percent, epoch: route.epoch, candidate, by, given } } },
  ]);
  ports.traffic.set(route);
  ports.traffic.renew(system, Number.MAX_SAFE_INTEGER);
}

/** Takes away the share that a release has without a rollout. */
export async function withdrawShare(
  { store, traffic, clock }: ControlPorts,
  system: string,
  by: string,
  given?: string,
): Promise<void> {
  const current = traffic.current(system);
  if (!current || current.candidatePpm === 0) return;
  const { candidate, ...rest } = current;
  const route = { ...rest, epoch: rest.epoch + 1, candidatePpm: 0 };
  traffic.set(route);
  const data = { percent: 0, epoch: route.epoch, candidate, by, given };
  await store.commit([
    { kind: "route", route },
    { kind: "entry", entry: { type: "exposure", at: clock.now(), system, actor: by, data } },
  ]);
}

/** Under `authority: act` no release has a share without a rollout; one may be left from when people gave the shares. */
export async function withdrawOrphan(ports: ControlPorts, { system, authority }: Playbook): Promise<void> {
  if (authority !== "act" || (ports.traffic.current(system)?.candidatePpm ?? 0) === 0) return;
  if (!(await unfinishedRollout(ports.store, system))) await withdrawShare(ports, system, "rollbook");
}
