import type { KnownGood, Quarantine, Release, ReleaseId } from "../../core/release.ts";
import { entityIn, toBody } from "../body.ts";
import type { Connection } from "./connection.ts";

/** Releases, and what was learned of them: proved good, or quarantined. */
export function releaseTables(connection: Connection) {
  const put = connection.prepare(
    "INSERT INTO releases (id, body) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET body = excluded.body",
  );
  const get = connection.prepare("SELECT body FROM releases WHERE id = ?");
  const prove = connection.prepare("INSERT INTO known_goods (system, proved_at, body) VALUES (?, ?, ?)");
  const newest = connection.prepare("SELECT body FROM known_goods WHERE system = ? ORDER BY sequence DESC LIMIT 1");
  const confine = connection.prepare(
    "INSERT INTO quarantines (release, body) VALUES (?, ?) ON CONFLICT (release) DO UPDATE SET body = excluded.body",
  );
  const confined = connection.prepare("SELECT body FROM quarantines WHERE release = ?");
  return {
    put: (release: Release) => put.run(release.id, toBody(release)),
    get: (id: ReleaseId) => entityIn<Release>(get.get(id)),
    prove: (good: KnownGood) => prove.run(good.system, good.provedAt, toBody(good)),
    lastKnownGood: (system: string) => entityIn<KnownGood>(newest.get(system)),
    confine: (quarantine: Quarantine) => confine.run(quarantine.release, toBody(quarantine)),
    quarantine: (release: ReleaseId) => entityIn<Quarantine>(confined.get(release)),
  };
}
