import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import { describeStore } from "../../testing/describe-store.ts";
import { runs } from "../../testing/runs.fixture.ts";
import { NOON } from "../../testing/store/fixtures.ts";
import { openSqliteStore } from "./sqlite-store.ts";

// What a store promises, not what a disk does: crash.test.ts has that.
const root = mkdtempSync(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "rollbook-store-"));
after(() => rmSync(root, { recursive: true }));

describeStore({
  name: "SQLite",
  open: (place) => openSqliteStore({ folder: join(root, place), now: () => NOON }),
  // One process at a time has the folder.
  skip: ["replicas"],
  sequences: runs(200),
});
