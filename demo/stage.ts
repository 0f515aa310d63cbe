import { join } from "node:path";
import { digestOfJson } from "../src/core/digest.ts";
import { RollbookError } from "../src/core/errors.ts";
import type { FlagState } from "../src/core/ports.ts";
import { defineRelease, type Release, type Revision } from "../src/core/release.ts";
import { type Child, startChild } from "./child.ts";
import type { DemoOptions } from "./options.ts";
import type { World } from "./world.ts";

/** One AI system that the demonstration can put on: its programs, its playbook, its releases. */
export interface Stage {
  readonly host: string;
  readonly playbook: URL;
  /** Names the world in the data folder. */
  readonly key: string;
  readonly about: string;
  readonly flags: readonly FlagState[];
  /** So many outcomes the reference has: on a machine that is busy with other things they take longer to come. */
  readonly baselineCounts: number;
  startSystem(world: World, rollbook: string, token: string): Promise<Child>;
  startTraffic(world: World, gateway: string, rollbook: string, token: string): Promise<Child>;
  /** The two releases, from the system's own catalogue, with Rollbook's flag as one more revision of each. */
  releases(system: string, child: Child): Promise<{ readonly stable: Release; readonly candidate: Release }>;
}

/** A lender's loan approval on a synthetic population. */
export function lendingStage(options: DemoOptions): Stage {
  const kind = options.healthy ? "healthy" : "bad";
  const seed = String(options.seed);
  const [off, on] = [fastTrack("off"), fastTrack("on")];
  return {
    host: "lending",
    playbook: new URL("./lending/playbook.yaml", import.meta.url),
    key: `lending-${kind}-seed-${seed}`,
    about: `a lender's loan approval on a synthetic population (seed ${seed}); release 2 is ${kind === "bad" ? "bad: trained on corrupted rows" : "good"}`,
    flags: [off],
    baselineCounts: 2500,
    startSystem: (world, rollbook, token) =>
      startChild(
        new URL("./lending/service.ts", import.meta.url),
        ["--data", world.system, "--seed", seed, "--kind", kind, "--rollbook", rollbook, ...slow(options)],
        join(world.system, "service.log"),
        { ROLLBOOK_TOKEN: token },
      ),
    startTraffic: (world, gateway) =>
      startChild(
        new URL("./lending/borrowers.ts", import.meta.url),
        ["--gateway", gateway, "--rate", "900", "--seed", seed],
        join(world.system, "borrowers.log"),
      ),
    releases: (system, child) => releasesOf(system, child, { stable: off, candidate: on }),
  };
}

/** Recorded answers of two versions of a language model. */
export async function recordedStage(options: DemoOptions, file: string): Promise<Stage> {
  const { loadRecording } = await import("./recorded/recording.ts");
  const { pairsOf } = await import("../src/app/recording/model-pair.ts");
  const choice = {
    ...(options.stable ? { stable: options.stable } : {}),
    ...(options.candidate ? { candidate: options.candidate } : {}),
  };
  const recording = loadRecording(file, choice);
  const { stable, candidate } = recording;
  const models = ["--recording", file, "--stable", stable.name, "--candidate", candidate.name];
  const seed = String(options.seed);
  const share = (model: typeof stable) => `${((100 * model.right) / model.answers.length).toFixed(1)} % right`;
  const others = pairsOf(recording.models.map(({ name }) => name))
    .filter((pair) => pair.stable !== stable.name && pair.candidate !== candidate.name)
    .map((pair) => `\nalso in this recording: --stable ${pair.stable} --candidate ${pair.candidate}`);
  return {
    host: "llm",
    playbook: new URL("./recorded/playbook.yaml", import.meta.url),
    key: `recorded-${digestOfJson([recording.digest, stable.name, candidate.name]).slice(7, 19)}-seed-${seed}`,
    about: `recorded answers: ${stable.name} (${share(stable)}) is stable, ${candidate.name} (${share(candidate)}) is the candidate${others.join("")}`,
    flags: [],
    baselineCounts: 1800,
    startSystem: (world, rollbook, token) =>
      startChild(
        new URL("./recorded/service.ts", import.meta.url),
        ["--data", world.system, ...models, ...slow(options)],
        join(world.system, "service.log"),
        { ROLLBOOK_TOKEN: token, ROLLBOOK_URL: rollbook },
      ),
    startTraffic: (world, gateway, rollbook, token) =>
      startChild(
        new URL("./recorded/asker.ts", import.meta.url),
        ["--gateway", gateway, "--rollbook", rollbook, "--rate", "300", "--seed", seed, ...models],
        join(world.system, "asker.log"),
        { ROLLBOOK_TOKEN: token },
      ),
    releases: (system, child) => releasesOf(system, child, {}),
  };
}

function slow(options: DemoOptions): readonly string[] {
  return options.slowApply > 0 ? ["--slow-apply", String(options.slowApply)] : [];
}

function fastTrack(variant: "on" | "off"): FlagState {
  const variants = { off: false, on: true };
  return { key: "fast-track", variant, variants, digest: digestOfJson({ key: "fast-track", variant, variants }) };
}

interface Catalogue {
  readonly stable: { readonly label: string; readonly revisions: Record<string, Revision> };
  readonly candidate: { readonly label: string; readonly revisions: Record<string, Revision> };
}

async function releasesOf(
  system: string,
  child: Child,
  flags: { readonly stable?: FlagState; readonly candidate?: FlagState },
): Promise<{ readonly stable: Release; readonly candidate: Release }> {
  const answer = await fetch(`http://127.0.0.1:${child.port}/releases`);
  if (!answer.ok) throw new RollbookError("SYSTEM_UNREACHABLE", { reason: `/releases answered ${answer.status}` });
  const catalogue = (await answer.json()) as Catalogue;
  const withFlag = (side: "stable" | "candidate") => {
    const flag = flags[side];
    const revision = flag && { flag: { digest: flag.digest, label: `${flag.key} ${flag.variant}` } };
    return defineRelease(system, catalogue[side].label, { ...catalogue[side].revisions, ...revision });
  };
  return { stable: withFlag("stable"), candidate: withFlag("candidate") };
}
