// Triggers: the registry as a table, their calls, and the identities of accepted calls.

export const triggersMigration = `
  CREATE TABLE triggers (
    id text COLLATE "C" PRIMARY KEY,
    -- JSON text. Null: removed; the row tells the other nodes, and is deleted after a day.
    entry text,
    -- That of the topic 'triggers' when it was changed, as for webhooks.
    version bigint NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT now()
  );
  CREATE INDEX triggers_by_version ON triggers (version);

  -- The new version of the trigger; null if it has another version than expected (null: it must not exist).
  CREATE FUNCTION change_trigger(of_id text, new_entry text, expected bigint) RETURNS bigint LANGUAGE plpgsql AS $$
  DECLARE
    next_version bigint;
  BEGIN
    INSERT INTO topics AS t (topic, version) VALUES ('triggers', 1)
      ON CONFLICT (topic) DO UPDATE SET version = t.version + 1 RETURNING version INTO next_version;
    IF expected IS NULL THEN
      INSERT INTO triggers AS w (id, entry, version) VALUES (of_id, new_entry, next_version)
        ON CONFLICT (id) DO UPDATE SET entry = new_entry, version = next_version, changed_at = now()
          WHERE w.entry IS NULL;
    ELSE
      UPDATE triggers SET entry = new_entry, version = next_version, changed_at = now()
        WHERE id = of_id AND version = expected AND entry IS NOT NULL;
    END IF;
    IF NOT FOUND THEN RETURN NULL; END IF;
    IF new_entry IS NULL THEN
      DELETE FROM triggers WHERE entry IS NULL AND changed_at < now() - interval '1 day';
    END IF;
    RETURN next_version;
  END $$;

  -- Calls of triggers, in the order of their ids. Only accepted ones have a run; duplicates have that of the first.
  CREATE TABLE trigger_calls (
    id text COLLATE "C" PRIMARY KEY,
    trigger_id text COLLATE "C" NOT NULL,
    received_at bigint NOT NULL,
    outcome text COLLATE "C" NOT NULL,
    run_id text COLLATE "C",
    coalesce_key text COLLATE "C",
    details text NOT NULL
  );
  CREATE INDEX trigger_calls_by_trigger ON trigger_calls (trigger_id, id);
  CREATE INDEX trigger_calls_by_outcome ON trigger_calls (trigger_id, outcome, id);
  CREATE INDEX trigger_calls_by_coalesce_key ON trigger_calls (trigger_id, coalesce_key, id)
    WHERE coalesce_key IS NOT NULL;

  -- The identities of accepted calls.
  CREATE TABLE trigger_keys (
    trigger_id text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    call_id text COLLATE "C" NOT NULL,
    run_id text COLLATE "C" NOT NULL,
    session_id text COLLATE "C" NOT NULL,
    created_at bigint NOT NULL,
    PRIMARY KEY (trigger_id, key)
  );
  CREATE INDEX trigger_keys_by_age ON trigger_keys (created_at);

  CREATE TABLE trigger_states (trigger_id text COLLATE "C" PRIMARY KEY, state text NOT NULL);
`;
