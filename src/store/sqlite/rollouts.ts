import type { Rollout } from "../../core/rollout.ts";
import { entitiesIn, entityIn, toBody } from "../body.ts";
import type { Connection } from "./connection.ts";

export function rolloutTable(connection: Connection) {
  const put = connection.prepare(
    `INSERT INTO rollouts (id, system, started_at, body) VALUES (?, ?, ?, ?)
     ON CONFLICT (id) DO UPDATE SET system = excluded.system, started_at = excluded.started_at, body = excluded.body`,
  );
  const get = connection.prepare("SELECT body FROM rollouts WHERE id = ?");
  const all = connection.prepare("SELECT body FROM rollouts ORDER BY sequence DESC LIMIT ?");
  const promoted = connection.prepare(
    `SELECT body FROM rollouts WHERE system = ? AND instr(body, '"promotedAt":') > 0 ORDER BY sequence DESC LIMIT ?`,
  );
  const ofSystem = connection.prepare("SELECT body FROM rollouts WHERE system = ? ORDER BY sequence DESC LIMIT ?");
  const open = connection.prepare(
    "SELECT body FROM rollouts WHERE json_extract(body, '$.endedAt') IS NULL ORDER BY sequence DESC",
  );
  // Few are open: among them is where to look, whatever else is known of the system.
  const openOf = connection.prepare(
    "SELECT body FROM rollouts WHERE json_extract(body, '$.endedAt') IS NULL AND +system = ? ORDER BY sequence DESC",
  );
  return {
    put: (rollout: Rollout) => put.run(rollout.id, rollout.system, rollout.startedAt, toBody(rollout)),
    get: (id: string) => entityIn<Rollout>(get.get(id)),
    open: (system?: string) => entitiesIn<Rollout>(system === undefined ? open.all() : openOf.all(system)),
    newestFirst: (system?: string, limit = Number.MAX_SAFE_INTEGER) =>
      entitiesIn<Rollout>(system === undefined ? all.all(limit) : ofSystem.all(system, limit)),
    promoted: (system: string, limit: number) => entitiesIn<Rollout>(promoted.all(system, limit)),
  };
}
