import type { Playbook } from "../core/playbook.ts";
import { refuse } from "./gate.ts";
import type { ControlPorts } from "./ports.ts";

/**
 * Gives the observed release a share because a person says so. It stays until a person says something else, or its rollout
 * ends and the next one is observed.
 * @throws RELEASE_REFUSED unless the playbook observes and a rollout is running.
 */
export async function setWeight(ports: ControlPorts, playbook: Playbook, percent: number, by: string): Promise<void> {
  const { system, authority } = playbook;
  if (authority !== "observe") throw refuse("under `authority: act` only the rollout moves traffic");
  const rollout = (await ports.store.rollouts(system)).find(({ endedAt }) => endedAt === undefined);
  if (!rollout) throw refuse("no release is being observed; announce one with `rollbook release`");
  const current = ports.traffic.current(system);
  if (!current) throw refuse(`there is no route of ${system} here`);
  const { candidate } = rollout;
  const route = { ...current, epoch: current.epoch + 1, candidate, candidatePpm: Math.round(percent * 10_000) };
  const entry = { type: "exposure", at: ports.clock.now(), system, actor: by, rollout: rollout.id } as const;
  await ports.store.commit([
    { kind: "route", route },
    { kind: "entry", entry: { ...entry, data: { percent, epoch: route.epoch, candidate, by } } },
  ]);
  ports.traffic.set(route);
  ports.traffic.renew(system, Number.MAX_SAFE_INTEGER);
}
