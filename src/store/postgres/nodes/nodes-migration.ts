// The tables of nodes and their lanes and claims, and the take-over as a function: it is one statement, so a node that
// is stopped in the middle holds no locks.

export const nodesMigration = `
  CREATE TABLE nodes (
    id text COLLATE "C" PRIMARY KEY,
    -- The fence: raised when the node is declared dead, and when it joins again.
    epoch bigint NOT NULL,
    alive boolean NOT NULL,
    -- Changed by each renewal. Other nodes watch it by their own clocks.
    renewals bigint NOT NULL,
    -- By the clock of the database. For people: no node decides by it.
    lease_until bigint NOT NULL,
    -- The advisory lock that the node's connection holds.
    lock_key bigint NOT NULL GENERATED ALWAYS AS (hashtextextended(id, 0)) STORED,
    serves_lanes boolean NOT NULL,
    url text,
    -- Events that it had not seen at its last renewal.
    lag bigint,
    version text NOT NULL,
    started_at bigint NOT NULL
  ) WITH (fillfactor = 50, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0);

  -- Which node sends the deliveries of a webhook. Null: free.
  CREATE TABLE lanes (
    webhook_id text COLLATE "C" PRIMARY KEY,
    node_id text COLLATE "C",
    -- Not moved to spread lanes evenly.
    pinned boolean NOT NULL
  ) WITH (fillfactor = 50);
  CREATE INDEX lanes_by_node ON lanes (node_id);

  -- Names that one node holds at a time. 'run:' and an id: the owner of the run.
  CREATE TABLE claims (
    name text COLLATE "C" PRIMARY KEY,
    node_id text COLLATE "C" NOT NULL,
    -- A run of a dead node, which its new owner must interrupt.
    inherited boolean NOT NULL
  ) WITH (fillfactor = 50);
  CREATE INDEX claims_by_node ON claims (node_id);
  CREATE INDEX claims_inherited ON claims (node_id) WHERE inherited;

  CREATE TABLE commands (
    id text COLLATE "C" PRIMARY KEY,
    sender text COLLATE "C" NOT NULL,
    node_id text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL,
    -- JSON text, also of the answer.
    data text NOT NULL,
    -- sent, done, failed, dead
    status text COLLATE "C" NOT NULL,
    answer text,
    created_at bigint NOT NULL
  ) WITH (fillfactor = 50);
  CREATE INDEX commands_sent ON commands (node_id) WHERE status = 'sent';
  CREATE INDEX commands_answered ON commands (sender) WHERE status <> 'sent';
  CREATE INDEX commands_by_age ON commands (created_at);

  -- How often the rows of a topic changed.
  CREATE TABLE topics (topic text COLLATE "C" PRIMARY KEY, version bigint NOT NULL) WITH (fillfactor = 50);

  -- Begins each transaction that writes: fails if the node was declared dead, and names it for the statements below.
  CREATE FUNCTION check_fence(node text, node_epoch bigint) RETURNS void LANGUAGE plpgsql AS $$
  BEGIN
    -- Waits for a take-over under way, and is waited for by one. Renewals do not wait for it.
    PERFORM FROM nodes WHERE id = node AND epoch = node_epoch AND alive FOR KEY SHARE;
    IF NOT FOUND THEN RAISE EXCEPTION '% was declared dead', node USING ERRCODE = 'CB002'; END IF;
    PERFORM set_config('codebuddy.node', node, true);
  END $$;

  -- The node of the transaction owns these runs from its commit on. Fails if another node owns one of them.
  CREATE FUNCTION claim_runs(run_ids text[]) RETURNS void LANGUAGE plpgsql AS $$
  DECLARE
    owner text := current_setting('codebuddy.node', true);
    taken text;
  BEGIN
    -- A store without nodes.
    IF coalesce(owner, '') = '' THEN RETURN; END IF;
    INSERT INTO claims (name, node_id, inherited)
      SELECT DISTINCT 'run:' || id, owner, false FROM unnest(run_ids) AS id ORDER BY 1
      ON CONFLICT (name) DO UPDATE SET inherited = false WHERE claims.node_id = excluded.node_id;
    SELECT id INTO taken FROM unnest(run_ids) AS id JOIN claims ON name = 'run:' || id WHERE node_id <> owner LIMIT 1;
    IF FOUND THEN RAISE EXCEPTION '%', taken USING ERRCODE = '23C02'; END IF;
  END $$;

  -- Takes over from a node that was seen with this epoch and number of renewals. False if it was not done: the row has
  -- changed, another take-over runs, or the caller was declared dead itself.
  CREATE FUNCTION take_over(caller text, caller_epoch bigint, gone text, gone_epoch bigint, gone_renewals bigint)
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
    DELETE FROM claims WHERE node_id = gone;
    UPDATE commands SET status = 'dead' WHERE node_id = gone AND status = 'sent';
    RETURN true;
  END $$;
`;
