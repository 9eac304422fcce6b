// The registry of webhooks as a table, and fresh deliveries by webhook, so that an owner reads its own only.

export const webhooksMigration = `
  CREATE TABLE webhooks (
    id text COLLATE "C" PRIMARY KEY,
    run_id text COLLATE "C",
    -- JSON text. Null: removed; the row tells the other nodes, and is deleted after a day.
    entry text,
    -- That of the topic 'webhooks' when it was changed. The lock on the row of the topic makes the order of the versions
    -- the order of the commits.
    version bigint NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT now()
  );
  CREATE INDEX webhooks_by_version ON webhooks (version);

  DROP INDEX deliveries_fresh;
  CREATE INDEX deliveries_fresh ON deliveries (webhook_id, sequence)
    WHERE status = 'pending' AND next_attempt_at IS NULL;

  -- The new version of the webhook; null if it has another version than expected (null: it must not exist).
  CREATE FUNCTION change_webhook(of_id text, of_run text, new_entry text, expected bigint) RETURNS bigint LANGUAGE plpgsql AS $$
  DECLARE
    next_version bigint;
  BEGIN
    INSERT INTO topics AS t (topic, version) VALUES ('webhooks', 1)
      ON CONFLICT (topic) DO UPDATE SET version = t.version + 1 RETURNING version INTO next_version;
    IF expected IS NULL THEN
      INSERT INTO webhooks AS w (id, run_id, entry, version) VALUES (of_id, of_run, new_entry, next_version)
        ON CONFLICT (id) DO UPDATE SET run_id = of_run, entry = new_entry, version = next_version, changed_at = now()
          WHERE w.entry IS NULL;
    ELSE
      UPDATE webhooks SET entry = new_entry, version = next_version, changed_at = now()
        WHERE id = of_id AND version = expected AND entry IS NOT NULL;
    END IF;
    IF NOT FOUND THEN RETURN NULL; END IF;
    IF expected IS NULL OR new_entry IS NULL THEN
      DELETE FROM webhook_states WHERE webhook_id = of_id;
      DELETE FROM webhooks WHERE entry IS NULL AND changed_at < now() - interval '1 day';
    END IF;
    RETURN next_version;
  END $$;
`;
