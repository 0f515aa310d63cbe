export type { RevisionStore } from "./revision-store.ts";
export { createVaultAdapter, type VaultAdapterOptions, type VaultComponent } from "./vault-adapter.ts";
