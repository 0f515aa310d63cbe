export { createPostgresSchema, type PostgresSchemaOptions } from "./postgres-schema.ts";
export { createSqlSchemaAdapter, type SqlSchemaAdapter, type SqlSchemaOptions } from "./schema-adapter.ts";
export type { ContractRequest, SchemaPlace } from "./schema-changes.ts";
export type { SchemaDatabase } from "./schema-database.ts";
export { createSqliteSchema } from "./sqlite-schema.ts";
