import type { Sample } from "../../core/sample.ts";
import { cellsColumn, groupColumn, type SampleRow, sampleOf } from "../sample-row.ts";
import type { Connection } from "./connection.ts";

export function sampleTable(connection: Connection) {
  // Not OR IGNORE, which would also hide a value that breaks the schema.
  const put = connection.prepare(
    `INSERT INTO samples (rollout, bucket, node, sequence, signal, release, "group", n, k, known, cells)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (rollout, bucket, node, sequence, signal, release, "group") DO NOTHING`,
  );
  const ofRollout = connection.prepare(
    `SELECT node, sequence, bucket, signal, release, "group", n, k, known, cells FROM samples WHERE rollout = ?
     ORDER BY bucket, node, sequence, signal, release, "group"`,
  );
  return {
    put: (rollout: string, samples: readonly Sample[]) => {
      for (const { bucket, node, sequence, signal, release, group, n, k, known, cells } of samples) {
        const key = [rollout, bucket, node, sequence, signal, release, groupColumn(group)];
        put.run(...key, n, k, known ?? null, cellsColumn(cells));
      }
    },
    ofRollout: (rollout: string): readonly Sample[] => (ofRollout.all(rollout) as unknown as SampleRow[]).map(sampleOf),
  };
}
