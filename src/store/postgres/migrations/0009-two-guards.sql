-- A commit under two fences: that of whoever acts on the system, and that of the target which is changed.
CREATE FUNCTION begin_commit(
  by uuid, number bigint, guarded text, expected bigint, also_guarded text, also_expected bigint
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  lease leases%ROWTYPE;
BEGIN
  IF also_guarded IS NOT NULL THEN
    SELECT * INTO lease FROM leases WHERE resource = also_guarded FOR UPDATE;
    IF NOT FOUND OR lease.fence <> also_expected OR also_expected <= fence_floor() THEN
      RAISE EXCEPTION USING ERRCODE = 'RB001', MESSAGE = 'the fence is not the newest', DETAIL = coalesce(lease.holder, '');
    END IF;
  END IF;
  PERFORM begin_commit(by, number, guarded, expected);
END $$;
