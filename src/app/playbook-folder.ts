import { mkdirSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import type { Digest } from "../core/digest.ts";
import type { Playbook } from "../core/playbook.ts";
import { renderFindings, renderIssues } from "../playbook/issue-frame.ts";
import type { LintContext } from "../playbook/lint-playbook.ts";
import { parsePlaybook } from "../playbook/parse-playbook.ts";

/** A playbook that may take effect, with the file and the text that it came from. */
export interface PlaybookFile {
  readonly file: string;
  readonly text: string;
  readonly playbook: Playbook;
}

/** What one look at the folder found. */
export interface Look {
  readonly good: ReadonlyMap<string, PlaybookFile>;
  /** Why files are not taken, for people; each is told once until the file changes. */
  readonly problems: readonly string[];
  /** The systems of files that are not taken: as they name them, or as they did before. */
  readonly broken: ReadonlySet<string>;
}

export interface PlaybookFolder {
  look(): Look;
}

/**
 * The playbooks of a folder: every `.yaml` or `.yml` file in it and in its folder `playbooks`, but for the connections.
 * A file that does not parse, or that the linter refuses, is a problem and no playbook.
 */
export function createPlaybookFolder(
  folder: string,
  connectionsFile: string,
  context: LintContext = {},
): PlaybookFolder {
  const read = new Map<string, Seen>();
  return {
    look() {
      const good = new Map<string, PlaybookFile>();
      const problems: string[] = [];
      const broken = new Set<string>();
      for (const file of filesIn(folder).filter((one) => one !== connectionsFile)) {
        const stamp = stampOf(file);
        const known = read.get(file);
        if (stamp === undefined) continue;
        const fresh = known?.stamp !== stamp;
        const found = fresh ? readPlaybook(file, context) : known.found;
        const system = typeof found === "string" ? (systemNamedIn(file) ?? known?.system) : found.playbook.system;
        read.set(file, { stamp, found, system });
        if (typeof found === "string") {
          if (fresh) problems.push(found);
          if (system !== undefined) broken.add(system);
          continue;
        }
        const other = good.get(found.playbook.system);
        if (other && fresh)
          problems.push(
            `${file}: ${found.playbook.system} has a playbook in ${other.file} already; this one is not taken`,
          );
        if (!other) good.set(found.playbook.system, found);
      }
      return { good, problems, broken };
    },
  };
}

interface Seen {
  readonly stamp: string;
  readonly found: PlaybookFile | string;
  /** Whose playbook it is, or was before it was broken. */
  readonly system: string | undefined;
}

/** A playbook, or why it is none. */
function readPlaybook(file: string, context: LintContext): PlaybookFile | string {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    return `${file} cannot be read: ${(error as Error).message}`;
  }
  const parsed = parsePlaybook(text, file, context);
  if (parsed.kind === "invalid") return renderIssues(parsed.issues, text, { colour: false });
  const errors = parsed.findings.filter(({ level }) => level === "error");
  if (errors.length > 0) return renderFindings(errors, file, { colour: false });
  return { file, text, playbook: parsed.playbook };
}

/** The system that a file is about, although it cannot be parsed. */
function systemNamedIn(file: string): string | undefined {
  try {
    return /^system:\s*["']?([\w.-]+)/m.exec(readFileSync(file, "utf8"))?.[1];
  } catch {
    return undefined;
  }
}

function filesIn(folder: string): readonly string[] {
  const list = (at: string) => {
    try {
      return readdirSync(at, { withFileTypes: true })
        .filter((entry) => entry.isFile() && /\.ya?ml$/.test(entry.name))
        .map((entry) => join(at, entry.name))
        .sort();
    } catch {
      return [];
    }
  };
  return [...list(folder), ...list(join(folder, "playbooks"))];
}

function stampOf(file: string): string | undefined {
  try {
    const { mtimeMs, size, ino } = statSync(file);
    return `${mtimeMs} ${size} ${ino}`;
  } catch {
    return undefined;
  }
}

/** Playbooks that were in effect, kept beside the store: by system, and by digest for rollouts that still run under one. */
export interface KeptPlaybooks {
  keep(file: PlaybookFile): void;
  newest(system: string): PlaybookFile | undefined;
  /** All systems that ever had one here. */
  systems(): readonly string[];
  byDigest(digest: Digest): PlaybookFile | undefined;
}

export function openKeptPlaybooks(data: string): KeptPlaybooks {
  const folder = join(data, "playbooks");
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const write = (name: string, text: string) => {
    const fresh = join(folder, `${name}.new`);
    writeFileSync(fresh, text, { mode: 0o600 });
    renameSync(fresh, join(folder, name));
  };
  const open = (name: string): PlaybookFile | undefined => {
    const file = join(folder, name);
    try {
      const text = readFileSync(file, "utf8");
      const parsed = parsePlaybook(text, basename(file));
      return parsed.kind === "parsed" ? { file, text, playbook: parsed.playbook } : undefined;
    } catch {
      return undefined;
    }
  };
  const byDigest = (digest: Digest) => `${digest.replace(":", "-")}.yaml`;
  return {
    keep({ text, playbook }) {
      write(byDigest(playbook.digest), text);
      write(`system-${playbook.system}.yaml`, text);
    },
    systems: () => readdirSync(folder).flatMap((name) => /^system-(.+)\.yaml$/.exec(name)?.[1] ?? []),
    newest: (system) => open(`system-${system}.yaml`),
    byDigest: (digest) => open(byDigest(digest)),
  };
}
