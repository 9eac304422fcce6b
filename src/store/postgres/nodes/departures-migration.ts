// Distinguishes nodes that stopped cleanly from those that were declared dead.

export const departuresMigration = `
  -- It stopped cleanly. False for a node that is alive, or was declared dead.
  ALTER TABLE nodes ADD COLUMN has_left boolean NOT NULL DEFAULT false;
`;
