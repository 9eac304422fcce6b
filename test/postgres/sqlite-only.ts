// Tests that hold for SQLite only, with the reason. `npm run test:postgres` skips them.

/** Whole files, by their path below `test/`. */
export const sqliteOnlyFiles: Readonly<Record<string, string>> = {
  'cli/start-errors.test.ts': 'faults of the SQLite file and its folder',
  'cli/failed-start.test.ts': 'faults of the SQLite file and its folder',
  'cli/migrate.test.ts': 'opens both stores itself',
  'cli/shared-database.test.ts': 'runs on PostgreSQL anyway',
  'cli/doctor-database.test.ts': 'runs on PostgreSQL anyway',
  'cli/kill-node.test.ts': 'runs on PostgreSQL anyway',
  'cli/webhooks-transfer.test.ts': 'opens both stores itself',
  'webhooks/nodes/**': 'runs on PostgreSQL anyway',
};

/** Single tests, by the start of their full name. */
export const sqliteOnlyTests: Readonly<Record<string, string>> = {};
