import { type ComponentSpec, isRoute, type Playbook } from "../core/playbook.ts";
import type { LintContext, LintFinding } from "./lint-playbook.ts";

const aliases =
  /(?:^|[/:@=])(?:latest|newest|current|main|master|head|trunk|stable|champion|production|prod|staging)$/i;

/** Schemes whose addresses name a version, with the form that pins it. */
const pinned: Readonly<Record<string, readonly [pattern: RegExp, form: string]>> = {
  dvc: [/@[0-9a-f]{6,64}$/, "dvc://PATH@9f2c1e"],
  hf: [/@[0-9a-f]{7,64}$/, "hf://OWNER/NAME@9f2c1e0"],
  huggingface: [/@[0-9a-f]{7,64}$/, "huggingface://OWNER/NAME@9f2c1e0"],
  oci: [/@sha256:[0-9a-f]{64}$/, "oci://REGISTRY/NAME@sha256:..."],
  docker: [/@sha256:[0-9a-f]{64}$/, "docker://REGISTRY/NAME@sha256:..."],
};

/**
 * Kinds of connection whose addresses name a *place*: what is in it is read by its content, and a release pins that by
 * digest. There an alias is what is moved, and no version that others move under our feet.
 */
const places: ReadonlySet<string> = new Set([
  "command",
  "flags",
  "flyway",
  "gateway",
  "git",
  "k8s",
  "kubernetes",
  "launchdarkly",
  "mlflow",
  "sql-schema",
  "vault",
]);

/** Rollbook's own schemes, which need no connection. */
const ownSchemes: readonly string[] = ["flags", "gateway", "page", "local", "events"];

/** Where things live: is it pinned, is it the system's, does anything serve it? */
export function lintAddresses(playbook: Playbook, context: LintContext): readonly LintFinding[] {
  return [
    ...playbook.components.flatMap((component) => lintPin(component, context)),
    ...lintFallbacks(playbook),
    ...lintRoute(playbook),
    ...lintServed(playbook, context),
    ...lintEnvironment(playbook),
  ];
}

function lintPin({ name, at }: ComponentSpec, { schemes = [] }: LintContext): readonly LintFinding[] {
  const scheme = schemeOf(at);
  const pin = Object.hasOwn(pinned, scheme) ? pinned[scheme] : undefined;
  const alias = aliases.exec(at.slice(scheme.length + 3))?.[0];
  if (pin ? pin[0].test(at) : alias === undefined || places.has(scheme) || schemes.includes(scheme)) return [];
  const why = alias ? `\`${alias.replace(/^[/:@=]/, "")}\` is an alias that others move` : "it names no version";
  return [
    {
      level: "error",
      name: "unpinned-address",
      about: `what.${name}`,
      message: `The address of \`${name}\` is not pinned: ${why}, so going back to it may go somewhere else.`,
      hint: pin ? `Name the version, as in \`${pin[1]}\`.` : "Name a version instead of an alias.",
    },
  ];
}

/** A fallback is one version, not a place: an alias there is what may be sick, or whatever it is moved to. */
function lintFallbacks({ how, components }: Playbook): readonly LintFinding[] {
  return (["else", "safe"] as const).flatMap((key): LintFinding[] => {
    const at = how[key];
    if (at === undefined || at === "people") return [];
    const alias = aliases.exec(at.slice(schemeOf(at).length + 3))?.[0]?.replace(/^[/:@=]/, "");
    const same = components.find((component) => component.at === at || component.beside === at);
    const found: LintFinding[] = [];
    if (alias !== undefined) {
      found.push({
        level: "error",
        name: "unpinned-address",
        about: `how.${key}`,
        message: `\`${key}\` is not pinned: \`${alias}\` is an alias that others move, perhaps to what is sick.`,
        hint: "Name one version, as in `mlflow://models/loan-scorecard/1`.",
      });
    }
    if (same) {
      found.push({
        level: "warning",
        name: "sick-fallback",
        about: `how.${key}`,
        message: `\`${key}\` is where \`${same.name}\` lives, which is being rolled back when it is needed.`,
        hint: "Name something simpler that stands by itself: an older model, rules, a static answer.",
      });
    }
    return found;
  });
}

