import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { RollbookError } from "../../core/errors.ts";
import { type ClusterAccess, type Credential, checkedServer, reasonOf, tokenFile } from "./cluster-access.ts";
import { execCredential } from "./exec-credential.ts";
import { type Fields, fields, list, text } from "./kube-object.ts";

export interface KubeconfigOptions {
  /** Its current context without this. */
  readonly context?: string;
  /** Folder of the kubeconfig file: relative paths in it begin there. */
  readonly folder: string;
  /** What credential plugins inherit. */
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/**
 * How a kubeconfig (already parsed from YAML) reaches a cluster: client certificate, token, token file or credential
 * plugin. Throws `REQUEST_INVALID` on what is missing and on what is not followed: `insecure-skip-tls-verify`,
 * `proxy-url`, user names with passwords, and the authentication providers that Kubernetes has removed.
 */
export function accessFromKubeconfig(config: unknown, options: KubeconfigOptions): ClusterAccess {
  const root = fields(config);
  const context = options.context ?? text(root["current-context"]);
  if (context === "") throw invalid("the kubeconfig has no current-context; name one with context");
  const chosen = entryOf(root, "context", context);
  const cluster = entryOf(root, "cluster", text(chosen["cluster"]));
  const user = text(chosen["user"]) === "" ? {} : entryOf(root, "user", text(chosen["user"]));
  if (cluster["insecure-skip-tls-verify"] === true) {
    throw invalid(`the context ${context} skips TLS verification; give its certificate-authority instead`);
  }
  if (text(cluster["proxy-url"]) !== "")
    throw invalid(`the context ${context} uses a proxy-url, which is not followed`);
  const authorities = pemOf(cluster, "certificate-authority", options.folder);
  const serverName = text(cluster["tls-server-name"]);
  return {
    server: checkedServer(text(cluster["server"])),
    ...(authorities === undefined ? {} : { authorities }),
    ...(serverName === "" ? {} : { serverName }),
    credential: credentialOf(user, context, options),
  };
}

function credentialOf(user: Fields, context: string, options: KubeconfigOptions): ClusterAccess["credential"] {
  if (user["exec"] !== undefined) return execCredential({ ...options, exec: fields(user["exec"]) });
  if (user["auth-provider"] !== undefined || user["username"] !== undefined) {
    throw invalid(`the user of the context ${context} signs in in a way that Kubernetes has removed`);
  }
  const file = text(user["tokenFile"]);
  if (file !== "") return tokenFile(resolve(options.folder, file));
  const certificate = pemOf(user, "client-certificate", options.folder);
  const key = pemOf(user, "client-key", options.folder);
  const token = text(user["token"]);
  const credential: Credential = {
    ...(token === "" ? {} : { token }),
    ...(certificate === undefined || key === undefined ? {} : { certificate, key }),
  };
  return async () => credential;
}

function entryOf(root: Fields, kind: "context" | "cluster" | "user", name: string): Fields {
  const found = list(root[`${kind}s`]).find((entry) => entry["name"] === name);
  if (found === undefined) throw invalid(`the kubeconfig has no ${kind} "${name}"`);
  return fields(found[kind]);
}

/** A PEM that lies in the file itself (base64) or beside it. */
function pemOf(holder: Fields, name: string, folder: string): string | undefined {
  const data = text(holder[`${name}-data`]);
  if (data !== "") return Buffer.from(data, "base64").toString("utf8");
  const path = text(holder[name]);
  if (path === "") return undefined;
  try {
    return readFileSync(resolve(folder, path), "utf8");
  } catch (error) {
    throw new RollbookError("FILE_UNREADABLE", { file: resolve(folder, path), reason: reasonOf(error) });
  }
}

function invalid(reason: string): RollbookError {
  return new RollbookError("REQUEST_INVALID", { reason });
}
