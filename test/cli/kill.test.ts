// The program is killed while runs work and wait: afterwards no run counts as running, and interrupted runs can be
// resumed.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { CodeBuddyClient } from '../../src/client/index.ts';
import { startModelServer } from '../agent/model-server.ts';
import { calls, says } from '../agent/start-model-agent.ts';
import { waitFor } from '../wait-for.ts';
import { serve, temporaryFolder } from './run-cli.ts';
import { seeInterrupted } from './see-interrupted.ts';

test('after kill -9, runs can be resumed from the last saved step, and one that waits goes on waiting', async () => {
  const folder = temporaryFolder();
  const home = join(folder, 'home');
  const workspace = join(folder, 'workspace');
  for (const path of [join(home, 'api'), workspace]) mkdirSync(path, { recursive: true, mode: 0o700 });
  const model = await startModelServer(({ messages }) => {
    const [first] = messages;
    const results = messages.filter(({ role }) => role === 'tool').length;
    if (first?.text === 'wait') return results === 0 ? calls('bash', { command: 'true' }) : says('waited');
    return results === 0
      ? calls('edit_file', { path: 'a.txt', oldText: 'one', newText: 'two' })
      : { kind: 'silence' };
  });
  writeFileSync(join(workspace, 'a.txt'), 'one');
  const config = {
    models: ['local/m'],
    providers: { local: { baseURL: `${model.url}/v1` } },
    permissions: { allow: ['edit_file'] },
  };
  writeFileSync(join(home, 'api', 'config.json'), JSON.stringify(config));
  const env = { CODEBUDDY_MODEL: '', CODEBUDDY_WORKSPACE: workspace };

  const first = await serve(home, ['--port', '0'], env);
  const client = new CodeBuddyClient({ home });
  const silent = await client.runs.start({ prompt: 'work' });
  const waiting = await client.runs.start({ prompt: 'wait' });
  await waitFor('the first edit is done', () =>
    model.requests.some(({ messages }) => messages.at(-1)?.role === 'tool'),
  );
  // The model is asked for the next step while this one is being committed.
  await waitFor('the edit is stored', async () => {
    const { events } = await client.events.list({ runId: silent.id, type: 'tool.complete' });
    return events.length === 1;
  });
  const permission = await waitFor(
    'the permission to be stored',
    async () => (await client.permissions.list()).permissions[0],
  );
  first.child.kill('SIGKILL');
  await first.finished;

  model.reply((request) =>
    request.messages[0]?.text === 'wait'
      ? request.messages.some(({ role }) => role === 'tool')
        ? says('waited')
        : calls('bash', { command: 'true' })
      : says('All done.'),
  );
  await serve(home, ['--port', '0', '--permission-mode', 'full'], env);
  await seeInterrupted(client, silent.id);
  await waitFor('it waits again', async () => (await client.runs.get(waiting.id)).status === 'waiting');
  expect((await client.permissions.list()).permissions).toEqual([permission]);
  await client.runs.resume(silent.id);
  await waitFor('it ends', async () => (await client.runs.get(silent.id)).status === 'completed');
  const last = model.requests.at(-1);
  expect(last?.messages.map(({ role }) => role)).toEqual(['user', 'assistant', 'tool', 'assistant', 'user']);
  expect(readFileSync(join(workspace, 'a.txt'), 'utf8')).toBe('two');
  await client.permissions.decide(permission.id, { decision: 'allow' });
  await waitFor('it ends', async () => (await client.runs.get(waiting.id)).status === 'completed');
  expect((await client.runs.get(waiting.id)).response).toBe('waited');
  client.close();
});
