// Flyway's own engine and Postgres support from Maven Central, behind a small main program, as one command outside the
// repository. FLYWAY_COMMAND may name an installed flyway instead.
import { spawnSync } from "node:child_process";
import { chmodSync, copyFileSync, existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { executable, installDebian, onPath } from "../debian.mjs";

const VERSION = "13.11.1";
const DRIVER = "42.7.8";
const MAIN = join(dirname(fileURLToPath(import.meta.url)), "..", "flyway", "RunFlyway.java");

export const name = "FLYWAY_COMMAND";

/** A program with Flyway's command line, or `undefined` after saying what is missing. */
export function provide() {
  if (process.env.FLYWAY_COMMAND) return process.env.FLYWAY_COMMAND;
  const folder = join(homedir(), ".cache", "rollbook", `flyway-${VERSION}`);
  const command = join(folder, "flyway");
  if (existsSync(join(folder, "RunFlyway.class")) && executable(command)) return command;
  if (!["mvn", "javac"].every(onPath) && !installDebian("default-jdk-headless", "maven")) return missing();
  console.log(`Installing Flyway ${VERSION} into ${folder} (once) ...`);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "pom.xml"), POM);
  copyFileSync(MAIN, join(folder, "RunFlyway.java"));
  writeFileSync(command, SCRIPT);
  chmodSync(command, 0o755);
  const jars = ["-B", "-q", "dependency:copy-dependencies", "-DoutputDirectory=lib", "-DincludeScope=runtime"];
  if (run(folder, "mvn", ...jars) && run(folder, "javac", "-cp", join("lib", "*"), "RunFlyway.java")) return command;
  rmSync(folder, { recursive: true, force: true });
  return missing();
}

function missing() {
  console.log("No Flyway: it needs a JDK of version 17 or newer, Maven and Maven Central. Its tests are skipped.");
  return undefined;
}

function run(folder, command, ...args) {
  const done = spawnSync(command, args, { cwd: folder, encoding: "utf8", timeout: 10 * 60_000 });
  if (done.status === 0) return true;
  const why = `${done.stdout ?? ""}${done.stderr ?? ""}`.trim().split("\n").slice(0, 3).join(" / ");
  console.log(`${command} failed: ${why || done.error?.message}`);
  return false;
}

const dependency = (group, artifact, version) =>
  `<dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${version}</version></dependency>`;
const POM = `<project><modelVersion>4.0.0</modelVersion>
<groupId>rollbook</groupId><artifactId>flyway-means</artifactId><version>1</version><dependencies>
${dependency("org.flywaydb", "flyway-core", VERSION)}
${dependency("org.flywaydb", "flyway-database-postgresql", VERSION)}
${dependency("org.postgresql", "postgresql", DRIVER)}
</dependencies></project>
`;
const SCRIPT = `#!/bin/sh
cd "$(dirname "$0")" && exec java -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xmx128m -cp '.:lib/*' RunFlyway "$@"
`;
