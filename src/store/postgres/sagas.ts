import type { Saga, StepRecord } from "../../core/rollout.ts";
import { entitiesIn, toBody } from "../body.ts";
import { stepKey } from "../step-key.ts";
import type { Database, Session } from "./database.ts";
import { newestOf } from "./newest-of.ts";
import { type Statement, sql } from "./statement.ts";

/** Sagas and the journal of their steps. */
export function putSagas(given: readonly Saga[]): Statement {
  const sagas = newestOf(given, ({ id }) => id);
  return sql`INSERT INTO sagas (id, rollout, status, started_at, body)
    SELECT * FROM unnest(${sagas.map(({ id }) => id)}::text[], ${sagas.map(({ rollout }) => rollout)}::text[],
      ${sagas.map(({ status }) => status)}::text[], ${sagas.map(({ startedAt }) => startedAt)}::float8[],
      ${sagas.map(toBody)}::text[])
    ON CONFLICT (id) DO UPDATE SET rollout = excluded.rollout, status = excluded.status,
      started_at = excluded.started_at, body = excluded.body`;
}

export function putSteps(given: readonly StepRecord[]): Statement {
  const steps = newestOf(given, (record) => JSON.stringify([record.saga, stepKey(record)]));
  return sql`INSERT INTO steps (saga, step, body)
    SELECT * FROM unnest(${steps.map(({ saga }) => saga)}::text[], ${steps.map(stepKey)}::text[],
      ${steps.map(toBody)}::text[])
    ON CONFLICT (saga, step) DO UPDATE SET body = excluded.body`;
}

type Reader = Pick<Session, "query">;

export async function sagasOfRollout(from: Reader, rollout: string): Promise<readonly Saga[]> {
  return entitiesIn<Saga>(await from.query(sql`SELECT body FROM sagas WHERE rollout = ${rollout} ORDER BY sequence`));
}

export async function stepsOfSaga(from: Reader, saga: string): Promise<readonly StepRecord[]> {
  return entitiesIn<StepRecord>(await from.query(sql`SELECT body FROM steps WHERE saga = ${saga} ORDER BY sequence`));
}

export function sagaTables(database: Database) {
  const running = sql`SELECT body FROM sagas WHERE status = 'running' ORDER BY sequence`;
  return {
    ofRollout: (rollout: string) => database.repeatable((session) => sagasOfRollout(session, rollout)),
    running: async () => entitiesIn<Saga>(await database.rows(running)),
    steps: (saga: string) => database.repeatable((session) => stepsOfSaga(session, saga)),
  };
}
