import { RollbookError } from "../core/errors.ts";
import type { Playbook } from "../core/playbook.ts";
import type { ReleaseId } from "../core/release.ts";
import type { Fallback } from "../traffic/gateway/containment.ts";
import type { FlagValue } from "../traffic/routing/assignment-state.ts";
import type { SystemSettings } from "./connections/connections-file.ts";
import type { EdgeSettings } from "./edge.ts";
import type { ProtectedSystem } from "./protected-system.ts";
import type { Rollbook } from "./rollbook.ts";

export const CONNECTIONS = "connections.yaml";

/** Where traffic passes, for people. */
export function whereOf({ edge }: ProtectedSystem): string {
  if (edge.gateway) return `, gateway: ${edge.gateway}`;
  return edge.flag ? `, release flag: ${edge.flag.key}` : ", no traffic of its own";
}

/** The address of the playbook's route. */
export function routeOf({ components }: Pick<Playbook, "components">): string | undefined {
  return components.find(({ name, at }) => name === "route" || at.startsWith("gateway:"))?.at;
}

/** Why a playbook that acts could not contain anything, if so. */
export function edgeMissing({ system, authority, components }: Playbook, { gateway }: SystemSettings = {}) {
  if (gateway || authority !== "act" || routeOf({ components })?.startsWith("flags://")) return undefined;
  return `${system} acts, and has no gateway: add systems.${system}.gateway, or route: flags://KEY`;
}

/** How the edge of a playbook is made. @throws CONNECTIONS_INVALID when it could not contain anything */
export function edgeOf(rollbook: Rollbook, playbook: Playbook, settings: SystemSettings = {}): EdgeSettings {
  const { gateway, values = {} } = settings;
  const reason = edgeMissing(playbook, settings);
  if (reason) throw new RollbookError("CONNECTIONS_INVALID", { file: CONNECTIONS, reason });
  return {
    ...(gateway
      ? {
          upstreams: { stable: gateway.stable, candidate: gateway.candidate },
          gatewayPort: gateway.port,
          exactPort: true,
          fallback: fallbackOf(playbook, gateway),
        }
      : {}),
    values: (release) => flagValueOf(rollbook, values, release),
  };
}

/** Where the pre-signed ways answer: as the connections file says, or at their own address where that is one of HTTP. */
function fallbackOf({ how }: Playbook, gateway: NonNullable<SystemSettings["gateway"]>): Fallback {
  const own = (at: string | undefined) => (at && /^https?:\/\//.test(at) ? at : undefined);
  const other = gateway.else ?? own(how.else);
  const safe = gateway.safe ?? own(how.safe);
  return { ...(other ? { else: other } : {}), ...(safe ? { safe: safe as NonNullable<Fallback["safe"]> } : {}) };
}

/** What the release flag says: what the file says for the release's label, or for that of one of its revisions. */
function flagValueOf(
  rollbook: Rollbook,
  values: NonNullable<SystemSettings["values"]>,
  id: ReleaseId,
): FlagValue | undefined {
  const release = rollbook.releaseKnown(id);
  if (!release) return undefined;
  const labels = [release.label, ...Object.values(release.revisions).map(({ label }) => label)];
  const named = labels.find((label) => Object.hasOwn(values, label));
  return named === undefined ? release.label : (values[named] as FlagValue);
}
