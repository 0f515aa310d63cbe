import { deflateRawSync, inflateRawSync } from "node:zlib";
import type { PackUpdate } from "../../core/ports.ts";
import { type SamplePack, samplesIn } from "../../core/sample-pack.ts";
import { groupColumn } from "../sample-row.ts";
import type { Connection } from "./connection.ts";

type Row = Omit<SamplePack, "body"> & { readonly body: Uint8Array };

export function packTable(connection: Connection) {
  const put = connection.prepare(
    `INSERT INTO packs (rollout, number, digest, body) SELECT :rollout, :number, :digest, :body
     WHERE :number = (SELECT coalesce(max(number) + 1, 0) FROM packs WHERE rollout = :rollout)`,
  );
  const drop = connection.prepare(
    `DELETE FROM samples WHERE rollout = ? AND bucket = ? AND node = ? AND sequence = ? AND signal = ? AND release = ?
     AND "group" = ?`,
  );
  const ofRollout = connection.prepare(
    "SELECT number, digest, body FROM packs WHERE rollout = ? AND number >= ? ORDER BY number LIMIT ?",
  );
  return {
    put: ({ rollout, pack }: PackUpdate) => {
      const { number, digest, body } = pack;
      const { changes } = put.run({ rollout, number, digest, body: deflateRawSync(body) });
      if (changes === 0) throw new Error(`pack ${number} of ${rollout} is not the next one`);
      for (const { bucket, node, sequence, signal, release, group } of samplesIn(pack))
        drop.run(rollout, bucket, node, sequence, signal, release, groupColumn(group));
    },
    ofRollout: (rollout: string, from = 0, limit = Number.MAX_SAFE_INTEGER): readonly SamplePack[] =>
      (ofRollout.all(rollout, from, limit) as unknown as Row[]).map(({ number, digest, body }) => ({
        number,
        digest,
        body: inflateRawSync(body).toString(),
      })),
  };
}
