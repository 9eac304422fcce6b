// Besides permissions, runs wait for answers to questions and for results of their caller's tools. Lists are in the order
// of the ids without their prefixes, which is that of time.

export const inboxMigration = `
  ALTER TABLE questions ADD COLUMN is_answered integer NOT NULL DEFAULT 0;
  CREATE INDEX questions_by_time ON questions (substr(id, 5) COLLATE "C") WHERE is_answered = 0;
`;
