export {
  type ContractSkip,
  describeRestoreAdapter,
  type RestoreAdapterSuite,
  type RestoreAdapterWorld,
} from "./describe-restore-adapter.ts";
export { describeSignalSource, type SignalSourceSuite, type SignalSourceWorld } from "./describe-signal-source.ts";
