import { withDeadline } from "../core/deadline.ts";
import { shortDigest } from "../core/digest.ts";
import { isRoute, type Playbook } from "../core/playbook.ts";
import type { Observed } from "../core/ports.ts";
import type { ComponentName, Release, Revision } from "../core/release.ts";
import type { Place } from "../core/rollout.ts";
import { addressIn } from "../decide/place.ts";
import type { ControlPorts } from "./ports.ts";

/** One component as it is now, or why that is not known. */
export type LiveComponent =
  | { readonly kind: "live"; readonly name: ComponentName; readonly at: string; readonly revision: Revision }
  | { readonly kind: "unreachable"; readonly name: ComponentName; readonly at: string; readonly reason: string };

/** One reading may take this long. */
const READ_MS = 5000;

/** Reads every component of a playbook in one place, side by side. Changes nothing and never throws. */
export async function readComponents(
  ports: Pick<ControlPorts, "adapterFor" | "clock">,
  playbook: Playbook,
  place: Place,
): Promise<readonly LiveComponent[]> {
  const reads = playbook.components
    .filter((component) => !isRoute(component))
    .map(async (component): Promise<LiveComponent> => {
      const { name } = component;
      const at = addressIn(component, place);
      const silent = (reason: string): Observed => ({ kind: "unreachable", reason });
      const live = await withDeadline(ports.clock, READ_MS, silent, async (signal) =>
        ports.adapterFor(at).read(at, signal),
      );
      if (live.kind === "unreachable") return { kind: "unreachable", name, at, reason: live.reason };
      const label = live.label ?? `${name} ${shortDigest(live.digest)}`;
      return { kind: "live", name, at, revision: { digest: live.digest, label } };
    });
  return Promise.all(reads);
}

/** The components that serve something else than a release says; one that cannot be read has not changed. */
export async function changedComponents(
  ports: Pick<ControlPorts, "adapterFor" | "clock">,
  playbook: Playbook,
  release: Release,
  place: Place,
): Promise<readonly Extract<LiveComponent, { readonly kind: "live" }>[]> {
  const found = await readComponents(ports, playbook, place);
  return found
    .filter((component) => component.kind === "live")
    .filter(({ name, revision }) => release.revisions[name]?.digest !== revision.digest);
}
