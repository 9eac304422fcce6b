// The requests and prompts that a key may make per minute, as a JSON object.

export const keyLimitsMigration = `
  ALTER TABLE keys ADD COLUMN limits text;
`;