function lintRoute(playbook: Playbook): readonly LintFinding[] {
  const found: LintFinding[] = [];
  const route = playbook.components.find(isRoute);
  const routed = route?.at.startsWith("gateway://")
    ? route.at.slice("gateway://".length).replace(/\/$/, "")
    : undefined;
  if (route && routed !== undefined && routed !== playbook.system) {
    found.push({
      level: "warning",
      name: "route-name",
      about: `what.${route.name}`,
      message: `The route is called \`${routed}\`, the system \`${playbook.system}\`: which traffic is contained?`,
      hint: `Write \`${route.name}: gateway://${playbook.system}\`.`,
    });
  }
  const unseen = playbook.signals.filter(({ from }) => from === "gateway");
  if (route?.at.startsWith("flags://")) {
    for (const { name } of unseen) {
      found.push({
        level: "error",
        name: "no-gateway",
        about: `signals.${name}`,
        message: `\`${name}\` is counted at the gateway, and under a release flag there is none: it would never have data.`,
        hint: "Report it as outcomes, with `from: events`, or take it from a connection such as `prometheus`.",
      });
    }
  }
  if (playbook.how.holdback > 0 && playbook.how.holdbackFor === undefined) {
    found.push({
      level: "note",
      name: "holdback-without-end",
      about: "how.release",
      message: "Without a time the holdback ends with the promotion, and nothing is watched after it.",
      hint: "Say for how long: `holdback: 5% for 14d`.",
    });
  }
  return found;
}

/** With the names of the connections known: every address that nothing serves. */
function lintServed(playbook: Playbook, { schemes }: LintContext): readonly LintFinding[] {
  if (!schemes) return [];
  const known = new Set([...schemes, ...ownSchemes]);
  const { components, signals, policies = [], how, who, environment, authority } = playbook;
  const addresses: readonly (readonly [about: string, address: string])[] = [
    ...components.flatMap(({ name, at, beside }) =>
      [at, ...(beside ? [beside] : [])].map((one) => [`what.${name}`, one] as const),
    ),
    ...policies.map(({ name, at }) => [`when.${name}`, at] as const),
    ...(how.allow ? [["how.release", how.allow] as const] : []),
    ...who.now.map((audience) => ["who.now", audience] as const),
    ...(who.later ?? []).flatMap(({ audience }) => audience.map((one) => ["who", one] as const)),
    ...(environment?.is ?? []).filter((is) => is !== "local").map((is) => ["environment", is] as const),
  ];
  const unserved = addresses.filter(([, address]) => !known.has(schemeOf(address)));
  const sources = signals.filter(({ from }) => from !== "gateway" && !known.has(from));
  const level = authority === "act" ? "error" : "warning";
  const hint = `Add a connection of this name (there is ${schemes.join(", ") || "none"}), or correct the address.`;
  return [
    ...unserved.map(
      ([about, address]): LintFinding => ({
        level,
        name: "unserved-address",
        about,
        message: `Nothing serves \`${address}\`: there is no connection called \`${schemeOf(address)}\`.`,
        hint,
      }),
    ),
    ...sources.map(
      ({ name, from }): LintFinding => ({
        level,
        name: "unserved-address",
        about: `signals.${name}`,
        message: `\`${name}\` comes from \`${from}\`, and there is no connection of this name.`,
        hint,
      }),
    ),
  ];
}

function lintEnvironment({ environment, authority, risk }: Playbook): readonly LintFinding[] {
  if (environment || authority !== "act" || risk !== "high") return [];
  return [
    {
      level: "warning",
      name: "no-environment",
      about: "risk",
      message: "The risk is high, and no `environment` says where this playbook may act.",
      hint: "Add `environment: { name: production, is: k8s://prod/NAMESPACE }`, or `is: local`.",
    },
  ];
}

function schemeOf(address: string): string {
  return address.split("://")[0] ?? "";
}
