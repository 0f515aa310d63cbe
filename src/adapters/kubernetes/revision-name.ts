import type { Resolved } from "../../core/ports.ts";
import { imagesOf } from "./pod-template.ts";
import { labelOf, type TemplateRevision } from "./template-revisions.ts";
import { MARKS, type Workload } from "./workload.ts";

/**
 * The revision that people call by a name: its number (`kubectl rollout history`), its ReplicaSet's or retained
 * template's name, its pod template hash, an image, or an image's tag or digest. A number or a hash is meant before a tag.
 */
export function revisionCalled(
  workload: Workload,
  revisions: readonly TemplateRevision[],
  reference: string,
): Resolved {
  const readings: readonly ((one: TemplateRevision) => boolean)[] = [
    (one) => one.digest === reference,
    (one) => numbersOf(workload, one).includes(Number(reference)) && /^\d+$/.test(reference),
    (one) => one.holder.name === reference || one.hash === reference,
    ({ template }) => [...imagesOf(template).values()].some((image) => isImage(image, reference)),
  ];
  for (const fits of readings) {
    const found = revisions.filter(fits);
    const [first] = found;
    if (first === undefined) continue;
    if (new Set(found.map(({ digest }) => digest)).size > 1) {
      const numbers = found.map(({ number, holder }) => number || holder.name).join(", ");
      return {
        kind: "unknown",
        reason: `"${reference}" names several revisions (${numbers}): say which by its number`,
      };
    }
    return {
      kind: "revision",
      revision: { digest: first.digest, label: labelOf(workload, first.template, first.number) },
    };
  }
  const known = revisions.map(({ number, holder }) => number || holder.name).join(", ");
  return { kind: "unknown", reason: `no revision is called "${reference}" (there are ${known || "none"})` };
}

/** Which numbers a revision has had: a rollback gives an old ReplicaSet a new one. */
function numbersOf({ kind }: Workload, { holder, number }: TemplateRevision): readonly number[] {
  const earlier = holder.annotations[`${MARKS[kind].revision}-history`] ?? "";
  return [number, ...earlier.split(",").map(Number)].filter((one) => one > 0);
}

function isImage(image: string, reference: string): boolean {
  if (image === reference) return true;
  const [name = "", digest] = image.split("@");
  return digest === reference || name === reference || name.split("/").at(-1)?.split(":")[1] === reference;
}
