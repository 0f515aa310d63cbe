import type { Playbook } from "../core/playbook.ts";
import type { Change } from "../core/ports.ts";
import type { Rollout } from "../core/rollout.ts";
import { servingPlace } from "../decide/place.ts";
import { insistFree } from "./gate.ts";
import type { Unannounced } from "./idle-watch.ts";
import type { ControlPorts } from "./ports.ts";
import { newRollout } from "./release.ts";

/** Records a release that came without Rollbook as a rollout without a gate. @throws RELEASE_REFUSED while one is running. */
export async function openUnannounced(ports: ControlPorts, playbook: Playbook, found: Unannounced): Promise<Rollout> {
  await insistFree(ports, playbook);
  const { rollout, changes, say } = unannouncedRollout(ports, playbook, found);
  await ports.store.commit(changes);
  say();
  return rollout;
}

/**
 * The rollout of a release that came without Rollbook, and what it is recorded with. `say` tells people of it.
 * @param more what is known of the rollout beyond that
 * @param given the id of a person's order that it is opened for
 */
export function unannouncedRollout(
  ports: ControlPorts,
  playbook: Playbook,
  { stable, candidate, frozen }: Unannounced,
  more: Partial<Rollout> = {},
  given?: string,
): { readonly rollout: Rollout; readonly changes: readonly Change[]; readonly say: () => void } {
  const place = servingPlace(ports.traffic.current(playbook.system));
  const rollout: Rollout = {
    ...newRollout(ports, playbook, candidate, stable.id),
    place,
    unannounced: true,
    frozen,
    ...more,
  };
  const { system } = playbook;
  const changed = Object.entries(candidate.revisions).filter(
    ([name, { digest }]) => stable.revisions[name]?.digest !== digest,
  );
  const data = {
    candidate: candidate.id,
    stable: stable.id,
    playbook: playbook.digest,
    authority: playbook.authority,
    changed: Object.fromEntries(changed.map(([name, { digest, label }]) => [name, { digest, label }])),
    given,
  };
  const at = ports.clock.now();
  const isNew = ([name]: readonly [string, unknown]) => stable.revisions[name] === undefined;
  const namesOf = (some: readonly (readonly [string, unknown])[]) => some.map(([name]) => name).join(", ");
  const [added, moved] = [changed.filter(isNew), changed.filter((one) => !isNew(one))];
  const what = [
    ...(moved.length > 0 ? [`${namesOf(moved)} changed without Rollbook`] : []),
    ...(added.length > 0 ? [`${namesOf(added)} ${added.length === 1 ? "is" : "are"} new in the playbook`] : []),
  ].join("; ");
  return {
    rollout,
    changes: [
      { kind: "release", release: candidate },
      { kind: "rollout", rollout },
      { kind: "entry", entry: { type: "noticed", at, system, actor: "rollbook", rollout: rollout.id, data } },
    ],
    say() {
      ports.emit({ kind: "noticed", at, rollout, text: `${what}: ${candidate.label}` });
      const text =
        moved.length > 0
          ? "Nobody announced it, so there was no gate. It is judged against the window before it."
          : "Nothing that was known has changed. What serves is judged with it, and is the last known good then.";
      ports.notifier.notify(playbook.who.now, `${system}: ${what}`, text, rollout.id).catch(() => undefined);
    },
  };
}
