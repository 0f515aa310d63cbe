// The Postgres of the whole-program tests: Debian's newest, or the one whose programs are in the folder POSTGRES_BIN.
import { existsSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { executable, installDebian, onPath } from "../debian.mjs";

const DEBIAN = "/usr/lib/postgresql";

export const name = "POSTGRES_BIN";

/** The folder of initdb, postgres and pg_basebackup, or `undefined` after saying what is missing. */
export function provide() {
  const named = process.env.POSTGRES_BIN;
  const found = named ? whole(named) : find();
  if (found !== undefined) return found;
  const installed = !named && installDebian("postgresql") ? find() : undefined;
  if (installed === undefined)
    console.log(
      "No Postgres server: install postgresql, or name its programs with POSTGRES_BIN. Its tests are skipped.",
    );
  return installed;
}

function find() {
  const versions = existsSync(DEBIAN) ? readdirSync(DEBIAN).sort((a, b) => Number(b) - Number(a)) : [];
  const command = onPath("initdb");
  const folders = [...versions.map((version) => join(DEBIAN, version, "bin")), ...(command ? [dirname(command)] : [])];
  return folders.find((folder) => whole(folder) !== undefined);
}

function whole(folder) {
  return ["initdb", "postgres", "pg_basebackup"].every((program) => executable(join(folder, program)))
    ? folder
    : undefined;
}
