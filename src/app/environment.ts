/** What the environment says; nothing else reads it. */
export const environment = {
  server: process.env["ROLLBOOK_SERVER"] ?? "http://127.0.0.1:7464",
  token: process.env["ROLLBOOK_TOKEN"],
  colour: process.stderr.isTTY === true && !process.env["NO_COLOR"],
};

/** One variable that a connections file names as the place of a secret. */
export function variable(name: string): string | undefined {
  return process.env[name];
}
