// The tables and functions that agents of several nodes need, besides ownership.

export const agentMigration = `
  -- Sums over all nodes, such as the cost of a day.
  CREATE TABLE counters (
    name text COLLATE "C" PRIMARY KEY,
    value double precision NOT NULL,
    changed_at bigint NOT NULL
  ) WITH (fillfactor = 50);

  -- A secret that all nodes share. Two random UUIDs have 244 random bits.
  CREATE TABLE node_secret (value text NOT NULL);
  INSERT INTO node_secret VALUES (gen_random_uuid()::text || gen_random_uuid()::text);

  -- Deletes sessions without an unfinished run. A run that another node starts meanwhile is waited for, or finds no session.
  CREATE FUNCTION delete_idle_sessions(session_ids text[]) RETURNS void LANGUAGE plpgsql AS $$
  DECLARE
    busy text;
  BEGIN
    PERFORM FROM sessions WHERE id = ANY(session_ids) ORDER BY id FOR UPDATE;
    SELECT session_id INTO busy FROM runs
      WHERE session_id = ANY(session_ids) AND status IN ('queued', 'running', 'waiting') LIMIT 1;
    IF FOUND THEN RAISE EXCEPTION '%', busy USING ERRCODE = '23C03'; END IF;
    DELETE FROM sessions WHERE id = ANY(session_ids);
  END $$;
`;
