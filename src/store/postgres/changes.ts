import type { Change } from "../../core/ports.ts";
import { putCheckpoints, putEntries } from "./entries.ts";
import { putFlags } from "./flags.ts";
import { putPacks } from "./packs.ts";
import { confineReleases, proveReleases, putReleases } from "./releases.ts";
import { putRollouts } from "./rollouts.ts";
import { putRoutes } from "./routes.ts";
import { putSagas, putSteps } from "./sagas.ts";
import { putSamples } from "./samples.ts";
import { putSeasons } from "./seasons.ts";
import type { Statement } from "./statement.ts";
import { putTokens } from "./tokens.ts";

export type Kind = Change["kind"];
type Of<K extends Kind> = Extract<Change, { readonly kind: K }>;
type Writers = { readonly [K in Kind]: (changes: readonly Of<K>[]) => Statement | readonly Statement[] };

/** How the changes of one kind, all together, are written. The kinds touch different rows. */
const writers: Writers = {
  release: (changes) => putReleases(changes.map(({ release }) => release)),
  "known-good": (changes) => proveReleases(changes.map(({ knownGood }) => knownGood)),
  quarantine: (changes) => confineReleases(changes.map(({ quarantine }) => quarantine)),
  rollout: (changes) => putRollouts(changes.map(({ rollout }) => rollout)),
  saga: (changes) => putSagas(changes.map(({ saga }) => saga)),
  step: (changes) => putSteps(changes.map(({ record }) => record)),
  samples: putSamples,
  pack: putPacks,
  season: putSeasons,
  route: (changes) => putRoutes(changes.map(({ route }) => route)),
  flag: (changes) => putFlags(changes.map(({ flag }) => flag)),
  token: (changes) => putTokens(changes.map(({ token }) => token)),
  checkpoint: (changes) => putCheckpoints(changes.map(({ checkpoint }) => checkpoint)),
  entry: (changes) => putEntries(changes.map(({ entry }) => entry)),
};

/** The writes of a commit, by kind, always in the same order. Throws TypeError for what cannot be written. */
export function writesOf(changes: readonly Change[]): readonly Statement[] {
  const byKind = Map.groupBy(changes, ({ kind }) => kind);
  for (const kind of byKind.keys())
    if (!Object.hasOwn(writers, kind)) throw new TypeError(`unknown change ${JSON.stringify(kind)}`);
  return inOrder((kind) => byKind.get(kind));
}

/** The text of a commit of these kinds, which writes nothing. */
export function writesOfNothing(kinds: readonly Kind[]): readonly Statement[] {
  return inOrder((kind) => (kinds.includes(kind) ? [] : undefined));
}

function inOrder(ofKind: (kind: Kind) => readonly Change[] | undefined): readonly Statement[] {
  return (Object.keys(writers) as Kind[]).flatMap((kind) => {
    const changes = ofKind(kind);
    const write = writers[kind] as (of: readonly Change[]) => Statement | readonly Statement[];
    return changes === undefined ? [] : [write(changes)].flat();
  });
}
