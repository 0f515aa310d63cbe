// The browser of the whole-program tests: Debian's chromium, or the one that CHROMIUM names.
import { executable, installDebian, onPath } from "../debian.mjs";

const COMMANDS = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"];

export const name = "CHROMIUM";

/** The path of a browser, or `undefined` after saying what is missing. */
export function provide() {
  const named = process.env.CHROMIUM;
  const found = named ? executable(named) : find();
  if (found !== undefined) return found;
  const installed = !named && installDebian("chromium") ? find() : undefined;
  if (installed === undefined)
    console.log("No browser: install chromium, or name one with CHROMIUM. The browser tests are skipped.");
  return installed;
}

function find() {
  return COMMANDS.map(onPath).find((path) => path !== undefined);
}
