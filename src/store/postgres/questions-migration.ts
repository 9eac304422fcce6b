// The permissions that runs wait for, so that every node lists them page by page, without the runs.

export const questionsMigration = `
  CREATE TABLE questions (
    id text COLLATE "C" PRIMARY KEY,
    run_id text COLLATE "C" NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    session_id text COLLATE "C" NOT NULL,
    content text NOT NULL
  );
  CREATE INDEX questions_by_run ON questions (run_id, id);
  CREATE INDEX questions_by_session ON questions (session_id, id);
`;
