import type { Starter } from "./starter.ts";

/** A commented connections file for the one system. */
export function connectionsText(starter: Starter): string {
  const { system, kind, stable, candidate } = starter;
  const head = [
    "# What Rollbook is connected to. Every key: docs/connections.md. Secrets are named ({ env: NAME }), never written here.",
    "rollbook: connections/v1",
    "port: 7464                # Rollbook's page and API, on this machine only",
    "data: .rollbook           # its records; back this folder up",
    "",
  ];
  return [...head, ...(kind === "prompt" ? promptLines(system) : serviceLines(starter, stable, candidate)), ""].join(
    "\n",
  );
}

function serviceLines({ system, kind }: Starter, stable: string, candidate: string): readonly string[] {
  const parts = kind === "agent" ? ["prompt", "tools"] : ["model"];
  return [
    "systems:",
    `  ${system}:`,
    "    # Point your callers here instead of at the service: one port in front of both copies.",
    `    gateway: { port: 8080, stable: "${stable}", candidate: "${candidate}" }`,
    "",
    "connections:",
    "  # Files on this machine, restored from Rollbook's own vault. A path is a file, or a symlink to a folder.",
    "  vault:",
    "    kind: vault",
    "    components:",
    ...parts.flatMap((part) => [
      ...component(system, part, "blue", stable),
      ...component(system, part, "green", candidate),
    ]),
  ];
}

/** `reload` and `serving` are calls of the service itself; it must have them, or they are taken out. */
function component(system: string, part: string, copy: string, url: string): readonly string[] {
  const base = url.replace(/\/+$/, "");
  return [
    `      ${system}-${part}-${copy}:`,
    `        path: ${copy}/${part}`,
    `        reload: { url: "${base}/reload" }                         # POST: load what lies at the path now`,
    `        serving: { url: "${base}/health", field: ${part}.digest }   # what it has really loaded`,
  ];
}

function promptLines(system: string): readonly string[] {
  return [
    "systems:",
    `  ${system}:`,
    `    # What the release flag \`${system}-release\` says, by the prompt that is released: a name, a path, an object.`,
    "    values:",
    `      "${system}-prompt v1": v1`,
    `      "${system}-prompt v2": v2`,
    "",
    "flags:",
    "  # The prompts that can be released: rollbook release prompt=v2. Add a variant here for each new one.",
    `  ${system}-prompt:`,
    "    variants: { v1: v1, v2: v2 }",
    "    initially: v1",
  ];
}
