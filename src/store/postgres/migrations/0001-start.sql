-- Entities are kept whole as JSON in `body`; the other columns are what queries look at. `body` is text, not jsonb:
-- jsonb cannot hold U+0000 and would not give back what was stored. Texts compare byte by byte, as in SQLite.
-- Moments are milliseconds since 1970. `sequence` is the order of first arrival.

CREATE TABLE releases (
  id text COLLATE "C" PRIMARY KEY,
  body text NOT NULL
);

CREATE TABLE known_goods (
  sequence bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  system text COLLATE "C" NOT NULL,
  proved_at double precision NOT NULL,
  body text NOT NULL
);
CREATE INDEX known_goods_newest ON known_goods (system, proved_at, sequence);

CREATE TABLE quarantines (
  release text COLLATE "C" PRIMARY KEY,
  body text NOT NULL
);

CREATE TABLE rollouts (
  sequence bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  id text COLLATE "C" NOT NULL UNIQUE,
  system text COLLATE "C" NOT NULL,
  started_at double precision NOT NULL,
  body text NOT NULL
);
CREATE INDEX rollouts_newest ON rollouts (started_at, sequence);
CREATE INDEX rollouts_of_system ON rollouts (system, started_at, sequence);

CREATE TABLE sagas (
  sequence bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  id text COLLATE "C" NOT NULL UNIQUE,
  rollout text COLLATE "C" NOT NULL,
  status text NOT NULL,
  started_at double precision NOT NULL,
  body text NOT NULL
);
CREATE INDEX sagas_of_rollout ON sagas (rollout, started_at, sequence);
CREATE INDEX sagas_running ON sagas (started_at, sequence) WHERE status = 'running';

CREATE TABLE steps (
  sequence bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  saga text COLLATE "C" NOT NULL,
  step text COLLATE "C" NOT NULL,
  body text NOT NULL,
  UNIQUE (saga, step)
);

CREATE TABLE samples (
  rollout text COLLATE "C" NOT NULL,
  bucket double precision NOT NULL,
  node text COLLATE "C" NOT NULL,
  sequence bigint NOT NULL,
  signal text COLLATE "C" NOT NULL,
  release text COLLATE "C" NOT NULL,
  n double precision NOT NULL CHECK (n <> 'NaN'),
  k double precision NOT NULL CHECK (k <> 'NaN'),
  PRIMARY KEY (rollout, bucket, node, sequence, signal, release)
);

CREATE TABLE routes (
  system text COLLATE "C" PRIMARY KEY,
  body text NOT NULL
);

CREATE TABLE flags (
  key text COLLATE "C" PRIMARY KEY,
  body text NOT NULL
);

CREATE TABLE tokens (
  sequence bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  id text COLLATE "C" NOT NULL UNIQUE,
  body text NOT NULL
);

-- The ledger. A commit leaves its leaves in the outbox; whoever reads entries first gives them their positions, so no
-- commit waits for another one's place in the log. Numbers of commits may have gaps, positions may not.
CREATE SEQUENCE outbox_commits;

CREATE TABLE outbox (
  commit bigint NOT NULL,
  place bigint NOT NULL,
  leaf text NOT NULL,
  PRIMARY KEY (commit, place)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);

CREATE TABLE entries (
  position bigint PRIMARY KEY CHECK (position >= 0),
  leaf text NOT NULL
);

CREATE TABLE checkpoints (
  only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
  size bigint NOT NULL,
  body text NOT NULL
);

-- Moves whole commits, at most about so many leaves, from the outbox to the ledger; answers how many leaves. The lock
-- is held to the end of the transaction; each statement here takes its snapshot after it (READ COMMITTED), so the last
-- position is the newest one. A commit that was answered before another began has the smaller number.
CREATE FUNCTION sequence_entries(most bigint) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  moved bigint;
BEGIN
  IF NOT EXISTS (SELECT FROM outbox) THEN
    RETURN 0;
  END IF;
  PERFORM pg_advisory_xact_lock('outbox'::regclass::oid::int, 1);
  WITH taken AS (
    DELETE FROM outbox WHERE commit <= (
      SELECT max(o.commit) FROM (SELECT commit FROM outbox ORDER BY commit, place LIMIT most) AS o
    ) RETURNING commit, place, leaf
  )
  INSERT INTO entries (position, leaf)
  SELECT (SELECT coalesce(max(position), -1) FROM entries) + row_number() OVER (ORDER BY commit, place), leaf
  FROM taken;
  GET DIAGNOSTICS moved = ROW_COUNT;
  RETURN moved;
END $$;

-- Who may write for which resource, by this server's clock. A row is never deleted, so a fence never goes back.
CREATE TABLE leases (
  resource text COLLATE "C" PRIMARY KEY,
  holder text NOT NULL,
  fence bigint NOT NULL,
  until timestamptz NOT NULL
);

-- Every fence given out on this timeline is above this number. A promoted standby may lack the newest leases; it is on
-- a newer timeline, so what it gives out is still above everything that was given before, and what it has is void.
-- The timeline is that of the newest WAL: pg_control_checkpoint() lags behind a promotion.
CREATE FUNCTION fence_floor() RETURNS bigint LANGUAGE sql STABLE AS $$
  SELECT (('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::bigint - 1) << 32
$$;

-- One row for each connection that commits: the number of its last commit, and the last one that may never come.
CREATE TABLE clients (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  done bigint NOT NULL DEFAULT 0,
  refused bigint NOT NULL DEFAULT 0,
  seen timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (fillfactor = 50);

-- The head of every commit's one statement; an error here undoes the whole. RB001: a newer fence, its holder in the
-- detail. RB002: this number was refused, or the client is not known here (it was lost in a failover).
CREATE FUNCTION begin_commit(by uuid, number bigint, guarded text, expected bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  lease leases%ROWTYPE;
BEGIN
  IF guarded IS NOT NULL THEN
    SELECT * INTO lease FROM leases WHERE resource = guarded FOR UPDATE;
    IF NOT FOUND OR lease.fence <> expected OR expected <= fence_floor() THEN
      RAISE EXCEPTION USING ERRCODE = 'RB001', MESSAGE = 'the fence is not the newest', DETAIL = coalesce(lease.holder, '');
    END IF;
  END IF;
  UPDATE clients SET done = number, seen = clock_timestamp() WHERE id = by AND done < number AND refused < number;
  IF NOT FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'RB002', MESSAGE = 'this commit may not be made any more';
  END IF;
END $$;

-- Was this commit made? Waits for one that is still under way; after `false` it can never be made.
CREATE FUNCTION settle_commit(by uuid, number bigint) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  client clients%ROWTYPE;
BEGIN
  SELECT * INTO client FROM clients WHERE id = by FOR UPDATE;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  IF client.done < number THEN
    UPDATE clients SET refused = number WHERE id = by;
  END IF;
  RETURN client.done >= number;
END $$;
