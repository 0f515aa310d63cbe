import { isDigest } from "../../core/digest.ts";
import type { Applied, Identified, Observed, RestoreAdapter, RestoreRequest } from "../../core/ports.ts";
import type { Milliseconds } from "../../core/time.ts";
import { addressIn, type KubeAddress } from "./address.ts";
import { seenIn } from "./convergence.ts";
import { readRival, rivalsOf, writeRival } from "./gitops-rivals.ts";
import { failureReason, KubeFailure } from "./kube-client.ts";
import {
  type ClusterOptions,
  checkPinned,
  clusterUid,
  createKubeCluster,
  type KubeCluster,
  type KubeSession,
} from "./kube-cluster.ts";
import { revisionCalled } from "./revision-name.ts";
import { identityOf, labelOf, revisionsOf } from "./template-revisions.ts";
import { writeTemplate } from "./template-write.ts";
import { readWorkload, type Workload } from "./workload.ts";
import { concernsOf } from "./workload-concerns.ts";
import { watchObject } from "./workload-watch.ts";
import { isClearNo } from "./write-answer.ts";

export interface KubernetesAdapterOptions {
  /** The connection's name: the scheme of the addresses that it serves. */
  readonly scheme: string;
  /** By the name that addresses use; nothing else is ever called. */
  readonly clusters: Readonly<Record<string, ClusterOptions>>;
  /** Of one call; 10 s without it. */
  readonly timeoutMs?: Milliseconds;
}

/** Every part of the port, and what the API server can tell by itself. */
export interface KubernetesAdapter extends Required<Omit<RestoreAdapter, "sees" | "stage" | "unstage">> {
  /** What serves, at first and whenever its identity changes, until the signal aborts. Never throws. */
  watch(at: string, signal: AbortSignal): AsyncIterable<Observed>;
  close(): Promise<void>;
}

/** What is done at one workload that was found. */
type Deed<Answer> = (session: KubeSession, workload: Workload) => Promise<Answer>;

/**
 * Restores Deployments and Argo Rollouts at `SCHEME://CLUSTER/NAMESPACE/deployments/NAME` and `.../rollouts/NAME`
 * (docs/adapters/kubernetes.md). A revision is a pod template with the content of the ConfigMaps and Secrets that it
 * names. `SCHEME://CLUSTER/NAMESPACE` can be identified only.
 */
