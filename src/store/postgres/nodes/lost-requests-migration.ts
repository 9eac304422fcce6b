// Notes which node was lost during a request with an Idempotency-Key. If that node still runs, and its request has
// changed nothing, it takes the note back.

export const lostRequestsMigration = `
  -- As before, but the fingerprint of the answer without a status names the lost node.
  CREATE OR REPLACE FUNCTION take_over(caller text, caller_epoch bigint, gone text, gone_epoch bigint, gone_renewals bigint)
  RETURNS boolean LANGUAGE plpgsql
  -- Renewals wait for it, on the same connection.
  SET lock_timeout = '1500ms'
  AS $$
  BEGIN
    -- One at a time, or two nodes could wait for each other.
    IF NOT pg_try_advisory_xact_lock(4026531841) THEN RETURN false; END IF;
    PERFORM FROM nodes WHERE id = caller AND epoch = caller_epoch AND alive FOR KEY SHARE;
    IF NOT FOUND THEN RETURN false; END IF;
    -- Waits for the writes under way of that node; later ones find a higher epoch.
    PERFORM FROM nodes WHERE id = gone AND epoch = gone_epoch AND renewals = gone_renewals FOR UPDATE;
    IF NOT FOUND THEN RETURN false; END IF;
    UPDATE nodes SET epoch = epoch + 1, alive = false WHERE id = gone AND alive;
    UPDATE lanes SET node_id = NULL, pinned = false WHERE node_id = gone;
    UPDATE claims SET node_id = caller, inherited = true WHERE node_id = gone AND name LIKE 'run:%';
    INSERT INTO answers (key, fingerprint, status, headers, body, created_at)
      SELECT substr(name, 8), gone, 0, '{}', '', (extract(epoch FROM clock_timestamp()) * 1000)::bigint
      FROM claims WHERE node_id = gone AND name LIKE 'answer:%'
      ON CONFLICT (key) DO NOTHING;
    DELETE FROM claims WHERE node_id = gone;
    UPDATE commands SET status = 'dead' WHERE node_id = gone AND status = 'sent';
    RETURN true;
  END $$;
`;
