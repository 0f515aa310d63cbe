-- Timelines begin at 1 again in a new cluster: after pg_upgrade, and after a dump was restored elsewhere. Each cluster
-- that the store has lived in gets a floor of its own, above every fence that came along.
CREATE TABLE clusters (
  number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  system bigint NOT NULL,
  floor bigint NOT NULL,
  since timestamptz NOT NULL DEFAULT clock_timestamp()
);

INSERT INTO clusters (system, floor) SELECT system_identifier, 0 FROM pg_control_system();

CREATE OR REPLACE FUNCTION fence_floor() RETURNS bigint LANGUAGE sql STABLE AS $$
  SELECT floor + ((('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::bigint - 1) << 32)
  FROM clusters ORDER BY number DESC LIMIT 1
$$;

-- Called when a store is opened, under the lock of the migrations.
CREATE FUNCTION adopt_cluster() RETURNS void LANGUAGE sql AS $$
  INSERT INTO clusters (system, floor)
  SELECT system_identifier, ((coalesce((SELECT max(fence) FROM leases), 0) >> 32) + 1) << 32
  FROM pg_control_system()
  WHERE system_identifier <> (SELECT system FROM clusters ORDER BY number DESC LIMIT 1)
$$;
