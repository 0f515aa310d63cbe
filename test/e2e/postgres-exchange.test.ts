import { after, before, describe, it } from "node:test";
import { setTimeout } from "node:timers/promises";
import { openExchange } from "../../src/store/postgres/exchange.ts";
import { openPostgresStore } from "../../src/store/postgres/postgres-store.ts";
import { describeExchange } from "../../src/testing/describe-exchange.ts";
import { type PostgresServer, startPostgres } from "../servers/postgres.ts";

const bin = process.env["POSTGRES_BIN"];

if (bin === undefined) it("Postgres is an exchange", { skip: "POSTGRES_BIN names no Postgres" });
else
  describe("on a real Postgres", () => {
    let server: PostgresServer;
    before(async () => {
      server = await startPostgres(bin);
    });
    after(() => server.remove());

    describeExchange("Postgres", async (schema) => {
      const options = {
        url: server.url,
        schema,
        elapsed: () => performance.now(),
        sleep: (span: number) => setTimeout(span),
      };
      const store = await openPostgresStore(options);
      const exchange = openExchange(options);
      const pause = async (span: number) => void (await setTimeout(span));
      return {
        store,
        exchange,
        now: Date.now,
        pause,
        close: async () => {
          await exchange.close();
          await store.close();
        },
      };
    });
  });
