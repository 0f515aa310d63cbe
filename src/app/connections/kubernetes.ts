import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, resolve } from "node:path";
import { parse } from "yaml";
import { z } from "zod";
import {
  accessFromKubeconfig,
  accessInCluster,
  type ClusterAccess,
  checkedServer,
  createKubernetesAdapter,
} from "../../adapters/kubernetes/index.ts";
import { RollbookError } from "../../core/errors.ts";
import { type ConnectionKind, type ConnectionWorld, secretReference } from "./connection.ts";

const path = z.string().min(1).max(1000);

/** What every way of reaching a cluster can say besides. */
const about = {
  /** UID of its kube-system namespace; another cluster is not touched. */
  uid: z.uuid().optional(),
  /** Do the contents of Secrets count for identity? `false` needs no permission to read them. */
  secrets: z.boolean().default(true),
  "argo-cd-namespace": z.string().min(1).max(253).default("argocd"),
};

const cluster = z.union(
  [
    z.strictObject({ ...about, kubeconfig: path, context: z.string().min(1).max(253).optional() }),
    z.strictObject({ ...about, "in-cluster": z.literal(true) }),
    z.strictObject({ ...about, server: z.url(), token: secretReference, "certificate-authority": path.optional() }),
  ],
  {
    error:
      "a cluster needs one of: kubeconfig (with context, if it is not the current one); in-cluster: true; server with token (and certificate-authority)",
  },
);
type ClusterSettings = z.infer<typeof cluster>;

const settings = z.strictObject({
  /** By the name that addresses use. */
  clusters: z
    .record(z.string(), cluster)
    .refine((all) => Object.keys(all).length > 0, "declare at least one cluster")
    .refine(
      (all) => Object.keys(all).every((alias) => /^[A-Za-z0-9][-A-Za-z0-9_.]{0,99}$/.test(alias)),
      "a cluster's name has letters, digits, - _ and ., and begins with a letter or a digit",
    ),
  /** Milliseconds for one call. */
  "timeout-ms": z.int().min(100).max(60_000).default(10_000),
});

/** Deployments and Argo Rollouts on clusters that the file declares. */
export const kubernetes: ConnectionKind<z.infer<typeof settings>> = {
  kind: "kubernetes",
  summary: "Kubernetes Deployments and Argo Rollouts",
  settings,
  connect(name, { clusters, "timeout-ms": timeoutMs }, world) {
    const adapter = createKubernetesAdapter({
      scheme: name,
      timeoutMs,
      clusters: Object.fromEntries(
        Object.entries(clusters).map(([alias, one]) => [
          alias,
          {
            access: () => accessTo(one, world),
            ...(one.uid === undefined ? {} : { uid: one.uid }),
            secrets: one.secrets,
            argoCdNamespace: one["argo-cd-namespace"],
          },
        ]),
      ),
    });
    return { restore: adapter, close: () => adapter.close() };
  },
};

/** Throws `FILE_UNREADABLE` or `REQUEST_INVALID`; a file that is mended takes effect with the next call. */
async function accessTo(one: ClusterSettings, world: ConnectionWorld): Promise<ClusterAccess> {
  if ("in-cluster" in one) return accessInCluster();
  if ("kubeconfig" in one) {
    const file = resolve(world.folder, one.kubeconfig.replace(/^~(?=\/)/, homedir()));
    return accessFromKubeconfig(parse(readText(file)), {
      folder: dirname(file),
      environment: process.env,
      ...(one.context === undefined ? {} : { context: one.context }),
    });
  }
  const authority = one["certificate-authority"];
  return {
    server: checkedServer(one.server),
    ...(authority === undefined ? {} : { authorities: readText(resolve(world.folder, authority)) }),
    credential: async () => ({ token: world.secret(one.token) }),
  };
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new RollbookError("FILE_UNREADABLE", {
      file,
      reason: error instanceof Error ? error.message : String(error),
    });
  }
}
