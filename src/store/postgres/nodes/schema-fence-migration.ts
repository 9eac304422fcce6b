// The fence also stops the writes of an older release once a newer one has migrated the schema.

export const schemaFenceMigration = `
  DROP FUNCTION check_fence(text, bigint);

  -- Begins each transaction that writes: fails if the node was declared dead, or if the schema is newer than the node
  -- knows, and names the node for the statements below. A migration locks the table of nodes first, so it waits for
  -- the writes under way, and later ones find the new version.
  CREATE FUNCTION check_fence(node text, node_epoch bigint, known_schema integer) RETURNS void LANGUAGE plpgsql AS $$
  BEGIN
    -- Waits for a take-over under way, and later ones wait for it. Renewals do not.
    PERFORM FROM nodes WHERE id = node AND epoch = node_epoch AND alive FOR KEY SHARE;
    IF NOT FOUND THEN RAISE EXCEPTION '% was declared dead', node USING ERRCODE = 'CB002'; END IF;
    PERFORM FROM schema_version WHERE version <= known_schema;
    IF NOT FOUND THEN RAISE EXCEPTION 'the schema is newer than %', node USING ERRCODE = 'CB003'; END IF;
    PERFORM set_config('codebuddy.node', node, true);
  END $$;
`;
