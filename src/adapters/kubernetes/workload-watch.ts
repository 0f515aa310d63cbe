import { setTimeout } from "node:timers/promises";
import type { KubeAddress } from "./address.ts";
import type { KubeCluster } from "./kube-cluster.ts";
import { fields, type KubeObject, kubeObject, list, text } from "./kube-object.ts";

/** Between two tries of a watch that broke. */
const PAUSE_MS = 1000;
/** The server ends a watch after this; then it is taken up where it was. */
const WATCH_SECONDS = 300;

/**
 * The object at an address, at first and after each change, until the signal aborts: a WATCH from the version that was
 * read, taken up again when it ends or breaks, and read anew when that version is too old (410 Gone). Undefined while
 * it is not there.
 */
export async function* watchObject(
  cluster: KubeCluster,
  { namespace }: KubeAddress,
  path: string,
  signal: AbortSignal,
): AsyncGenerator<KubeObject | undefined> {
  const folder = path.slice(0, path.lastIndexOf("/"));
  const selector = encodeURIComponent(`metadata.name=${path.slice(path.lastIndexOf("/") + 1)}`);
  while (!signal.aborted) {
    try {
      const { transport } = await cluster.session(namespace, signal);
      const listed = await transport.call({ method: "GET", path: `${folder}?fieldSelector=${selector}` }, signal);
      if (listed.kind === "silence" || listed.status !== 200) throw new Error("cannot be listed");
      const [found] = list(listed.body["items"]);
      yield found === undefined ? undefined : kubeObject(found);
      let version = text(fields(listed.body["metadata"])["resourceVersion"]);
      for (let last = ""; version !== last; ) {
        last = version;
        const query = `watch=1&allowWatchBookmarks=true&timeoutSeconds=${WATCH_SECONDS}&resourceVersion=${version}`;
        for await (const line of transport.lines(`${folder}?fieldSelector=${selector}&${query}`, signal)) {
          const event = fields(JSON.parse(line));
          if (event["type"] === "ERROR") throw new Error("the watch ended with an error");
          const object = kubeObject(event["object"]);
          version = object.resourceVersion;
          if (event["type"] !== "BOOKMARK") yield event["type"] === "DELETED" ? undefined : object;
        }
      }
    } catch {
      await setTimeout(PAUSE_MS, undefined, { signal }).catch(() => {});
    }
  }
}
