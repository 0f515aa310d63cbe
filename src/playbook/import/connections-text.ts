import type { Draft, DraftSignal } from "./draft.ts";
import { comment } from "./playbook-text.ts";

/**
 * The connection that the playbook's signals come from, with their counters: a whole `connections.yaml`, to be merged by
 * hand where there is one. Undefined where no signal comes from Prometheus.
 */
export function connectionsText({ signals, server }: Draft, file: string): string | undefined {
  const counted = signals.filter(({ counters }) => counters !== undefined);
  if (counted.length === 0) return undefined;
  const given = server?.url;
  const usable = given !== undefined && /^https?:\/\/[\w.:/-]+$/.test(given) && URL.canParse(given);
  const values = new Map(counted.flatMap(({ counters }) => Object.entries(counters!.values)));
  return [
    `# Counters for the playbook that was imported from ${comment(file)}; every key: docs/adapters/prometheus.md`,
    "rollbook: connections/v1",
    "connections:",
    "  metrics:",
    "    kind: prometheus",
    usable
      ? `    url: ${given}`
      : `    url: http://127.0.0.1:9090  # FILL IN: ${given === undefined ? "the config does not say where it is" : comment(given)}`,
    ...(server?.remarks ?? []).map((remark) => `    # ${comment(remark)}`),
    ...(values.size > 0
      ? [`    values: { ${[...values].map(([name, arm]) => `${JSON.stringify(name)}: ${arm}`).join(", ")} }`]
      : []),
    "    signals:",
    ...counted.flatMap(signalLines),
    "",
  ].join("\n");
}

function signalLines({ name, counters, query }: DraftSignal): readonly string[] {
  const { of, part, release, missingZero } = counters!;
  return [
    `      ${name}:`,
    ...(query === undefined ? [] : [`        # was: ${comment(query)}`]),
    `        of: ${quoted(of)}`,
    `        part: ${quoted(part)}`,
    `        release: ${release ?? "version  # FILL IN: the label that tells the arms apart"}`,
    ...(missingZero ? ["        missing: zero  # a release without a bad one has no such series"] : []),
  ];
}

function quoted(promql: string): string {
  return `'${promql.replaceAll(/\s+/g, " ").replaceAll("'", "''")}'`;
}
