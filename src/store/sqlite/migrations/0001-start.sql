-- Entities are kept whole as JSON in `body`; the other columns are what queries look at.
-- Moments are REAL: JavaScript numbers pass through them unchanged. `sequence` is the order of first arrival.

CREATE TABLE releases (
  id TEXT PRIMARY KEY NOT NULL,
  body TEXT NOT NULL
) STRICT;

CREATE TABLE known_goods (
  sequence INTEGER PRIMARY KEY,
  system TEXT NOT NULL,
  proved_at REAL NOT NULL,
  body TEXT NOT NULL
) STRICT;
CREATE INDEX known_goods_newest ON known_goods (system, proved_at, sequence);

CREATE TABLE quarantines (
  release TEXT PRIMARY KEY NOT NULL,
  body TEXT NOT NULL
) STRICT;

CREATE TABLE rollouts (
  sequence INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  system TEXT NOT NULL,
  started_at REAL NOT NULL,
  body TEXT NOT NULL
) STRICT;
CREATE INDEX rollouts_newest ON rollouts (started_at, sequence);
CREATE INDEX rollouts_of_system ON rollouts (system, started_at, sequence);

CREATE TABLE sagas (
  sequence INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  rollout TEXT NOT NULL,
  status TEXT NOT NULL,
  started_at REAL NOT NULL,
  body TEXT NOT NULL
) STRICT;
CREATE INDEX sagas_of_rollout ON sagas (rollout, started_at, sequence);
CREATE INDEX sagas_running ON sagas (started_at, sequence) WHERE status = 'running';

CREATE TABLE steps (
  sequence INTEGER PRIMARY KEY,
  saga TEXT NOT NULL,
  step TEXT NOT NULL,
  body TEXT NOT NULL,
  UNIQUE (saga, step)
) STRICT;

CREATE TABLE samples (
  rollout TEXT NOT NULL,
  bucket REAL NOT NULL,
  node TEXT NOT NULL,
  sequence INTEGER NOT NULL,
  signal TEXT NOT NULL,
  release TEXT NOT NULL,
  n REAL NOT NULL,
  k REAL NOT NULL,
  PRIMARY KEY (rollout, bucket, node, sequence, signal, release)
) STRICT, WITHOUT ROWID;

CREATE TABLE routes (
  system TEXT PRIMARY KEY NOT NULL,
  body TEXT NOT NULL
) STRICT;

CREATE TABLE flags (
  key TEXT PRIMARY KEY NOT NULL,
  body TEXT NOT NULL
) STRICT;

CREATE TABLE tokens (
  sequence INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  body TEXT NOT NULL
) STRICT;

CREATE TABLE entries (
  position INTEGER PRIMARY KEY CHECK (position >= 0),
  leaf TEXT NOT NULL
) STRICT;

CREATE TABLE checkpoints (
  only INTEGER PRIMARY KEY CHECK (only = 1),
  size INTEGER NOT NULL,
  body TEXT NOT NULL
) STRICT;

CREATE TABLE leases (
  resource TEXT PRIMARY KEY NOT NULL,
  holder TEXT NOT NULL,
  fence INTEGER NOT NULL,
  until REAL NOT NULL
) STRICT;
