import { isRoute, type Playbook } from "../core/playbook.ts";
import type { RestoreAdapter } from "../core/ports.ts";
import type { ComponentName } from "../core/release.ts";

/** One address of a component, with what serves it. */
export interface ServedPlace {
  readonly component: ComponentName;
  readonly at: string;
  readonly adapter: RestoreAdapter;
}

/** Every place of every component that is restored; what nothing serves is for others to say. */
export function servedPlaces(
  { components }: Pick<Playbook, "components">,
  adapterFor: (at: string) => RestoreAdapter,
): readonly ServedPlace[] {
  return components
    .filter((component) => !isRoute(component))
    .flatMap(({ name, at, beside }) =>
      [at, ...(beside === undefined ? [] : [beside])].map((one) => ({ name, at: one })),
    )
    .flatMap(({ name, at }) => {
      const adapter = servedBy(adapterFor, at);
      return adapter ? [{ component: name, at, adapter }] : [];
    });
}

function servedBy(adapterFor: (at: string) => RestoreAdapter, at: string): RestoreAdapter | undefined {
  try {
    return adapterFor(at);
  } catch {
    return undefined;
  }
}
