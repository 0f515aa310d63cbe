export { createMlflowAdapter, type MlflowAdapterOptions } from "./mlflow-adapter.ts";
