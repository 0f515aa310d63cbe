import { z } from "zod";
import {
  createPrometheusSource,
  createQueryApi,
  isCounted,
  type PrometheusSignal,
  readExpression,
} from "../../adapters/prometheus/index.ts";
import { refuse } from "../../core/refusal.ts";
import type { ConnectionKind, SourceContext } from "./connection.ts";
import { accessOf, duration, exposure, serverKeys } from "./server-settings.ts";
import { serviceUrl } from "./service-url.ts";

const label = z.string().regex(/^[a-zA-Z_]\w*$/, "is no name of a label");
const promql = z.string().min(1).max(5000);

const counters = z
  .strictObject({
    of: promql,
    part: promql,
    release: label,
    created: promql.optional(),
    missing: z.literal("zero").optional(),
    "new-series": z.literal("skip").optional(),
  })
  .superRefine(({ of, part, created, release }, context) => {
    const flaw = (path: string, text: string, kinds: readonly string[]) => {
      const reading = readExpression(text, release);
      const message = reading.kind === "flawed" ? reading.reason : "must be a selector: a name and { matchers }";
      if (!kinds.includes(reading.kind)) context.addIssue({ code: "custom", path: [path], message });
    };
    flaw("of", of, ["selector", "expression"]);
    flaw("part", part, ["selector", "expression"]);
    if (created !== undefined) flaw("created", created, ["selector"]);
  });

const settings = z
  .strictObject({
    url: serviceUrl,
    ...serverKeys,
    interval: duration.optional(),
    /** What the release label's values mean, besides `stable`, `candidate` and the names of a release. */
    values: z.record(z.string().min(1), z.enum(["stable", "candidate"])).default({}),
    signals: z.record(z.string().regex(/^[^/]+(\/[^/]+)?$/, "is written SIGNAL or SYSTEM/SIGNAL"), counters),
  })
  .superRefine((given, context) => {
    const message = exposure(given);
    if (message !== undefined) context.addIssue({ code: "custom", path: ["url"], message });
  });

export type PrometheusSettings = z.infer<typeof settings>;

/** Counters in Prometheus, or what answers its query API; see docs/adapters/prometheus.md. */
export const prometheus: ConnectionKind<PrometheusSettings> = {
  kind: "prometheus",
  summary: "counts of signals from counters in Prometheus",
  settings,
  connect(name, given, world) {
    const api = createQueryApi(accessOf(given, world));
    return {
      source: (context) =>
        createPrometheusSource({
          api,
          signals: context.signals.map((signal) => countersOf(name, given, context, signal)),
          node: context.node,
          arms: context.arms,
          clock: world.clock,
          roles: given.values,
          ...(given.every === undefined ? {} : { everyMs: given.every }),
          ...(given.interval === undefined ? {} : { intervalMs: given.interval }),
        }),
      close: () => api.close(),
    };
  },
};

/** `SYSTEM/SIGNAL` before `SIGNAL`. @throws RELEASE_REFUSED when neither is there, or for values */
function countersOf(
  name: string,
  { signals }: PrometheusSettings,
  { system }: SourceContext,
  signal: SourceContext["signals"][number],
): PrometheusSignal {
  const found = signals[`${system}/${signal.name}`] ?? signals[signal.name];
  if (!found) {
    const reason = `the connection ${name} has no settings for the signal ${signal.name} of ${system}`;
    throw refuse(`${reason}: add ${name}.signals.${signal.name}`, "Add them to connections.yaml.");
  }
  if (!isCounted(signal)) {
    const why = `${signal.name} is a ${signal.kind}, and ${name} has counters: a histogram's buckets are too coarse to be its values`;
    const instead = `report them (from: events), or make a share of an le-bucket: of is le="+Inf", part is le="0.5"`;
    throw refuse(`${why}; ${instead}`, "Change where the playbook says that the signal comes from.");
  }
  const { of, part, release, created, missing } = found;
  return {
    signal,
    of,
    part,
    release,
    ...(created === undefined ? {} : { created }),
    ...(missing === undefined ? {} : { missing }),
    ...(found["new-series"] === undefined ? {} : { newSeries: found["new-series"] }),
  };
}
