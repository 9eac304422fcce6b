// The bytes that prompts carry, in the database so that every node can read them.

export const filesMigration = `
  CREATE TABLE files (
    id text COLLATE "C" PRIMARY KEY,
    name text NOT NULL,
    media_type text NOT NULL,
    size bigint NOT NULL,
    sha256 text NOT NULL,
    created_at bigint NOT NULL,
    data bytea NOT NULL
  );
  -- Images are compressed already.
  ALTER TABLE files ALTER COLUMN data SET STORAGE EXTERNAL;
  CREATE INDEX files_by_age ON files (created_at);
`;
