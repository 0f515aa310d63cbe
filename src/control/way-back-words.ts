import type { EntryDraft } from "../core/entry.ts";
import type { Playbook } from "../core/playbook.ts";
import { readyLines } from "../core/price-lines.ts";
import { formatDuration } from "../core/time.ts";
import type { WayBack } from "../core/way-back.ts";
import type { ControlPorts } from "./ports.ts";

/** So long after it turned red, being told of it is no news but a reminder. */
const LONG_MS = 3_600_000;

/** Tells the playbook's audience that the way back has turned red, or is ready again. Beside the work. */
export function tellWayBack({ notifier }: ControlPorts, { system, who }: Playbook, found: WayBack): void {
  const { ready, from, to, faults, redSince, checkedAt } = found;
  const way = from.id === to.id ? `to ${to.label}` : `from ${from.label} to ${to.label}`;
  const lasts = redSince === undefined ? 0 : checkedAt - redSince;
  const state = lasts < LONG_MS ? "NOT ready" : `still NOT ready, for ${formatDuration(lasts)} now`;
  const subject = `${system}: the way back ${way} is ${ready ? "ready again" : state}`;
  const lines = ready
    ? readyLines(found)
    : [
        ...faults.map(({ about, text }) => `${about}: ${text}`),
        "Nothing goes forward until that is mended; harm still goes back. `rollbook doctor` checks it again.",
      ];
  notifier.notify(who.now, subject, lines.join("\n"), `way back of ${system}`).catch(() => undefined);
}

/** The record of a change of readiness; the digest is that of the plan which a rollback will use. */
export function wayBackEntry({ system, digest: playbook }: Playbook, found: WayBack): EntryDraft {
  const { ready, rollout, from, to, digest, faults, warnings, staged, plan, price, checkedAt } = found;
  const data = {
    ready,
    from: from.id,
    to: to.id,
    playbook,
    plan: digest,
    faults: faults.map(({ about, text }) => ({ about, text })),
    warnings: [...warnings],
    ...(staged ? { staged: [...staged] } : {}),
    // The plan itself, whose digest is above: it is durable before it is needed, for whoever has to go on with it by hand.
    ...(plan ? { written: JSON.parse(JSON.stringify(plan)) } : {}),
    price: JSON.parse(JSON.stringify(price)),
  };
  return { type: "way-back", at: checkedAt, system, actor: "rollbook", ...(rollout ? { rollout } : {}), data };
}
