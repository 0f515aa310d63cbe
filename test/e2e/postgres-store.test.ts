import { after, before, describe, it } from "node:test";
import { setTimeout } from "node:timers/promises";
import { openPostgresStore } from "../../src/store/postgres/postgres-store.ts";
import { describeStore } from "../../src/testing/describe-store.ts";
import { runs } from "../../src/testing/runs.fixture.ts";
import { type PostgresServer, startPostgres } from "../servers/postgres.ts";

const bin = process.env["POSTGRES_BIN"];

if (bin === undefined) it("Postgres is a store", { skip: "POSTGRES_BIN names no Postgres" });
else
  describe("on a real Postgres", () => {
    let server: PostgresServer;
    before(async () => {
      server = await startPostgres(bin);
    });
    after(() => server.remove());

    describeStore({
      name: "Postgres",
      open: (place) =>
        openPostgresStore({
          url: server.url,
          schema: place,
          elapsed: () => performance.now(),
          sleep: async (span, signal) => setTimeout(span, undefined, { signal }),
        }),
      leaseClock: "store",
      sequences: runs(150),
    });
  });
