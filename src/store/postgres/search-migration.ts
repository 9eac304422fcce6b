// Archived sessions, ids of sessions that callers chose, and the index of the words of messages.

export const searchMigration = `
  -- The place of a session in lists, if its caller chose the id: an id that sorts by time. NULL: the id is the place.
  ALTER TABLE sessions ADD COLUMN place text COLLATE "C";
  ALTER TABLE sessions ADD COLUMN is_archived integer NOT NULL DEFAULT 0;
  CREATE INDEX sessions_by_place ON sessions (coalesce(place, id));
  CREATE INDEX sessions_in_use ON sessions (coalesce(place, id)) WHERE is_archived = 0;

  -- The words of messages. They are added some time after the commit; see message-index.ts.
  CREATE TABLE message_words (
    message_id text COLLATE "C" PRIMARY KEY REFERENCES messages (id) ON DELETE CASCADE,
    words tsvector NOT NULL
  );
  CREATE INDEX message_words_by_word ON message_words USING gin (words);

  -- Messages that are not in the index yet.
  CREATE TABLE unindexed_messages (message_id text COLLATE "C" PRIMARY KEY)
    WITH (autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0);
  INSERT INTO unindexed_messages SELECT id FROM messages;

  -- One call for each statement, which adds the messages of many callers. Also for a move from SQLite.
  CREATE FUNCTION queue_messages() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN
    -- A message that an undo removed may come back before it has left the list.
    INSERT INTO unindexed_messages SELECT id FROM added ON CONFLICT DO NOTHING;
    RETURN NULL;
  END $$;
  CREATE TRIGGER message_added AFTER INSERT ON messages
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION queue_messages();
`;
