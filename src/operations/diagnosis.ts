import type { Digest } from "../core/digest.ts";
import { readyLines } from "../core/price-lines.ts";
import type { OperatedSystem, OperationContext } from "./context.ts";

/** One thing that a rollback will need, and whether it is there. */
export interface Check {
  readonly system: string;
  readonly what: string;
  readonly level: "fine" | "warning" | "error";
  readonly found: string;
  readonly todo?: string;
}

export interface Diagnosis {
  readonly ok: boolean;
  readonly checks: readonly Check[];
}

/** Looks at everything that a way back rests on, while it is not needed. Changes nothing. */
export async function diagnose(context: OperationContext): Promise<Diagnosis> {
  const checks = (await Promise.all([...context.systems.values()].map((system) => checksOf(context, system)))).flat();
  if (context.systems.size === 0) {
    const todo = "Put a playbook into the folder; `rollbook lint FILE` says why one is not taken.";
    checks.push({ system: "-", what: "systems", level: "error", found: "none is protected", todo });
  }
  return { ok: checks.every(({ level }) => level !== "error"), checks };
}

async function checksOf(context: OperationContext, chosen: OperatedSystem): Promise<readonly Check[]> {
  const { store, connections } = context;
  const playbook = chosen.playbook();
  const { system, environment, who, authority } = playbook;
  const checks: Check[] = [];
  const say = (what: string, level: Check["level"], found: string, todo?: string) =>
    void checks.push({ system, what, level, found, ...(todo ? { todo } : {}) });
  say("playbook", "fine", `${playbook.digest.slice(7, 19)}, authority: ${authority}`);

  const known = await store.lastKnownGood(system);
  const good = known && (await store.release(known.release));
  if (good) say("restore point", "fine", good.label);
  else say("restore point", "error", "there is none", "Run `rollbook adopt` while the system serves well.");

  // What nobody announced, and is only looked at, does not mend what is stuck.
  const newest = (await store.rollouts(system, 50)).find(
    ({ unannounced, rollback }) => !unannounced || rollback?.outcome,
  );
  if (newest?.rollback?.outcome === "stuck")
    say(
      "rollback",
      "error",
      `${newest.id} is ${newest.note?.startsWith("stuck") ? newest.note : `stuck: ${newest.note ?? "people decide"}`}`,
      `Mend what \`rollbook report\` names; then \`rollbook resume ${newest.id}\` tries it again.`,
    );

  const over = context.storeHealth.over();
  if (over) say("store", "error", over.reason, "Start Rollbook again: what is on disk is read anew.");
  const broken = chosen.control().broken();
  if (broken) say("rollout", "error", `${broken.what}: ${broken.reason}`, "Its log has the stack: please report it.");
  const owed = chosen.control().unrecorded();
  if (owed) say("store", "error", `${owed.what}: ${owed.reason}`, "Keep the process up, and bring the store back.");

  const back = chosen.control().wayBack();
  const mend = "Nothing goes forward on that: mend it, and it is looked at again by itself.";
  for (const { about, text } of back?.faults ?? []) say("way back", "error", `${about}: ${text}`, mend);
  for (const text of back?.warnings ?? []) say("way back", "warning", text);
  if (back?.ready)
    say("way back", "fine", `${back.to.label}, plan ${back.digest?.slice(7, 19)}: ${readyLines(back).join("; ")}`);
  else if (good && !back) say("way back", "warning", "not looked at yet", "Ask again in a few seconds.");

  const live = await chosen.control().live();
  for (const component of live) {
    const { name, at } = component;
    if (component.kind === "unreachable") {
      say(name, "error", `${at} cannot be read: ${component.reason}`, "Mend the target or its connection.");
      continue;
    }
    const { digest, label } = component.revision;
    const expected = good?.revisions[name];
    const found = `${at} serves ${label}`;
    const unseen = await unseenAt(connections, at, digest);
    if (unseen)
      say(
        name,
        "error",
        `${at} holds ${label}, and nothing is seen to serve it: ${unseen}`,
        "Mend what serves: a rollback leads there.",
      );
    else if (!expected || expected.digest === digest) say(name, "fine", found);
    else say(name, "warning", `${found}, and the restore point is ${expected.label}`);
  }

  const serving = new Set(live.map(({ at }) => at));
  for (const { name, at, beside } of playbook.components) {
    if (beside === undefined) continue;
    const free = serving.has(at) ? beside : at;
    const found = await connections.adapterFor(free).read(free, unhurried());
    const todo = "The next release goes there: mend it first.";
    const unseen = found.kind === "live" && (await unseenAt(connections, free, found.digest));
    if (found.kind !== "live") say(name, "warning", `${free} cannot be read: ${found.reason}`, todo);
    else if (unseen) say(name, "warning", `${free} can be read, and nothing is seen to serve it: ${unseen}`, todo);
    else say(name, "fine", `${free} answers; the next release goes there`);
  }

  const elsewhere = await connections.elsewhere(environment);
  for (const reason of elsewhere)
    say("environment", "error", reason, "Correct `environment`, or the connection's `identity`.");
  if (environment && elsewhere.length === 0) say("environment", "fine", environment.name);
  if (!environment)
    say("environment", "warning", "none is declared, so nothing is checked", "Add `environment: { name, is }`.");

  for (const audience of [...who.now, ...(who.later ?? []).flatMap((later) => later.audience)]) {
    if (connections.reaches(audience)) say("audience", "fine", audience);
    else say("audience", "error", `nothing serves ${audience}`, "Add its connection, or name another audience.");
  }
  for (const [name, health] of Object.entries(chosen.sources().health())) {
    if (health.kind === "ok") say(`signals from ${name}`, "fine", "answers");
    else say(`signals from ${name}`, health.kind === "error" ? "error" : "warning", health.reason);
  }
  return checks;
}

/** Adapters end their calls by themselves. */
function unhurried(): AbortSignal {
  return new AbortController().signal;
}

/** Why what really serves does not have what its place holds; undefined where it has, or where the place is what serves. */
async function unseenAt(
  connections: OperationContext["connections"],
  at: string,
  digest: Digest,
): Promise<string | undefined> {
  const seen = await connections.adapterFor(at).seen?.(at, digest, unhurried());
  return seen === undefined || seen.kind === "seen" ? undefined : seen.reason;
}
