-- What the replicas of one store tell one another.

-- When the holder of this fence last saw to the candidate's share, by this server's clock: exposure is a lease on every
-- replica.
ALTER TABLE leases ADD COLUMN exposed_at timestamptz, ADD COLUMN exposed_fence bigint;

-- What people want of a system, until its holder has done it. `taken`: the newest fence under which it was begun.
CREATE TABLE orders (
  number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  id text COLLATE "C" NOT NULL UNIQUE,
  system text COLLATE "C" NOT NULL,
  body text NOT NULL,
  given_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  taken bigint,
  answer text
);
CREATE INDEX orders_open ON orders (system, number) WHERE answer IS NULL;

-- Counts on their way from the replica that made them to the holder.
CREATE TABLE posts (
  number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  system text COLLATE "C" NOT NULL,
  body text NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);
CREATE INDEX posts_of_system ON posts (system, number);

-- What happens, for people who watch at another replica; forgotten after minutes.
CREATE TABLE news (
  number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  teller text NOT NULL,
  told_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  event text NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);

-- Facts that all replicas must agree on: the first who says one is right.
CREATE TABLE agreements (
  name text COLLATE "C" PRIMARY KEY,
  value text NOT NULL
);
