export type { FlywayTool } from "./compensate.ts";
export {
  createFlywayAdapter,
  type FlywayAdapter,
  type FlywayAdapterOptions,
  type FlywayDatabase,
} from "./flyway-adapter.ts";
