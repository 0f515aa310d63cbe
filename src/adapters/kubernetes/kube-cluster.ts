import type { ClusterAccess } from "./cluster-access.ts";
import type { ConfigContent } from "./config-content.ts";
import { createConfigContent } from "./config-content.ts";
import { createKubeReader, KubeFailure, type KubeReader } from "./kube-client.ts";
import { createKubeTransport, type KubeTransport } from "./kube-transport.ts";

/** One declared cluster. */
export interface ClusterOptions {
  /** How to reach it; asked for at the first call. May throw with a reason for people. */
  readonly access: () => ClusterAccess | Promise<ClusterAccess>;
  /** UID of its `kube-system` namespace, when only that cluster may answer. */
  readonly uid?: string;
  /** Do the contents of Secrets count for identity? Yes without it; `false` needs no permission to read them. */
  readonly secrets?: boolean;
  /** Namespace of Argo CD's Applications; `argocd` without it. */
  readonly argoCdNamespace?: string;
}

/** Everything that one call needs of its cluster. What was read is remembered for that call only. */
export interface KubeSession {
  readonly transport: KubeTransport;
  readonly reader: KubeReader;
  readonly content: ConfigContent;
  readonly options: ClusterOptions;
  readonly signal: AbortSignal;
}

export interface KubeCluster {
  /** Throws `KubeFailure` when the cluster's settings cannot be used. */
  session(namespace: string, signal: AbortSignal): Promise<KubeSession>;
  close(): Promise<void>;
}

export function createKubeCluster(options: ClusterOptions, timeoutMs?: number): KubeCluster {
  let transport: Promise<KubeTransport> | undefined;

  async function connected(): Promise<KubeTransport> {
    transport ??= Promise.resolve()
      .then(options.access)
      .then((access) => createKubeTransport(access, timeoutMs));
    try {
      return await transport;
    } catch (error) {
      // A kubeconfig that is mended takes effect with the next call.
      transport = undefined;
      throw new KubeFailure(error instanceof Error ? error.message : String(error));
    }
  }

  return {
    async session(namespace, signal) {
      const transport = await connected();
      const reader = createKubeReader(transport, signal);
      return {
        transport,
        reader,
        content: createConfigContent(reader, namespace, options.secrets ?? true),
        options,
        signal,
      };
    },
    close: async () => {
      const open = await transport?.catch(() => undefined);
      await open?.close();
    },
  };
}

/** The UID of the `kube-system` namespace: made with the cluster, kept for its life, shared with no copy of it. */
export async function clusterUid({ reader }: KubeSession): Promise<string> {
  const system = await reader.get("/api/v1/namespaces/kube-system");
  if (system === undefined || system.uid === "") throw new KubeFailure("the cluster has no kube-system namespace");
  return system.uid;
}

/** Throws `KubeFailure` (421, misdirected: a clear no) when the cluster that answers is not the one that was pinned. */
export async function checkPinned(session: KubeSession): Promise<void> {
  const { uid } = session.options;
  if (uid === undefined) return;
  const found = await clusterUid(session);
  if (found !== uid)
    throw new KubeFailure(`another cluster answers: its uid is ${found}, and ${uid} was declared`, 421);
}
