/** A flag, or an AI config, of one project. The environment is a setting of the connection, never of an address. */
export interface FlagAddress {
  readonly kind: "flag" | "ai-config";
  readonly project: string;
  readonly key: string;
}

/** LaunchDarkly's keys: letters, digits, `.`, `_` and `-`, beginning with a letter or a digit. */
const KEY = "[A-Za-z0-9][A-Za-z0-9._-]{0,255}";

/** Reads `SCHEME://PROJECT/FLAG` and `SCHEME://PROJECT/ai-configs/KEY`; answers undefined for anything else. */
export function createAddressReader(scheme: string): (at: string) => FlagAddress | undefined {
  const pattern = new RegExp(`^(${KEY})/(ai-configs/)?(${KEY})$`);
  const prefix = `${scheme}://`;
  return (at) => {
    const match = at.startsWith(prefix) ? pattern.exec(at.slice(prefix.length)) : null;
    if (match === null) return undefined;
    const [, project = "", config, key = ""] = match;
    return { kind: config === undefined ? "flag" : "ai-config", project, key };
  };
}

/** Where the management API keeps it. */
export function resourcePath({ kind, project, key }: FlagAddress): string {
  return kind === "flag"
    ? `/api/v2/flags/${project}/${key}`
    : `/api/v2/projects/${project}/ai-configs/${key}/targeting`;
}

/** What people call it in messages. */
export function nameOf({ kind, project, key }: FlagAddress): string {
  return `${kind === "flag" ? "flag" : "AI config"} ${project}/${key}`;
}
