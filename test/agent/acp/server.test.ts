// An agent behind the built program: over HTTP, with streams and webhooks, and after a kill of the server.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { isProcessAlive } from '../../../src/base/is-process-alive.ts';
import { CodeBuddyClient } from '../../../src/client/index.ts';
import { serve } from '../../cli/run-cli.ts';
import { seeInterrupted } from '../../cli/see-interrupted.ts';
import { waitFor } from '../../wait-for.ts';
import { temporaryFolder } from '../start-agent.ts';
import { acpConfig, type Received, readReceived } from './start-acp.ts';

test('after kill -9 of the server, the agent is ended, its run can be resumed, and the session continues', async () => {
  const folder = temporaryFolder();
  const home = join(folder, 'home');
  const workspace = join(folder, 'workspace');
  for (const path of [join(home, 'api'), workspace]) mkdirSync(path, { recursive: true, mode: 0o700 });
  const agents = acpConfig(folder, { resumes: true });
  writeFileSync(join(home, 'api', 'config.json'), JSON.stringify({ models: ['offline'], agents }));
  const env = { CODEBUDDY_MODEL: '', CODEBUDDY_WORKSPACE: workspace };
  const first = await serve(home, ['--port', '0'], env);
  const client = new CodeBuddyClient({ home });
  const options = { agent: 'scripted' };
  const answer = await client.prompt({ prompt: JSON.stringify([{ say: 'Hello.' }]), options });
  expect(answer).toMatchObject({ status: 'completed', response: 'Hello.' });
  const { sessionId } = answer;
  const [started, child] = [join(folder, 'started'), join(folder, 'child')];
  const { id } = await client.runs.start({
    prompt: JSON.stringify([{ child }, { say: 'I work' }, { touch: started }, { hang: true }]),
    sessionId,
    options,
  });
  const pids = await waitFor('the turn', () => {
    const all = [started, child].map((path) => Number(readFileSync(path, 'utf8')));
    return all.every((pid) => pid > 0) && all;
  });
  first.child.kill('SIGKILL');
  await first.finished;

  await serve(home, ['--port', '0'], env);
  await waitFor('the end of the agent', () => pids.every((pid) => !isProcessAlive(pid)));
  await seeInterrupted(client, id);
  await client.runs.resume(id);
  const received = (): readonly Received[] => readReceived(folder, 'prompt');
  await waitFor('the prompt', () => received().length === 3);
  expect(received()[2]?.content.text).toMatch(/^Your work on the following prompt was interrupted/);
  await client.runs.cancel(id);
  const next = await client.prompt({ prompt: JSON.stringify([{ say: 'Again.' }]), sessionId });
  expect(next).toMatchObject({ status: 'completed', response: 'Again.' });
  const { events } = await client.events.list({ type: 'agent.session' });
  expect(events.map(({ data }) => data)).toMatchObject([{ agent: 'scripted', replaced: false }]);
  client.close();
});
