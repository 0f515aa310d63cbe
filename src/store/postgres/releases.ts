import type { KnownGood, Quarantine, Release, ReleaseId } from "../../core/release.ts";
import { entityIn, toBody } from "../body.ts";
import type { Database } from "./database.ts";
import { newestOf } from "./newest-of.ts";
import { type Statement, sql } from "./statement.ts";

/** Releases, and what was learned of them: proved good, or quarantined. */
export function putReleases(given: readonly Release[]): Statement {
  const releases = newestOf(given, ({ id }) => id);
  return sql`INSERT INTO releases (id, body)
    SELECT * FROM unnest(${releases.map(({ id }) => id)}::text[], ${releases.map(toBody)}::text[])
    ON CONFLICT (id) DO UPDATE SET body = excluded.body`;
}

export function proveReleases(goods: readonly KnownGood[]): Statement {
  return sql`INSERT INTO known_goods (system, proved_at, body)
    SELECT * FROM unnest(${goods.map(({ system }) => system)}::text[],
      ${goods.map(({ provedAt }) => provedAt)}::float8[], ${goods.map(toBody)}::text[])`;
}

export function confineReleases(given: readonly Quarantine[]): Statement {
  const quarantines = newestOf(given, ({ release }) => release);
  return sql`INSERT INTO quarantines (release, body)
    SELECT * FROM unnest(${quarantines.map(({ release }) => release)}::text[], ${quarantines.map(toBody)}::text[])
    ON CONFLICT (release) DO UPDATE SET body = excluded.body`;
}

export function releaseTables(database: Database) {
  return {
    get: async (id: ReleaseId) =>
      entityIn<Release>((await database.rows(sql`SELECT body FROM releases WHERE id = ${id}`))[0]),
    lastKnownGood: async (system: string) => {
      const newest = sql`SELECT body FROM known_goods WHERE system = ${system}
        ORDER BY sequence DESC LIMIT 1`;
      return entityIn<KnownGood>((await database.rows(newest))[0]);
    },
    quarantine: async (release: ReleaseId) =>
      entityIn<Quarantine>((await database.rows(sql`SELECT body FROM quarantines WHERE release = ${release}`))[0]),
  };
}
