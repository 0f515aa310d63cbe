import type { Release } from "../core/release.ts";

export interface Incompatibility {
  readonly component: string;
  readonly against: string;
  readonly reason: string;
}

/**
 * Can `release` serve while the components of `live` are what is in place? Every component of the release that says
 * what it accepts of another must accept the live revision of it, or that live revision must say that it keeps the
 * component working (a schema that was only expanded keeps its old readers).
 */
export function incompatibilities(release: Release, live: Release): readonly Incompatibility[] {
  const found: Incompatibility[] = [];
  for (const [name, revision] of Object.entries(release.revisions)) {
    for (const [other, accepted] of Object.entries(revision.accepts ?? {})) {
      const there = live.revisions[other];
      if (!there || accepted.includes(there.digest)) continue;
      if (there.keeps?.[name]?.includes(revision.digest)) continue;
      found.push({
        component: name,
        against: other,
        reason: `${revision.label} was never proved to work with ${there.label}`,
      });
    }
  }
  return found;
}
