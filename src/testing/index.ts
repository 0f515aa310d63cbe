export {
  type ContractSkip,
  describeRestoreAdapter,
  type RestoreAdapterSuite,
  type RestoreAdapterWorld,
} from "./describe-restore-adapter.ts";
