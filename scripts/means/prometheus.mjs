// Prometheus and Alertmanager of the whole-program tests: Debian's packages, unpacked into the user's cache and not
// installed, so that no service of theirs is set up or started. Or the folder that PROMETHEUS_PROGRAMS names.
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { executable, onPath } from "../debian.mjs";

const PACKAGES = ["prometheus", "prometheus-alertmanager"];
/** Debian's Alertmanager reads its templates from here and nowhere else. */
const TEMPLATES = "/usr/share/prometheus/alertmanager";
const LIMIT_MS = 5 * 60_000;

export const name = "PROMETHEUS_PROGRAMS";

/** The folder with `prometheus` and `prometheus-alertmanager`, or `undefined` after saying what is missing. */
export function provide() {
  if (process.env[name]) return complete(process.env[name]) ?? missing(`${process.env[name]} has not both programs`);
  const cached = join(homedir(), ".cache", "rollbook", "prometheus");
  const programs = join(cached, "usr", "bin");
  const found = complete(programs) ?? unpack(cached, programs);
  return found === undefined || placeTemplates(join(cached, TEMPLATES)) ? found : missing(`${TEMPLATES} is not there`);
}

function placeTemplates(from) {
  if (existsSync(join(TEMPLATES, "default.tmpl"))) return true;
  try {
    cpSync(from, TEMPLATES, { recursive: true });
    return true;
  } catch (error) {
    console.log(`${TEMPLATES} cannot be written: ${error.message}`);
    return false;
  }
}

function unpack(cached, programs) {
  if (onPath("apt-get") === undefined || onPath("dpkg-deb") === undefined) return missing("this is no Debian");
  console.log(`Unpacking ${PACKAGES.join(" and ")} of Debian into ${cached} (once) ...`);
  mkdirSync(join(cached, ".."), { recursive: true });
  const work = mkdtempSync(join(tmpdir(), "rollbook-prometheus-"));
  const staged = mkdtempSync(`${cached}-`);
  try {
    if (!run(work, "apt-get", "download", "-qq", ...PACKAGES)) {
      // The lists may be missing or old; only root may renew them.
      const renewed = process.getuid?.() === 0 && run(work, "apt-get", "update", "-qq");
      if (!renewed || !run(work, "apt-get", "download", "-qq", ...PACKAGES)) return missing("no packages to download");
    }
    for (const file of readdirSync(work).filter((one) => one.endsWith(".deb")))
      if (!run(work, "dpkg-deb", "-x", file, staged)) return missing(`${file} cannot be unpacked`);
    rmSync(cached, { recursive: true, force: true });
    renameSync(staged, cached);
    return complete(programs) ?? missing("the packages lack the programs");
  } finally {
    rmSync(work, { recursive: true, force: true });
    if (existsSync(staged)) rmSync(staged, { recursive: true, force: true });
  }
}

function complete(folder) {
  return PACKAGES.every((program) => executable(join(folder, program)) !== undefined) ? folder : undefined;
}

function run(cwd, command, ...args) {
  const done = spawnSync(command, args, { cwd, encoding: "utf8", timeout: LIMIT_MS });
  if (done.status === 0) return true;
  const why = (done.stderr ?? "").trim().split("\n").slice(-3).join(" / ") || done.error?.message || "no reason given";
  console.log(`${command} ${args[0]} failed: ${why}`);
  return false;
}

function missing(why) {
  console.log(`No Prometheus: ${why}. Its tests are skipped.`);
  return undefined;
}
