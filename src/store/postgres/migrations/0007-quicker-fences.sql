-- Every guarded commit asks for the floor. Postgres plans the body of an SQL function anew at each call, and keeps the
-- plan of a PL/pgSQL one for the session.
CREATE OR REPLACE FUNCTION fence_floor() RETURNS bigint LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN (
    SELECT floor + ((('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::bigint - 1) << 32)
    FROM clusters ORDER BY number DESC LIMIT 1
  );
END $$;
