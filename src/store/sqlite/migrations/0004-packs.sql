-- Counts that are many, in pieces (deflated JSON). Their digests are in the ledger.
CREATE TABLE packs (
  rollout TEXT NOT NULL,
  number INTEGER NOT NULL,
  digest TEXT NOT NULL,
  body BLOB NOT NULL,
  PRIMARY KEY (rollout, number)
) STRICT, WITHOUT ROWID;
