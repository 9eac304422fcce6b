// A separate server process for a test: it runs one command and is killed while the command runs. Arguments: the
// workspace, the state folder, the command, and "sandbox" for a command in the sandbox.

import { join } from 'node:path';
import { createAgent } from '../../src/agent/agent.ts';
import { createEventLog } from '../../src/events/log.ts';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.ts';
import { WAIT_LIMIT_MS } from '../wait-for.ts';

const [workspace = '', stateFolder = '', command = '', mode] = process.argv.slice(2);
const store = await openSqliteStore({ path: join(stateFolder, 'agent.db') });
const log = createEventLog({ store });
const agent = await createAgent({
  store,
  log,
  workspace,
  stateFolder,
  models: ['offline'],
  ...(mode === 'sandbox'
    ? { sandbox: { mode: 'required', network: false, probeTimeoutMs: WAIT_LIMIT_MS } }
    : {}),
});
await agent.tools.execute('bash', { command }, { signal: new AbortController().signal });
