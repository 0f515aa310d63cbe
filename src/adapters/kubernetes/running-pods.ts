import type { KubeSession } from "./kube-cluster.ts";
import { fields, type KubeObject, list, text } from "./kube-object.ts";
import { imagesOf, OURS } from "./pod-template.ts";
import { selectorOf, type Workload } from "./workload.ts";

/** For each container of a revision the image digest that ran. */
export type ImageDigests = Readonly<Record<string, string>>;

/** What ran under which template hash when it was left, as an annotation of the workload. */
export const RAN = `${OURS}ran`;
/** Revisions that are remembered; `revisionHistoryLimit` is 10 by default. */
const MOST_REMEMBERED = 10;

/** The workload's pods that run or are about to. Throws `KubeFailure`. */
export async function podsOf(session: KubeSession, workload: Workload): Promise<readonly KubeObject[]> {
  const selector = selectorOf(workload);
  // Without a selector every pod of the namespace would count.
  if (selector === "") return [];
  const path = `/api/v1/namespaces/${workload.object.namespace}/pods`;
  const pods = await session.reader.list(path, { labelSelector: selector });
  return pods.filter(
    ({ metadata, status }) =>
      metadata["deletionTimestamp"] === undefined && !["Succeeded", "Failed"].includes(text(status["phase"])),
  );
}

export function isReady({ status }: KubeObject): boolean {
  return list(status["conditions"]).some((one) => one["type"] === "Ready" && one["status"] === "True");
}

/** The image digest of each container, where all these pods agree and the runtime says which repository it is of. */
export function digestsRunning(pods: readonly KubeObject[]): ImageDigests {
  const seen = new Map<string, Set<string>>();
  for (const { status } of pods) {
    for (const one of [...list(status["initContainerStatuses"]), ...list(status["containerStatuses"])]) {
      // `docker-pullable://repo@sha256:...` or `repo@sha256:...`; a bare digest is that of a local config, not of an image.
      const digest = /@(sha256:[0-9a-f]{64})$/.exec(text(one["imageID"]))?.[1];
      if (digest === undefined) continue;
      const name = text(one["name"]);
      seen.set(name, (seen.get(name) ?? new Set()).add(digest));
    }
  }
  return Object.fromEntries(
    [...seen].flatMap(([name, digests]) => (digests.size === 1 ? [[name, [...digests][0]!]] : [])),
  );
}

/** Why these pods do not run the images that this revision means, if so. */
export function imageDoubt(
  template: unknown,
  pods: readonly KubeObject[],
  remembered: ImageDigests,
): string | undefined {
  const running = digestsRunning(pods);
  for (const [container, image] of imagesOf(template)) {
    const wanted = /@(sha256:[0-9a-f]{64})$/.exec(image)?.[1] ?? remembered[container];
    const found = running[container];
    if (wanted === undefined || found === undefined || wanted === found) continue;
    const why = image.includes("@")
      ? "its template asks for"
      : `${image} has moved: when this revision was left it ran`;
    return `the container ${container} runs ${found}; ${why} ${wanted}`;
  }
  return undefined;
}

/** What was remembered of a template hash. */
export function rememberedOf({ holder }: Workload, hash: string): ImageDigests {
  return Object.hasOwn(remembered(holder), hash) ? remembered(holder)[hash]! : {};
}

/** The annotation with one more revision in it, the newest last. */
export function remembering({ holder }: Workload, hash: string, digests: ImageDigests): string {
  const others = Object.entries(remembered(holder)).filter(([known]) => known !== hash);
  return JSON.stringify(Object.fromEntries([...others, [hash, digests]].slice(-MOST_REMEMBERED)));
}

function remembered({ annotations }: KubeObject): Readonly<Record<string, ImageDigests>> {
  try {
    const found = fields(JSON.parse(annotations[RAN] ?? "{}"));
    return Object.fromEntries(
      Object.entries(found).map(([hash, digests]) => [
        hash,
        Object.fromEntries(Object.entries(fields(digests)).map(([name, digest]) => [name, String(digest)])),
      ]),
    );
  } catch {
    return {};
  }
}
