/** What the environment says; nothing else reads it. */
export const environment = {
  server: process.env["ROLLBOOK_SERVER"] ?? "http://127.0.0.1:7464",
  token: process.env["ROLLBOOK_TOKEN"],
  colour: process.stderr.isTTY === true && !process.env["NO_COLOR"],
};
