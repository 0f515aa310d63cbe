import { shortDigest } from "../../core/digest.ts";
import type { Release, ReleaseId } from "../../core/release.ts";
import type { Instant } from "../../core/time.ts";

export type Arm = "stable" | "candidate";
export type Arms = { readonly [arm in Arm]?: Release };

/** A release that a label's value names. Counts of before `since` belong to whatever had the name before. */
export interface NamedArm {
  readonly release: ReleaseId;
  readonly since: Instant;
}

/** Turns a label's value into a release. */
export interface ArmNames {
  /** Looks again at which releases are out; `now` is the server's time. */
  refresh(now: Instant): void;
  /** `ambiguous`: both arms have this name, a revision that they share say. */
  named(value: string | undefined): NamedArm | "ambiguous" | undefined;
  /** The arms that are out. */
  readonly out: readonly { readonly arm: Arm; readonly release: ReleaseId }[];
}

/**
 * A value names an arm by its role (`stable`, `candidate`, or what `roles` maps), or a release by its content: label,
 * id, and label or digest of one of its revisions, digests whole or as their first twelve hex digits. A role moves from
 * release to release, so it names one only since this was seen; content always names the same.
 */
export function createArmNames(arms: () => Arms, roles: Readonly<Record<string, Arm>> = {}): ArmNames {
  const current = new Map<Arm, NamedArm>();
  let contents = new Map<string, Set<ReleaseId>>();
  let out: { arm: Arm; release: ReleaseId }[] = [];

  return {
    get out() {
      return out;
    },
    refresh(now) {
      const releases = arms();
      contents = new Map();
      out = [];
      for (const arm of ["stable", "candidate"] as const) {
        const release = releases[arm];
        if (!release) {
          current.delete(arm);
          continue;
        }
        if (current.get(arm)?.release !== release.id) current.set(arm, { release: release.id, since: now });
        out.push({ arm, release: release.id });
        for (const name of namesOf(release)) contents.set(name, (contents.get(name) ?? new Set()).add(release.id));
      }
    },
    named(value) {
      if (value === undefined) return undefined;
      const role = Object.hasOwn(roles, value) ? roles[value]! : value;
      if (role === "stable" || role === "candidate") return current.get(role);
      const releases = contents.get(value);
      if (!releases) return undefined;
      return releases.size > 1 ? "ambiguous" : { release: [...releases][0]!, since: Number.NEGATIVE_INFINITY };
    },
  };
}

function namesOf({ id, label, revisions }: Release): readonly string[] {
  const labels = [label, ...Object.values(revisions).map((revision) => revision.label)];
  const digests = [id, ...Object.values(revisions).map(({ digest }) => digest)];
  return [...labels, ...digests.flatMap((digest) => [digest, digest.slice("sha256:".length), shortDigest(digest)])];
}
