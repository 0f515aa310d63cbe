import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { RollbookError } from "../src/core/errors.ts";

/** One run of the demonstration: a folder with Rollbook's store and the AI system's own database. */
export interface World {
  readonly rollbook: string;
  readonly system: string;
  /** Found unfinished: a crash cut it off. */
  readonly resumed: boolean;
  finish(): void;
}

const FINISHED = "finished";

/**
 * The same command finds the world that a crash cut off; otherwise it makes a new one.
 * @throws USAGE when nothing can be written there
 */
export function openWorld(data: string, key: string): World {
  try {
    const top = resolve(data);
    // One level by itself first: making folders recursively never ends where a parent pretends to take them (/proc).
    if (existsSync(dirname(top)) && !existsSync(top)) mkdirSync(top, { mode: 0o700 });
    return worldIn(join(top, "demo", key));
  } catch (error) {
    throw new RollbookError("USAGE", { what: `--data ${data} cannot hold a world: ${(error as Error).message}` });
  }
}

function worldIn(worlds: string): World {
  mkdirSync(worlds, { recursive: true, mode: 0o700 });
  const numbers = readdirSync(worlds).map(Number).filter(Number.isInteger);
  const newest = Math.max(0, ...numbers);
  const resumed = newest > 0 && !existsSync(join(worlds, String(newest), FINISHED));
  const folder = join(worlds, String(resumed ? newest : newest + 1));
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  return {
    rollbook: join(folder, "rollbook"),
    system: join(folder, "system"),
    resumed,
    finish: () => writeFileSync(join(folder, FINISHED), ""),
  };
}
