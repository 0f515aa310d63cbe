-- Samples learn their group, which is part of the key ('' for the whole signal, else '=' and the group), when they were
-- counted, and how values are distributed (JSON). SQLite changes no primary key, so the table is made anew.
CREATE TABLE samples_with_groups (
  rollout TEXT NOT NULL,
  bucket REAL NOT NULL,
  node TEXT NOT NULL,
  sequence INTEGER NOT NULL,
  signal TEXT NOT NULL,
  release TEXT NOT NULL,
  "group" TEXT NOT NULL,
  n REAL NOT NULL,
  k REAL NOT NULL,
  known REAL,
  cells TEXT,
  PRIMARY KEY (rollout, bucket, node, sequence, signal, release, "group")
) STRICT, WITHOUT ROWID;

INSERT INTO samples_with_groups (rollout, bucket, node, sequence, signal, release, "group", n, k)
SELECT rollout, bucket, node, sequence, signal, release, '', n, k FROM samples;

DROP TABLE samples;
ALTER TABLE samples_with_groups RENAME TO samples;