export function createKubernetesAdapter({ scheme, clusters, timeoutMs }: KubernetesAdapterOptions): KubernetesAdapter {
  const open = new Map(Object.entries(clusters).map(([name, one]) => [name, createKubeCluster(one, timeoutMs)]));
  const declared = [...open.keys()].join(", ") || "none";

  /** Throws `KubeFailure`. */
  function clusterAt(at: string): { address: KubeAddress; cluster: KubeCluster } {
    const address = addressIn(scheme, at);
    if (address === undefined) {
      throw new KubeFailure(`${at} is not ${scheme}://CLUSTER/NAMESPACE[/deployments|rollouts/NAME]`, 400);
    }
    const cluster = open.get(address.cluster);
    if (cluster !== undefined) return { address, cluster };
    throw new KubeFailure(`the cluster "${address.cluster}" is not declared (declared: ${declared}); declare it`, 400);
  }

  async function sessionAt(at: string, signal: AbortSignal) {
    const { address, cluster } = clusterAt(at);
    return { address, session: await cluster.session(address.namespace, signal) };
  }

  /** Never throws: what keeps the deed from being done becomes an answer. */
  async function doneAt<Answer>(
    at: string,
    signal: AbortSignal,
    deed: Deed<Answer>,
    otherwise: (reason: string) => Answer,
  ): Promise<Answer> {
    try {
      const { address, session } = await sessionAt(at, signal);
      await checkPinned(session);
      const workload = await readWorkload(session.reader, address);
      if (workload === undefined) return otherwise(absence(address));
      return await deed(session, workload);
    } catch (error) {
      return otherwise(failureReason(error));
    }
  }

  return {
    name: "kubernetes",
    guarantee: "cas",
    undo: () => "compensatable",
    serves: (at) => addressIn(scheme, at) !== undefined,
    read: (at, signal) => doneAt(at, signal, observe, unreachable),
    holds: (at, digest, signal) =>
      doneAt(
        at,
        signal,
        async (session, workload) => {
          const revisions = await revisionsOf(session.reader, workload, session.content);
          return revisions.some((one) => one.digest === digest);
        },
        () => false,
      ),
    resolve: (at, reference, signal) =>
      doneAt(
        at,
        signal,
        async (session, workload) =>
          revisionCalled(workload, await revisionsOf(session.reader, workload, session.content), reference),
        unreachable,
      ),
    seen: (at, digest, signal) =>
      doneAt(at, signal, (session, workload) => seenIn(session, workload, digest), unreachable),
    concerns: (at, digest, signal) =>
      doneAt(
        at,
        signal,
        (session, workload) => concernsOf(session, workload, digest),
        (reason) => [{ level: "blocking", text: `it cannot be looked at: ${reason}` }],
      ),
    rivals: (at, signal) =>
      doneAt(
        at,
        signal,
        (session, { object }) =>
          rivalsOf(session, object, { scheme, cluster: clusterAt(at).address.cluster, through: at }),
        () => [],
      ),
    async readRival({ at, through }, signal) {
      try {
        const { session } = await sessionAt(through, signal);
        await checkPinned(session);
        return await readRival(session, at);
      } catch (error) {
        return unreachable(failureReason(error));
      }
    },
    async writeRival(request, signal) {
      try {
        const { session } = await sessionAt(request.through, signal);
        return await writeRival(session, request);
      } catch (error) {
        return afterFailure(error);
      }
    },
    async identify(at, signal): Promise<Identified> {
      try {
        const { address, session } = await sessionAt(at, signal);
        await checkPinned(session);
        const [uid, namespace] = await Promise.all([
          clusterUid(session),
          session.reader.get(`/api/v1/namespaces/${address.namespace}`),
        ]);
        if (namespace === undefined) return unreachable(`the cluster has no namespace "${address.namespace}"`);
        return { kind: "identified", identity: `kubernetes ${uid} namespace ${address.namespace}` };
      } catch (error) {
        return unreachable(failureReason(error));
      }
    },
    async apply(request, signal) {
      const flaw = flawOf(request);
      if (flaw !== undefined) return { kind: "refused", reason: flaw };
      if (signal.aborted) return { kind: "unknown", reason: "given up before the write" };
      try {
        const { address, session } = await sessionAt(request.at, signal);
        return await writeTemplate(session, address, request);
      } catch (error) {
        return afterFailure(error);
      }
    },
    async *watch(at, signal) {
      let last = "";
      try {
        const { address, cluster } = clusterAt(at);
        const { session } = await sessionAt(at, signal);
        const path = (await readWorkload(session.reader, address))?.path;
        if (path === undefined) return yield unreachable(absence(address));
        for await (const _ of watchObject(cluster, address, path, signal)) {
          const found = await doneAt(at, signal, observe, unreachable);
          const identity = found.kind === "live" ? found.digest : found.reason;
          if (identity !== last && !signal.aborted) yield found;
          last = identity;
        }
      } catch (error) {
        yield unreachable(failureReason(error));
      }
    },
    close: async () => void (await Promise.all([...open.values()].map((cluster) => cluster.close()))),
  };
}

async function observe({ content }: KubeSession, workload: Workload): Promise<Observed> {
  const digest = await identityOf(workload.template, content);
  return { kind: "live", digest, version: workload.version, label: labelOf(workload, workload.template, 0) };
}

/** A key is kept as an annotation, and the digest comes from people. */
function flawOf({ key, fence, desired }: RestoreRequest): string | undefined {
  if (key === "" || key.length > 1000) return "the key must have 1 to 1000 characters";
  if (!Number.isSafeInteger(fence) || fence < 0) return "the fence must be a whole number";
  return isDigest(desired) ? undefined : "the desired digest is none";
}

/** Reads come before the write: a clear no is a refusal, and silence leaves the question open. */
function afterFailure(error: unknown): Applied {
  const reason = failureReason(error);
  const clear = error instanceof KubeFailure && error.status !== undefined && isClearNo(error.status);
  return { kind: clear ? "refused" : "unknown", reason };
}

function absence({ workload, namespace }: KubeAddress): string {
  return `there is no ${workload?.kind}/${workload?.name} in the namespace ${namespace}`;
}

function unreachable(reason: string): { readonly kind: "unreachable"; readonly reason: string } {
  return { kind: "unreachable", reason };
}
