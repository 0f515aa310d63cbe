import { readFile } from "node:fs/promises";
import { RollbookError } from "../../core/errors.ts";

/** How this process shows who it is; a client certificate, a bearer token, or neither. */
export interface Credential {
  readonly token?: string;
  /** PEM. */
  readonly certificate?: string;
  /** PEM. */
  readonly key?: string;
}

/** Where an API server is, how to know that it is the right one, and who we are there. */
export interface ClusterAccess {
  /** `https://host:port`, perhaps with a path. */
  readonly server: string;
  /** PEM of the authorities that may vouch for the server; the system's own without it. */
  readonly authorities?: string;
  /** The name that the server's certificate must carry, when it is not the URL's host. */
  readonly serverName?: string;
  /** `fresh` after the server turned the last one down. Throws with a reason that people can act on. */
  credential(fresh: boolean, signal: AbortSignal): Promise<Credential>;
}

const SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount";
/** Projected tokens are rotated by the kubelet; they are read again after this long. Kubernetes' own clients do the same. */
const TOKEN_LIFE_MS = 60_000;

/**
 * The service account of the pod that this process runs in (kubernetes.io, "Accessing the API from a Pod").
 * Throws `FILE_UNREADABLE` outside of a pod.
 */
export async function accessInCluster(folder: string = SERVICE_ACCOUNT): Promise<ClusterAccess> {
  const authorities = await readFile(`${folder}/ca.crt`, "utf8").catch((error: unknown) => {
    throw new RollbookError("FILE_UNREADABLE", { file: `${folder}/ca.crt`, reason: reasonOf(error) });
  });
  return { server: "https://kubernetes.default.svc", authorities, credential: tokenFile(`${folder}/token`) };
}

/** A credential that a file holds and somebody else renews. */
export function tokenFile(path: string): ClusterAccess["credential"] {
  let known: { readonly token: string; readonly until: number } | undefined;
  return async (fresh) => {
    if (known === undefined || fresh || Date.now() > known.until) {
      known = { token: (await readFile(path, "utf8")).trim(), until: Date.now() + TOKEN_LIFE_MS };
    }
    return { token: known.token };
  };
}

/** Throws `REQUEST_INVALID` on a URL that is not plain HTTPS; plain HTTP only to this machine itself. */
export function checkedServer(server: string): string {
  const url = URL.canParse(server) ? new URL(server) : undefined;
  const local = ["127.0.0.1", "[::1]", "localhost"].includes(url?.hostname ?? "");
  if (url?.protocol !== "https:" && !(url?.protocol === "http:" && local)) {
    throw new RollbookError("REQUEST_INVALID", {
      reason: `the API server "${server}" needs an https URL (http only on this machine)`,
    });
  }
  if (url.username !== "" || url.password !== "" || url.search !== "" || url.hash !== "") {
    throw new RollbookError("REQUEST_INVALID", {
      reason: "the API server's URL must carry no credentials, query or fragment",
    });
  }
  return `${url.origin}${url.pathname.replace(/\/+$/, "")}`;
}

export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
