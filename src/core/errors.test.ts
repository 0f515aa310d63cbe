import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { type ErrorCode, errorCatalogue, RollbookError } from "./errors.ts";

const codes = Object.keys(errorCatalogue) as ErrorCode[];
const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));

describe("an error of Rollbook", () => {
  it("says what happened, what state was left and what to do", () => {
    const error = new RollbookError("DATA_FOLDER_IN_USE", { folder: "/data" });
    assert.ok(error instanceof Error);
    assert.equal(error.name, "RollbookError");
    assert.equal(error.exit, 4);
    assert.deepEqual(error.details, { folder: "/data" });
    assert.equal(
      error.explain(),
      [
        "The data folder /data is in use by another Rollbook.",
        "  state: Nothing was done; the other process goes on.",
        "  to do: End the other process, or choose another folder with --data.",
        "  code:  DATA_FOLDER_IN_USE",
      ].join("\n"),
    );
  });

  it("can be made without details", () => {
    assert.deepEqual(new RollbookError("UNAUTHORISED").details, {});
  });
});

describe("the error catalogue", () => {
  for (const code of codes)
    it(`describes ${code} in whole sentences, with an exit code that a shell can tell`, () => {
      const { exit, state, hint } = errorCatalogue[code];
      assert.match(code, /^[A-Z][A-Z_]+$/);
      assert.ok(Number.isInteger(exit) && exit > 0 && exit < 126);
      for (const text of [state, hint]) assert.match(text, /^([A-Z]|docs\/).*[.?]$/);
    });

  it("shows every detail that a message asks for", () => {
    for (const code of codes) {
      const asked = new Set<string>();
      const get = (_: unknown, name: string | symbol) => {
        asked.add(String(name));
        return `<${String(name)}>`;
      };
      const message = errorCatalogue[code].message(new Proxy<Record<string, string>>({}, { get }));
      for (const name of asked) assert.ok(message.includes(`<${name}>`));
    }
  });
});

describe("docs/errors.md", () => {
  const page = readFileSync(path("../../docs/errors.md"), "utf8");
  const documented = [...page.matchAll(/^## (.+)$/gm)].map(([, code]) => code);

  it("describes every error of the catalogue", () => {
    assert.deepEqual(
      codes.filter((code) => !documented.includes(code)),
      [],
    );
  });

  it("describes no error that the catalogue lacks", () => {
    assert.deepEqual(
      documented.filter((code) => !(codes as (string | undefined)[]).includes(code)),
      [],
    );
  });

  it("is what its generator writes", () => {
    const check = spawnSync(process.execPath, [path("../../scripts/generate-error-docs.ts"), "--check"], {
      encoding: "utf8",
    });
    assert.equal(check.status, 0, check.stderr);
  });
});
