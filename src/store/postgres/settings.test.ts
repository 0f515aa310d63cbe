import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { assertSafe, type ServerSettings } from "./settings.ts";

const safe: ServerSettings = {
  version: 140_000,
  fsync: "on",
  full_page_writes: "on",
  synchronous_commit: "on",
  isolation: "read committed",
  read_only: "off",
  encoding: "UTF8",
  standby: false,
  cluster: "7000000000000000001",
};

describe("a server's settings", () => {
  it("are taken when a commit is durable, with whatever standbys it waits for", () => {
    assertSafe(safe);
    for (const synchronous_commit of ["local", "remote_write", "remote_apply"])
      assertSafe({ ...safe, synchronous_commit, version: 180_004 });
  });

  const unsafe: Readonly<Record<string, [Partial<ServerSettings>, RegExp]>> = {
    "an old version": [{ version: 130_022 }, /Postgres 13 is older than 14/],
    "a standby": [{ standby: true }, /standby/],
    "no flush": [{ fsync: "off" }, /fsync is off/],
    "torn pages": [{ full_page_writes: "off" }, /full_page_writes is off/],
    "commits that do not wait": [{ synchronous_commit: "off" }, /synchronous_commit is off/],
    "another isolation": [{ isolation: "serializable" }, /isolation is serializable/],
    "read only": [{ read_only: "on" }, /read_only is on/],
    "another encoding": [{ encoding: "SQL_ASCII" }, /encoding is SQL_ASCII/],
  };
  for (const [name, [settings, message]] of Object.entries(unsafe))
    it(`with ${name} are refused with the reason`, () => {
      assert.throws(() => assertSafe({ ...safe, ...settings }), { code: "STORE_UNSAFE", message });
    });
});
