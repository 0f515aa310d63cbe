import { spawn } from "node:child_process";
import type { ClusterAccess, Credential } from "./cluster-access.ts";
import { type Fields, fields, list, text } from "./kube-object.ts";

/** What a kubeconfig's `user.exec` asks for (client.authentication.k8s.io/v1). */
export interface ExecPlugin {
  readonly exec: Fields;
  /** Relative commands begin here. */
  readonly folder: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** A plugin talks to an identity provider; kubectl waits without end, we do not. */
const TIMEOUT_MS = 15_000;
/** Renewed so long before it ends. */
const MARGIN_MS = 10_000;
const MOST_BYTES = 256 * 1024;

/** Runs a credential plugin, and keeps what it said until that expires or the server turns it down. */
export function execCredential(plugin: ExecPlugin): ClusterAccess["credential"] {
  let known: { readonly credential: Credential; readonly until: number } | undefined;
  return async (fresh, signal) => {
    if (known === undefined || fresh || Date.now() > known.until - MARGIN_MS) {
      const status = statusIn(await run(plugin, signal), text(plugin.exec["command"]));
      const ends = Date.parse(text(status["expirationTimestamp"]));
      known = { credential: credentialIn(status), until: Number.isNaN(ends) ? Number.POSITIVE_INFINITY : ends };
    }
    return known.credential;
  };
}

function credentialIn(status: Fields): Credential {
  const [token, certificate, key] = [status["token"], status["clientCertificateData"], status["clientKeyData"]].map(
    text,
  );
  return { ...(token ? { token } : {}), ...(certificate && key ? { certificate, key } : {}) };
}

function statusIn(output: string, command: string): Fields {
  let answer: Fields;
  try {
    answer = fields(JSON.parse(output));
  } catch {
    throw new Error(`the credential plugin ${command} printed no JSON`);
  }
  if (answer["kind"] !== "ExecCredential")
    throw new Error(`the credential plugin ${command} printed no ExecCredential`);
  return fields(answer["status"]);
}

function run({ exec, folder, environment }: ExecPlugin, signal: AbortSignal): Promise<string> {
  const command = text(exec["command"]);
  const info = { apiVersion: text(exec["apiVersion"]), kind: "ExecCredential", spec: { interactive: false } };
  const extra = list(exec["env"]).map((one) => [text(one["name"]), text(one["value"])]);
  const env = { ...environment, ...Object.fromEntries(extra), KUBERNETES_EXEC_INFO: JSON.stringify(info) };
  const args = Array.isArray(exec["args"]) ? exec["args"].map(String) : [];
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: folder,
      env,
      stdio: ["ignore", "pipe", "ignore"],
      signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
      killSignal: "SIGKILL",
    });
    let output = "";
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
      output += chunk;
      if (output.length > MOST_BYTES) child.kill("SIGKILL");
    });
    child.on("error", (error) => reject(new Error(`the credential plugin ${command} failed: ${error.message}`)));
    child.on("close", (code) => {
      if (code === 0) resolve(output);
      // What a plugin prints on stderr may hold secrets, so it is not repeated.
      else
        reject(
          new Error(`the credential plugin ${command} ended with ${code ?? "a signal"}; run it by hand to see why`),
        );
    });
  });
}
