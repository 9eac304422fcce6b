// A separate server process for a test: its store holds the commit of a step, so that the test can kill it before the
// commit. Arguments: the folder, the URL of the model server, and the type of the event whose commit is held.

import { join } from 'node:path';
import { createAgent } from '../../src/agent/agent.ts';
import { createEventLog } from '../../src/events/log.ts';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.ts';
import { holdWritesFrom } from './held-writes.ts';

const [folder = '', baseURL = '', eventType = ''] = process.argv.slice(2);
const store = holdWritesFrom(eventType).wrap(await openSqliteStore({ path: join(folder, 'agent.db') }));
const log = createEventLog({ store });
const agent = await createAgent({
  store,
  log,
  workspace: join(folder, 'workspace'),
  models: ['local/test-model'],
  providers: { local: { baseURL } },
  permissionMode: 'full',
  environment: {},
});
const { run } = await agent.runs.start({ prompt: 'Work.', options: {}, requestId: 'r' });
process.stdout.write(`${run.id}\n`);
// The process lives until it is killed.
setInterval(() => undefined, 60_000);
