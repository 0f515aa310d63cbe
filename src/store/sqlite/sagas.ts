import type { Saga, StepRecord } from "../../core/rollout.ts";
import { entitiesIn, toBody } from "../body.ts";
import { stepKey } from "../step-key.ts";
import type { Connection } from "./connection.ts";

/** Sagas and the journal of their steps. */
export function sagaTables(connection: Connection) {
  const put = connection.prepare(
    `INSERT INTO sagas (id, rollout, status, started_at, body) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT (id) DO UPDATE SET rollout = excluded.rollout, status = excluded.status,
       started_at = excluded.started_at, body = excluded.body`,
  );
  const running = connection.prepare("SELECT body FROM sagas WHERE status = 'running' ORDER BY sequence");
  const ofRollout = connection.prepare("SELECT body FROM sagas WHERE rollout = ? ORDER BY sequence");
  const putStep = connection.prepare(
    "INSERT INTO steps (saga, step, body) VALUES (?, ?, ?) ON CONFLICT (saga, step) DO UPDATE SET body = excluded.body",
  );
  const steps = connection.prepare("SELECT body FROM steps WHERE saga = ? ORDER BY sequence");
  return {
    put: (saga: Saga) => put.run(saga.id, saga.rollout, saga.status, saga.startedAt, toBody(saga)),
    running: () => entitiesIn<Saga>(running.all()),
    ofRollout: (rollout: string) => entitiesIn<Saga>(ofRollout.all(rollout)),
    putStep: (record: StepRecord) => putStep.run(record.saga, stepKey(record), toBody(record)),
    steps: (saga: string) => entitiesIn<StepRecord>(steps.all(saga)),
  };
}
