import { createHash } from "node:crypto";
import { RollbookError } from "../../core/errors.ts";

/** A repository that the settings declare. */
export interface GitRepository {
  /** https, http, ssh or file; without credentials. */
  readonly url: string;
  readonly branch: string;
  readonly author: { readonly name: string; readonly email: string };
  /** With the password or token: what the server knows the user as; most take anything for a token. */
  readonly username?: string;
  /** The password or token, read when it is used. */
  readonly password?: () => string;
  /** Only these paths, and what lies below them, may be addressed. All without it. */
  readonly paths?: readonly string[];
  /** Trailers in this commit and in what it descends from are ignored; see docs/adapters/git.md. */
  readonly forget?: string;
  /** Set when what runs follows the branch by a push from the server (a webhook), and not by polling. */
  readonly pushed?: boolean;
}

/** One path of one repository. The empty path is the whole tree. */
export interface GitPlace {
  readonly name: string;
  readonly repository: GitRepository;
  readonly path: string;
}

/** A file whose name ends so has its @ written as %40. */
const PIN = /@[0-9a-f]{7,64}$/;

/**
 * The place of an address `SCHEME://REPO/PATH`, percent-encoded where it must be; or why there is none. A commit at its
 * end (`@9f2c1e0`), as playbooks pin what they mean, says which revision and not which place.
 */
export function placeOf(
  at: string,
  scheme: string,
  repositories: Readonly<Record<string, GitRepository>>,
): GitPlace | string {
  const rest = at.startsWith(`${scheme}://`) ? at.slice(scheme.length + 3).replace(PIN, "") : "";
  const [name = "", ...parts] = rest.split("/");
  const repository = Object.hasOwn(repositories, name) ? repositories[name] : undefined;
  if (repository === undefined) {
    return `the repository "${name}" is not declared (declared: ${Object.keys(repositories).join(", ") || "none"})`;
  }
  const path = decoded(parts);
  if (path === undefined) return "the path has empty parts, `..`, `.git` or control characters";
  if (!isAllowed(path, repository.paths)) return `"${path}" is not one of the paths that ${name} declares`;
  return { name, repository, path };
}

/** Throws REQUEST_INVALID on a URL of another kind, or with credentials, and on a branch that git would not take. */
export function assertRepository(name: string, { url, branch, author, forget }: GitRepository): void {
  const flaw = (reason: string) => new RollbookError("REQUEST_INVALID", { reason: `the repository ${name} ${reason}` });
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed === undefined || !["https:", "http:", "ssh:", "file:"].includes(parsed.protocol)) {
    throw flaw("needs a URL with https, http, ssh or file");
  }
  if (parsed.password !== "" || (parsed.username !== "" && parsed.protocol !== "ssh:") || parsed.search !== "") {
    throw flaw("must have no credentials and no query in its URL; a secret belongs under `credentials`");
  }
  if (!isRefName(branch)) throw flaw("needs the plain name of a branch, main for example");
  if (!/^[^\p{C}<>]+$/u.test(author.name) || !/^[^\p{C}<>\s]+$/u.test(author.email)) throw flaw("needs a plain author");
  if (forget !== undefined && !/^[0-9a-f]{40}([0-9a-f]{24})?$/.test(forget)) throw flaw("`forget` is a full commit id");
}

/** A name that git-check-ref-format(1) takes, and that no command takes for an option or a revision expression. */
export function isRefName(name: string): boolean {
  return /^[\p{L}\p{N}_][\p{L}\p{N}_./+@#-]{0,200}$/u.test(name) && !/\.\.|@\{|\/\/|\.lock(\/|$)|\/\.|[./]$/.test(name);
}

/** The folder of a repository's mirror. */
export function mirrorName({ url, branch }: GitRepository): string {
  return createHash("sha256").update(`${url}\n${branch}`).digest("hex").slice(0, 32);
}

function decoded(parts: readonly string[]): string | undefined {
  try {
    const path = parts.map(decodeURIComponent);
    if (path.length === 1 && path[0] === "") return "";
    const plain = path.every((part) => !["", ".", ".."].includes(part) && part.toLowerCase() !== ".git");
    return plain && path.length > 0 && !/[\p{Cc}\\]/u.test(path.join("/")) && !path.some((part) => part.includes("/"))
      ? path.join("/")
      : path.length === 0
        ? ""
        : undefined;
  } catch {
    return undefined;
  }
}

function isAllowed(path: string, paths: readonly string[] | undefined): boolean {
  return paths === undefined || paths.some((allowed) => path === allowed || path.startsWith(`${allowed}/`));
}
