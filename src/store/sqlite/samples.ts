import type { Sample } from "../../core/sample.ts";
import type { Connection } from "./connection.ts";

export function sampleTable(connection: Connection) {
  // Not OR IGNORE, which would also hide a value that breaks the schema.
  const put = connection.prepare(
    `INSERT INTO samples (rollout, bucket, node, sequence, signal, release, n, k) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (rollout, bucket, node, sequence, signal, release) DO NOTHING`,
  );
  const ofRollout = connection.prepare(
    `SELECT node, sequence, bucket, signal, release, n, k FROM samples WHERE rollout = ?
     ORDER BY bucket, node, sequence, signal, release`,
  );
  return {
    put: (rollout: string, samples: readonly Sample[]) => {
      for (const { bucket, node, sequence, signal, release, n, k } of samples)
        put.run(rollout, bucket, node, sequence, signal, release, n, k);
    },
    ofRollout: (rollout: string): readonly Sample[] =>
      (ofRollout.all(rollout) as unknown as Sample[]).map((row) => ({ ...row })),
  };
}
