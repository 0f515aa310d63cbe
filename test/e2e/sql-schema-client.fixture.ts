import {
  createPostgresSchema,
  createSqliteSchema,
  createSqlSchemaAdapter,
} from "../../src/adapters/sql-schema/index.ts";
import type { RestoreRequest } from "../../src/core/ports.ts";

const [url = "", migrations = "", request = "{}"] = process.argv.slice(2);
const database = url.startsWith("postgres:") ? createPostgresSchema({ url }) : createSqliteSchema(url);
const adapter = createSqlSchemaAdapter({
  scheme: "schema",
  databases: { loans: { database, migrations } },
});
// Connected before it says so, and then in the middle of a switch when it is killed.
await adapter.read("schema://loans", AbortSignal.timeout(10_000));
process.send?.("ready");
await adapter.apply(JSON.parse(request) as RestoreRequest, AbortSignal.timeout(10_000));
setInterval(() => {}, 1000);
