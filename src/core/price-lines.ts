import { formatDuration } from "./time.ts";
import type { Capacity, Price, WayBack } from "./way-back.ts";

/** What going back costs, in sentences: with how many past runs, and honestly where there are none. */
function priceLines({ restore, steps, verifyAtLeast, capacity, cannotBeUndone }: Price): readonly string[] {
  const unknown = steps.filter(({ took }) => took === undefined).map(({ component }) => component);
  const others = steps.some((step) => step.borrowed) ? ", some of them of other components" : "";
  return [
    restore
      ? `restore: ${formatDuration(restore.median)} (median), at most ${formatDuration(restore.p90)} in nine of ten; n = ${restore.n}${others}`
      : `restore: no past runs of ${unknown.join(", ") || "any component"}`,
    `proof: at least ${formatDuration(verifyAtLeast)}`,
    `capacity: ${capacityText(capacity)}`,
    ...(cannotBeUndone.length > 0 ? [`cannot be undone: ${cannotBeUndone.join(", ")}`] : []),
  ];
}

/** The same, and what lies ready at its place. */
export function readyLines({ price, staged = [] }: Pick<WayBack, "price" | "staged">): readonly string[] {
  return [...priceLines(price), ...(staged.length > 0 ? [`staged beside what serves: ${staged.join(", ")}`] : [])];
}

function capacityText({ percent, perSecond, warm }: Capacity): string {
  const rate = perSecond === undefined ? "" : ` (${Number(perSecond.toPrecision(3))} requests/s)`;
  const state = warm === undefined ? "" : warm ? ", warm" : ", NOT warm";
  return `${Number(percent.toFixed(2))} % of traffic${rate}${state}`;
}
