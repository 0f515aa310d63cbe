-- Counts that are many, in pieces. Their digests are in the ledger. Postgres compresses what is long.
CREATE TABLE packs (
  rollout text COLLATE "C" NOT NULL,
  number bigint NOT NULL,
  digest text COLLATE "C" NOT NULL,
  body text NOT NULL,
  PRIMARY KEY (rollout, number)
);
