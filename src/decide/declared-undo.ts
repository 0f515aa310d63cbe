import type { ComponentSpec, Playbook } from "../core/playbook.ts";
import type { RestoreAdapter } from "../core/ports.ts";
import type { ComponentName } from "../core/release.ts";
import { servedPlaces } from "./served-places.ts";
import { RANK } from "./step-classes.ts";

/** A component of which nobody says whether its change can be undone. */
export interface UndeclaredUndo {
  readonly component: ComponentName;
  /** What, why, and what to do. */
  readonly text: string;
}

/**
 * The same playbook with the class of every component that the adapters of its addresses declare, where the playbook itself
 * says none. Of two places the one that can be undone less counts. What nobody declares stays undeclared.
 */
export function withDeclaredUndo(playbook: Playbook, adapterFor: (at: string) => RestoreAdapter): Playbook {
  const declared = ({ undo, ...component }: ComponentSpec): ComponentSpec => {
    if (undo !== undefined) return { ...component, undo };
    const said = servedPlaces({ components: [component] }, adapterFor).map(({ at, adapter }) => adapter.undo(at));
    const known = said.filter((one) => one !== undefined);
    if (known.length === 0 || known.length < said.length) return component;
    return { ...component, undo: known.reduce((one, other) => (RANK[other] > RANK[one] ? other : one)) };
  };
  return { ...playbook, components: playbook.components.map(declared) };
}

/** What neither the playbook nor an adapter declares: no such playbook is published, and no release goes out under one. */
export function undeclaredUndo(
  playbook: Playbook,
  adapterFor: (at: string) => RestoreAdapter,
): readonly UndeclaredUndo[] {
  const silent = playbook.components.filter(({ undo }) => undo === undefined);
  return servedPlaces({ components: silent }, adapterFor)
    .filter(({ at, adapter }) => adapter.undo(at) === undefined)
    .map(({ component, at, adapter: { name } }) => ({
      component,
      text: `whether a change of ${component} at ${at} can be undone is not known: the connection ${name} cannot tell, and the playbook does not say. Write \`${component}: { at: "${at}", undo: redeploy }\`, or another word of \`undo\``,
    }));
}
