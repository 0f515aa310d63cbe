export type { RevisionStore } from "./revision-store.ts";
export {
  createVaultAdapter,
  type VaultAdapter,
  type VaultAdapterOptions,
  type VaultComponent,
} from "./vault-adapter.ts";
