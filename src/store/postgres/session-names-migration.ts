// The names by which clients of other protocols find their sessions, such as the id of a chat.

export const sessionNamesMigration = `
  CREATE TABLE session_names (
    name text COLLATE "C" PRIMARY KEY,
    session_id text COLLATE "C" NOT NULL REFERENCES sessions (id) ON DELETE CASCADE
  );
  CREATE INDEX session_names_by_session ON session_names (session_id);
`;
