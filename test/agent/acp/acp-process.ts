// A program for tests: an agent on a store, which works on one prompt until it is killed.

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { createAgent } from '../../../src/agent/agent.ts';
import { createEventLog } from '../../../src/events/log.ts';
import { openSqliteStore } from '../../../src/store/sqlite/sqlite-store.ts';

const { folder, agents, prompt } = JSON.parse(process.argv[2] ?? '{}') as {
  readonly folder: string;
  readonly agents: unknown;
  readonly prompt: string;
};
const workspace = join(folder, 'workspace');
mkdirSync(workspace, { recursive: true });
const store = await openSqliteStore({ path: join(folder, 'agent.db') });
const log = createEventLog({ store });
const agent = await createAgent({
  store,
  log,
  workspace,
  agents,
  agent: 'scripted',
  models: ['offline'],
  stateFolder: join(folder, 'state'),
});
const { result } = await agent.runs.start({ prompt, options: {}, requestId: 'test' });
await result;
