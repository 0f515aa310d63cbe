import { globSync, readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { posix } from "node:path";
import { besideTests, type FolderRule, folderRules } from "../architecture.ts";
import { globalsOf } from "./globals.ts";
import { importsOf } from "./imports.ts";
import { tokensOf } from "./tokens.ts";

/** A source file, by its path from the root with forward slashes. */
export interface SourceFile {
  readonly path: string;
  readonly source: string;
}

/** Every TypeScript file of the house below a root. */
export function readHouse(root: string): readonly SourceFile[] {
  return globSync("{src,demo,bench,web,test}/**/*.{ts,tsx,mts,cts}", { cwd: root })
    .map((path) => path.replaceAll("\\", "/"))
    .filter((path) => !path.includes("node_modules/"))
    .sort()
    .map((path) => ({ path, source: readFileSync(`${root}/${path}`, "utf8") }));
}

/** What a file does and its folder may not: one line each, `path:line what`. */
export function violationsIn({ path, source }: SourceFile): readonly string[] {
  const rule = ruleOf(path);
  if (rule === undefined) return [`${path}:1 lies in a folder that the architecture does not know`];
  const tokens = tokensOf(source);
  const imports = importsOf(tokens).flatMap(({ specifier, line }) => {
    const flaw = importFlaw(path, rule, specifier);
    return flaw === undefined ? [] : [`${path}:${line} ${flaw}`];
  });
  if (isTest(path)) return imports;
  const globals = globalsOf(tokens)
    .filter(({ kind }) => !(kind === "environment" ? rule.environment : rule.globals))
    .map(({ name, line }) => `${path}:${line} uses ${name}`);
  return [...imports, ...globals];
}

/** Tests, and the fixtures that they start as processes of their own. */
export function isTest(path: string): boolean {
  return /\.(test|fixture)\.tsx?$/.test(path) || path.startsWith("test/");
}

function ruleOf(path: string): FolderRule | undefined {
  const holding = folderRules.filter(({ folder }) => path.startsWith(`${folder}/`));
  const rule = holding.sort((a, b) => b.folder.length - a.folder.length)[0];
  // Only files, no new folder, may lie directly in src/.
  return rule?.folder === "src" && path.split("/").length > 2 ? undefined : rule;
}

function importFlaw(path: string, rule: FolderRule, specifier: string | undefined): string | undefined {
  if (specifier === undefined) {
    return rule.libraries.includes("anything") || isTest(path) ? undefined : "imports something that it computes";
  }
  return /^[./]/.test(specifier) ? fileFlaw(path, rule, specifier) : libraryFlaw(path, rule, specifier);
}

function fileFlaw(path: string, rule: FolderRule, specifier: string): string | undefined {
  if (rule.may === "anything") return undefined;
  const target = posix.join(posix.dirname(path), specifier);
  const may = [rule.folder, ...rule.may, ...(isTest(path) ? besideTests.may : [])];
  const inside = may.some((place) => target === place || target.startsWith(`${place}/`));
  return inside && !isTestOfOthers(target) ? undefined : `imports ${target}, and ${rule.folder} may not`;
}

/** Tests are never imported. */
function isTestOfOthers(target: string): boolean {
  return /\.test\.tsx?$/.test(target);
}

function libraryFlaw(path: string, rule: FolderRule, specifier: string): string | undefined {
  const may: readonly string[] = isTest(path) ? [...rule.libraries, ...besideTests.libraries] : rule.libraries;
  const flaw = `imports ${specifier}, and ${rule.folder} may not`;
  if (may.includes("anything")) return undefined;
  if (specifier.startsWith("node:")) {
    if (specifier === "node:process" && !isTest(path)) return `${flaw}: the global process shows what is used of it`;
    return may.includes("any-builtin") || may.includes(specifier) ? undefined : flaw;
  }
  if (builtinModules.includes(specifier)) return `${flaw} without node:`;
  const name = specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/");
  return may.includes(name) ? undefined : flaw;
}
