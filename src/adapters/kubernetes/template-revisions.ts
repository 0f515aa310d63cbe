import { type Digest, digestOfJson } from "../../core/digest.ts";
import type { ConfigContent } from "./config-content.ts";
import { KubeFailure, type KubeReader } from "./kube-client.ts";
import { fields, type KubeObject } from "./kube-object.ts";
import { configReferences, imagesOf, normalisedTemplate, OURS } from "./pod-template.ts";
import { MARKS, selectorOf, type Workload } from "./workload.ts";

/** A pod template that the cluster still has, with the identity that it would have if it served now. */
export interface TemplateRevision {
  readonly digest: Digest;
  readonly template: unknown;
  /** The ReplicaSet, or the PodTemplate that somebody retained. */
  readonly holder: KubeObject;
  /** The controller's number of it; 0 for a retained template. */
  readonly number: number;
  /** The controller's label of its pods; empty for a retained template. */
  readonly hash: string;
}

/** PodTemplates with this label are retained for the workload of that name, whatever `revisionHistoryLimit` says. */
export const RETAINED_FOR = `${OURS}retained-for`;

/** Digest of what makes the behaviour: the template, and what the ConfigMaps and Secrets that it names hold now. */
export async function identityOf(template: unknown, content: ConfigContent): Promise<Digest> {
  return digestOfJson({ template: normalisedTemplate(template), content: await content.of(template) });
}

/** Every template that this workload can go back to, newest first. Throws `KubeFailure`. */
export async function revisionsOf(
  reader: KubeReader,
  workload: Workload,
  content: ConfigContent,
): Promise<readonly TemplateRevision[]> {
  const { object, kind } = workload;
  const { hash, revision } = MARKS[kind];
  const [sets, retained] = await Promise.all([ownedSets(reader, workload), retainedTemplates(reader, object)]);
  const owned = sets.map(async (set) => ({
    digest: await identityOf(set.spec["template"], content),
    template: set.spec["template"],
    holder: set,
    number: Number(set.annotations[revision] ?? 0) || 0,
    hash: set.labels[hash] ?? "",
  }));
  const kept = retained.map(async (holder) => ({
    digest: await identityOf(holder.raw["template"], content),
    template: holder.raw["template"],
    holder,
    number: 0,
    hash: "",
  }));
  return [...(await Promise.all(owned)).sort((a, b) => b.number - a.number), ...(await Promise.all(kept))];
}

/** What people see: the revision's number and its images. */
export function labelOf({ object }: Workload, template: unknown, number: number): string {
  const images = [...imagesOf(template).values()].map((image) =>
    image
      .split("/")
      .at(-1)
      ?.replace(/@sha256:(.{12}).*/, "@$1"),
  );
  return `${object.name}${number > 0 ? ` revision ${number}` : ""} (${images.join(", ")})`;
}

/** ConfigMaps and Secrets that were written after this revision was made: going back does not bring their content back. */
export async function changedSince(revision: TemplateRevision, content: ConfigContent): Promise<readonly string[]> {
  const changed: string[] = [];
  for (const reference of configReferences(revision.template)) {
    const writtenAt = await content.writtenAt(reference).catch(() => undefined);
    if (writtenAt !== undefined && writtenAt > revision.holder.createdAt) {
      changed.push(`${reference.kind}/${reference.name} was written at ${writtenAt}`);
    }
  }
  return changed;
}

async function ownedSets(reader: KubeReader, workload: Workload): Promise<readonly KubeObject[]> {
  const { namespace, uid } = workload.object;
  const selector = selectorOf(workload);
  const sets = await reader.list(
    `/apis/apps/v1/namespaces/${namespace}/replicasets`,
    selector === "" ? {} : { labelSelector: selector },
  );
  return sets.filter(({ metadata }) => {
    const owners = metadata["ownerReferences"];
    return (
      Array.isArray(owners) && owners.map(fields).some((owner) => owner["uid"] === uid && owner["controller"] === true)
    );
  });
}

/** Retaining is optional, and so is the permission to look: without it nothing is retained. */
async function retainedTemplates(reader: KubeReader, { namespace, name }: KubeObject): Promise<readonly KubeObject[]> {
  const query = { labelSelector: `${RETAINED_FOR}=${name}` };
  try {
    return await reader.list(`/api/v1/namespaces/${namespace}/podtemplates`, query);
  } catch (error) {
    if (error instanceof KubeFailure && error.status === 403) return [];
    throw error;
  }
}
