// Tests that hold for SQLite only, with the reason. `npm run test:postgres` skips them.

/** Whole files, by their path below `test/`. */
export const sqliteOnlyFiles: Readonly<Record<string, string>> = {
  'cli/start-errors.test.ts': 'faults of the SQLite file and its folder',
  'cli/failed-start.test.ts': 'faults of the SQLite file and its folder',
  'cli/migrate.test.ts': 'opens both stores itself',
  'cli/migrate-sessions.test.ts': 'opens both stores itself',
  'cli/doctor-database.test.ts': 'runs on PostgreSQL anyway',
  'cli/restored.test.ts': 'runs on PostgreSQL anyway',
  'cli/webhooks-transfer.test.ts': 'opens both stores itself',
  'webhooks/nodes/**': 'runs on PostgreSQL anyway',
};

const secondEngine =
  'opens a second engine in the place of the first; on PostgreSQL it would be a new node (webhooks/nodes/)';
const file = 'webhooks are in the database, not in webhooks.json';

/** Single tests, by their name. */
export const sqliteOnlyTests: Readonly<Record<string, string>> = {
  'a damaged row is a 500 without details, and the log of the server names the row':
    'damages a row of the SQLite file',
  'on SQLite there is one node, which owns all webhooks and runs': 'what it says',
  'a refused webhook appears in the list, the status, readiness and doctor': file,
  'doctor reports what serve would refuse, and changes nothing': file,
  'concurrent rotations and updates over HTTP all take effect': file,
  'refuses a home that another process uses, and names the process': 'names the lock of the SQLite file',
  'doctor > ends with 1 and reports each problem': 'breaks the SQLite file',
  'housekeeping loses no delivery when the store fails at freshDeliveries': secondEngine,
  'housekeeping loses no delivery when the store fails at waitingDeliveries': secondEngine,
  'housekeeping loses no delivery when the store fails at write': secondEngine,
  'a webhook that is enabled while its oldest deliveries are checked for expiry keeps the order':
    secondEngine,
  'pending deliveries are read again after the store failed at the start': secondEngine,
  'a stop returns open requests to the queue after its grace, and the next start delivers them': secondEngine,
  'while another process locks the database, emit says so; nothing is lost or sent twice':
    'locks the SQLite file',
  'a session of an earlier release is converted from its messages': 'changes rows of the SQLite file',
  'a call that changed nothing has no result': 'opens the SQLite file in a process of its own',
  'a call that changed something is on record, and the model is told that it may have been done':
    'opens the SQLite file in a process of its own',
  'cut off by a crash are interrupted at the next start':
    'opens a second agent in the place of the first; on PostgreSQL it would be a new node (nodes/runs.test.ts)',
  'of one session run one at a time, in order':
    'calls at the same moment; on PostgreSQL they get their order from the database (nodes/runs.test.ts)',
  'the program > does not quote an invalid config.json or webhooks.json': file,
  'serve > makes its files private, and removes server.json when it stops': 'names the files of SQLite',
  'a new event has the documented bytes, stored and sent': 'reads the SQLite file',
  'a replay has the documented bytes, stored and sent': 'reads the SQLite file',
};
