-- Samples learn their group, which is part of the key ('' for the whole signal, else '=' and the group), when they were
-- counted, and how values are distributed (JSON).
ALTER TABLE samples
  ADD COLUMN "group" text COLLATE "C" NOT NULL DEFAULT '',
  ADD COLUMN known double precision CHECK (known <> 'NaN'),
  ADD COLUMN cells text,
  DROP CONSTRAINT samples_pkey,
  ADD PRIMARY KEY (rollout, bucket, node, sequence, signal, release, "group");
ALTER TABLE samples ALTER COLUMN "group" DROP DEFAULT;
