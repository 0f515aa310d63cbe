import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { createSimulatedClock } from "../../simulation/clock.ts";
import { Connection } from "./connection.ts";
import { checkpointWhenQuiet } from "./quiet-checkpoints.ts";

const root = mkdtempSync(join(tmpdir(), "rollbook-checkpoints-"));
after(() => rmSync(root, { recursive: true }));

let files = 0;
function open() {
  const clock = createSimulatedClock(0);
  const connection = new Connection(join(root, `${++files}`));
  const checkpoints = checkpointWhenQuiet(connection, clock.sleep);
  connection.exec("CREATE TABLE t (a TEXT)");
  const put = connection.prepare("INSERT INTO t VALUES (?)");
  const write = (text = "a") => {
    connection.transaction(() => put.run(text));
    checkpoints.wrote();
  };
  /** Pages of log, and how many of them are in the database too. */
  const look = connection.prepare("PRAGMA wal_checkpoint(NOOP)");
  const log = () => look.get() as { readonly log: number; readonly checkpointed: number };
  return { clock, connection, checkpoints, write, log };
}

describe("a log that is brought into the database when it is quiet", () => {
  it("is left alone while there is little of it", async () => {
    const { clock, write, log } = open();
    for (let count = 0; count < 99; count += 1) write();
    await clock.advance(1000);
    assert.ok(log().log >= 99);
    assert.equal(log().checkpointed, 0);
  });

  it("waits for the writes to end, and is whole then", async () => {
    const { clock, write, log } = open();
    for (let count = 0; count < 150; count += 1) {
      write();
      await clock.advance(49);
    }
    assert.equal(log().checkpointed, 0);
    await clock.advance(101);
    assert.equal(log().checkpointed, log().log);
    write();
    await clock.advance(1000);
    assert.ok(log().checkpointed < log().log, "and counts from there on");
  });

  it("is brought in within a commit when there is no quiet", () => {
    const { write, log } = open();
    let most = 0;
    for (let count = 0; count < 20; count += 1) {
      write("a".repeat(4_000_000));
      most = Math.max(most, log().log);
    }
    assert.ok(most >= 16_000 && most < 17_100, `${most} pages`);
  });

  it("does not hold up who closes the store, nor meet a closed one", async () => {
    const { clock, connection, checkpoints, write } = open();
    for (let count = 0; count < 100; count += 1) write();
    checkpoints.close();
    connection.close();
    await clock.advance(1000);
  });
});
