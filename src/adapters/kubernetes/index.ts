export { accessInCluster, type ClusterAccess, type Credential, checkedServer, tokenFile } from "./cluster-access.ts";
export type { ClusterOptions } from "./kube-cluster.ts";
export { accessFromKubeconfig, type KubeconfigOptions } from "./kubeconfig.ts";
export {
  createKubernetesAdapter,
  type KubernetesAdapter,
  type KubernetesAdapterOptions,
} from "./kubernetes-adapter.ts";
