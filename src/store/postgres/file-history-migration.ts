// Changes of files by sessions, contents of files, and undos.

export const fileHistoryMigration = `
  CREATE TABLE file_images (
    hash text COLLATE "C" PRIMARY KEY,
    content text NOT NULL,
    bytes integer NOT NULL GENERATED ALWAYS AS (octet_length(content)) STORED,
    used_at bigint NOT NULL
  );
  -- Compressed already.
  ALTER TABLE file_images ALTER COLUMN content SET STORAGE EXTERNAL;
  CREATE INDEX file_images_by_use ON file_images (used_at, hash) INCLUDE (bytes);

  CREATE TABLE file_changes (
    id text COLLATE "C" PRIMARY KEY,
    session_id text COLLATE "C" NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    run_id text COLLATE "C",
    path text NOT NULL,
    created_at bigint NOT NULL,
    details text NOT NULL,
    after text,
    undo_id text COLLATE "C"
  );
  CREATE INDEX file_changes_by_session ON file_changes (session_id, id);
  CREATE INDEX file_changes_by_undo ON file_changes (undo_id) WHERE undo_id IS NOT NULL;

  CREATE TABLE undos (
    id text COLLATE "C" PRIMARY KEY,
    session_id text COLLATE "C" NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    created_at bigint NOT NULL,
    details text NOT NULL
  );
  CREATE INDEX undos_by_session ON undos (session_id, id);

  -- Messages and turns (whose role is 'turn') that an undo has hidden.
  CREATE TABLE undone_items (
    id text COLLATE "C" PRIMARY KEY,
    session_id text COLLATE "C" NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    undo_id text COLLATE "C" NOT NULL,
    run_id text COLLATE "C",
    role text COLLATE "C" NOT NULL,
    created_at bigint NOT NULL,
    content text NOT NULL
  );
  CREATE INDEX undone_items_by_undo ON undone_items (undo_id);
  CREATE INDEX undone_items_by_session ON undone_items (session_id);

  -- A run that another node starts meanwhile is waited for.
  CREATE FUNCTION put_idle_undo(new_id text, of_session text, at bigint, new_details text) RETURNS void LANGUAGE plpgsql AS $$
  BEGIN
    PERFORM FROM sessions WHERE id = of_session FOR UPDATE;
    PERFORM FROM runs WHERE session_id = of_session AND status IN ('queued', 'running', 'waiting') LIMIT 1;
    IF FOUND THEN RAISE EXCEPTION '%', of_session USING ERRCODE = '23C03'; END IF;
    INSERT INTO undos (id, session_id, created_at, details) VALUES (new_id, of_session, at, new_details)
      ON CONFLICT (id) DO UPDATE SET details = excluded.details;
  END $$;
`;
