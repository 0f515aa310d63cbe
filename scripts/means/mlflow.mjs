// MLflow's own server and Python client, in a virtual environment outside the repository: mlflow-skinny with what the
// server imports, without the rest of the whole package (scikit-learn, pyarrow, matplotlib, docker and more).
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { executable, installDebian, onPath } from "../debian.mjs";

const VERSION = "3.17.2";
const PACKAGES = [
  `mlflow-skinny==${VERSION}`,
  "aiohttp==3.14.5",
  "alembic==1.20.1",
  "cryptography==50.0.2",
  "fastapi==0.165.0",
  "flask==3.1.3",
  "flask-cors==6.0.5",
  "Flask-WTF==1.2.2",
  "graphene==3.4.3",
  "numpy==2.4.6",
  "pandas==3.1.1",
  "sqlalchemy==2.1.9",
  "starlette==1.10.0",
  "uvicorn==0.54.0",
];

export const name = "MLFLOW_VENV";

/** The folder of a virtual environment with MLflow, or `undefined` after saying what is missing. */
export function provide() {
  if (process.env.MLFLOW_VENV) return process.env.MLFLOW_VENV;
  const folder = join(homedir(), ".cache", "rollbook", `mlflow-${VERSION}`);
  const complete = join(folder, "complete");
  if (existsSync(complete) && executable(join(folder, "bin", "mlflow"))) return folder;
  console.log(`Installing MLflow ${VERSION} into ${folder} (once) ...`);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(join(folder, ".."), { recursive: true });
  const made = venv(folder) && run(join(folder, "bin", "python"), "-m", "pip", "install", "--quiet", ...PACKAGES);
  if (made) {
    writeFileSync(complete, `${PACKAGES.join("\n")}\n`);
    return folder;
  }
  rmSync(folder, { recursive: true, force: true });
  console.log("No MLflow: it needs Python 3.10 or newer with venv, and PyPI. Its tests are skipped.");
  return undefined;
}

/** Debian keeps venv in a package of its own. */
function venv(folder) {
  const make = () => {
    const python = onPath("python3");
    return python !== undefined && run(python, "-m", "venv", folder);
  };
  return make() || (installDebian("python3", "python3-venv") && make());
}

function run(command, ...args) {
  const done = spawnSync(command, args, { encoding: "utf8", timeout: 15 * 60_000 });
  if (done.status === 0) return true;
  const why = (done.stderr ?? "").trim().split("\n").slice(-3).join(" / ") || done.error?.message || "no reason given";
  console.log(`${command} ${args.slice(0, 3).join(" ")} failed: ${why}`);
  return false;
}
