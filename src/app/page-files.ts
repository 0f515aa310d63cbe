import { readFileSync } from "node:fs";

const FILES: Readonly<Record<string, readonly [file: string, type: string]>> = {
  "/": ["index.html", "text/html; charset=utf-8"],
  "/page.js": ["page.js", "text/javascript; charset=utf-8"],
  "/chart.js": ["chart.js", "text/javascript; charset=utf-8"],
  "/style.css": ["style.css", "text/css; charset=utf-8"],
  "/icon.svg": ["icon.svg", "image/svg+xml"],
};

/** The page's files, by path. Only these can be asked for. */
export function pageFile(path: string): { readonly type: string; readonly content: string } | undefined {
  const known = Object.hasOwn(FILES, path) ? FILES[path] : undefined;
  if (!known) return undefined;
  return { type: known[1], content: readFileSync(new URL(`../../web/${known[0]}`, import.meta.url), "utf8") };
}
