import { isAbsolute, join, resolve } from "node:path";
import { z } from "zod";
import { createVaultAdapter, type RevisionStore, type VaultComponent } from "../../adapters/vault/index.ts";
import type { Clock } from "../../core/ports.ts";
import { parseDuration } from "../../core/time.ts";
import { openVault, type Vault } from "../../store/vault/vault.ts";
import { type ConnectionKind, type ConnectionWorld, secretReference } from "./connection.ts";

/** How often the timer looks whether a pass is due. */
const LOOK_MS = 60_000;

const webUrl = z
  .string()
  .refine(isPlainUrl, "an http:// or https:// address without credentials; a secret belongs under `bearer`");
const reload = z.union([
  z.strictObject({
    url: webUrl,
    method: z.enum(["POST", "PUT", "GET"]).optional(),
    bearer: secretReference.optional(),
  }),
  z.strictObject({ command: z.tuple([z.string().min(1)], z.string()) }),
]);
const serving = z.strictObject({
  url: webUrl,
  field: z.string().regex(/^[\w-]+(\.[\w-]+)*$/, "the name of a field, with dots between levels: model.digest"),
  bearer: secretReference.optional(),
});
const component = z.strictObject({
  path: z.string().min(1).max(1000),
  reload: reload.optional(),
  serving: serving.optional(),
});
const settings = z.strictObject({
  components: z.record(
    z.string().regex(/^[A-Za-z0-9][\w.-]{0,62}$/, "letters, digits, dots, dashes and underscores"),
    component,
  ),
  /** How often everything in the vault is read and compared; `0s` for never. */
  verifyEvery: z
    .string()
    .refine((text) => parseDuration(text) !== undefined, "a span such as 24h")
    .default("24h"),
  /** Folders that a release may name paths below; the folder of the connections file without it. */
  from: z.array(z.string().min(1).max(1000)).default(["."]),
  /** How many written-out folders stay beside each path. */
  keep: z.int().min(1).max(100).default(3),
});

/** Files and folders on this machine, restored from the built-in vault. */
export const vaultConnection: ConnectionKind<z.infer<typeof settings>> = {
  kind: "vault",
  summary: "models, prompts, configs and data on this machine, from the built-in content-addressed vault",
  settings,
  connect(name, { components, verifyEvery, from, keep }, world) {
    // Opened on the first use: a folder that cannot be used then fails the call, and not the whole server.
    let opened: Promise<Vault> | undefined;
    const vault = () => {
      opened ??= openVault({ folder: vaultFolder(world.data), clock: world.clock });
      opened.catch(() => {
        opened = undefined;
      });
      return opened;
    };
    const stop = new AbortController();
    const passes = keepVerified(vault, world.clock, parseDuration(verifyEvery) ?? 0, stop.signal);
    const parts = Object.entries(components).map(([key, part]) => [key, componentOf(part, world)] as const);
    const restore = createVaultAdapter({
      scheme: name,
      store: storeOf(vaultFolder(world.data), vault),
      components: Object.fromEntries(parts),
      now: world.clock.now,
      paths: { base: world.folder, below: from.map((path) => resolve(world.folder, path)), never: [world.data] },
      environment: { PATH: process.env["PATH"] ?? "", HOME: process.env["HOME"] ?? "" },
      keep,
    });
    return {
      restore,
      close: async () => {
        stop.abort();
        await passes;
      },
    };
  },
};

/** Where the vault of a data folder lies: one for all its connections and for the command line. */
export function vaultFolder(data: string): string {
  return join(data, "vault");
}

/** The vault as the adapter sees it. */
export function storeOf(folder: string, vault: () => Promise<Vault>): RevisionStore {
  return {
    folder,
    id: async () => (await vault()).id,
    digestAt: async (path, signal) => (await vault()).digestAt(path, signal),
    state: async (digest, signal) => (await vault()).state(digest, signal),
    find: async (reference) => (await vault()).find(reference),
    contentOf: async (digest) => {
      const manifest = await (await vault()).manifest(digest);
      return manifest?.kind === "file" ? manifest.sha256 : undefined;
    },
    materialise: async (digest, destination, access, signal) =>
      (await vault()).materialise(digest, destination, access, signal),
    put: async (label, path, options) => (await vault()).put(label, path, options),
    retain: async (digest, until) => (await vault()).retain(digest, until),
  };
}

/** Verifies the whole vault on a timer. What a pass finds is remembered by the vault, and so a concern at once. */
async function keepVerified(
  vault: () => Promise<Vault>,
  clock: Clock,
  every: number,
  signal: AbortSignal,
): Promise<void> {
  while (every > 0 && !signal.aborted) {
    await clock.sleep(Math.min(every, LOOK_MS), signal);
    if (signal.aborted) return;
    try {
      const last = await (await vault()).lastVerified();
      if (clock.now() - (last?.endedAt ?? 0) >= every) await (await vault()).verify({ signal });
    } catch {
      // A vault that cannot be read says so at every call that needs it; the next pass is tried all the same.
    }
  }
}

function componentOf({ path, ...hooks }: z.infer<typeof component>, world: ConnectionWorld): VaultComponent {
  const bearerOf = (bearer: z.infer<typeof secretReference> | undefined) =>
    bearer === undefined ? {} : { bearer: () => world.secret(bearer) };
  return {
    path: isAbsolute(path) ? path : resolve(world.folder, path),
    ...(hooks.reload === undefined ? {} : { reload: reloadOf(hooks.reload, bearerOf) }),
    ...(hooks.serving === undefined
      ? {}
      : { serving: { url: hooks.serving.url, field: hooks.serving.field, ...bearerOf(hooks.serving.bearer) } }),
  };
}

function reloadOf(
  hook: z.infer<typeof reload>,
  bearerOf: (bearer: z.infer<typeof secretReference> | undefined) => { bearer?: () => string },
): NonNullable<VaultComponent["reload"]> {
  if ("command" in hook) return { command: hook.command };
  return { url: hook.url, ...(hook.method === undefined ? {} : { method: hook.method }), ...bearerOf(hook.bearer) };
}

function isPlainUrl(text: string): boolean {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  return url !== undefined && /^https?:$/.test(url.protocol) && url.username === "" && url.password === "";
}
