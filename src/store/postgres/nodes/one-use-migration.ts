// Things that happen once over all nodes, even if the node that did them dies: the use of a token, and a request with an
// Idempotency-Key. A migration is never edited, so this one repeats take_over as a whole.

export const oneUseMigration = `
  -- Used tokens, such as stream tickets, until they have expired by every clock.
  CREATE TABLE used_tokens (token text COLLATE "C" PRIMARY KEY, until bigint NOT NULL);
  CREATE INDEX used_tokens_by_age ON used_tokens (until);

  -- As before, and it notes the requests with an Idempotency-Key that the dead node had begun: they may have taken
  -- effect. If the answer of one was not stored, an answer with the status 0 says so while answers are kept.
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
      SELECT substr(name, 8), '', 0, '{}', '', (extract(epoch FROM clock_timestamp()) * 1000)::bigint
      FROM claims WHERE node_id = gone AND name LIKE 'answer:%'
      ON CONFLICT (key) DO NOTHING;
    DELETE FROM claims WHERE node_id = gone;
    UPDATE commands SET status = 'dead' WHERE node_id = gone AND status = 'sent';
    RETURN true;
  END $$;
`;
