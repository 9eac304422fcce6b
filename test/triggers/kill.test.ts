// The program is killed between the acceptance of a call and its run: the run begins after the restart, once.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { CodeBuddyClient } from '../../src/client/index.ts';
import { serve, temporaryFolder } from '../cli/run-cli.ts';
import { seeInterrupted } from '../cli/see-interrupted.ts';
import { waitFor } from '../wait-for.ts';
import { github, pullRequest } from './senders.ts';

test.each(['SIGKILL', 'SIGTERM'] as const)(
  'after %s, an accepted run begins at the restart, once',
  async (signal) => {
    const folder = temporaryFolder();
    const home = join(folder, 'home');
    const workspace = join(folder, 'workspace');
    for (const path of [join(home, 'api'), workspace]) mkdirSync(path, { recursive: true, mode: 0o700 });
    const config = {
      models: ['offline'],
      maxActiveRuns: 1,
      watch: false,
      sandbox: 'off',
      triggerModes: { blocking: 'full' },
    };
    writeFileSync(join(home, 'api', 'config.json'), JSON.stringify(config));
    const env = { CODEBUDDY_MODEL: '', CODEBUDDY_WORKSPACE: workspace };

    const first = await serve(home, ['--port', '0'], env);
    const client = new CodeBuddyClient({ home });
    const blocking = await client.triggers.create({
      id: 'blocking',
      source: 'github',
      prompt: 'run sleep 3600',
      data: [],
    });
    const plain = await client.triggers.create({
      id: 'plain-one',
      source: 'github',
      prompt: 'list',
      data: [],
    });
    const target = (trigger: typeof plain) => ({
      url: client.url,
      path: trigger.path,
      secret: trigger.secret,
    });
    const working = (await github(target(blocking), pullRequest(1))).json;
    await waitFor(
      'the first run to work',
      async () => (await client.runs.get(working.runId)).status === 'running',
    );
    const accepted = await github(target(plain), pullRequest(1));
    expect((await client.runs.get(accepted.json.runId)).status).toBe('queued');
    first.child.kill(signal);
    await first.finished;

    await serve(home, ['--port', '0'], env);
    await waitFor(
      'the run to complete',
      async () => (await client.runs.get(accepted.json.runId)).status === 'completed',
    );
    // It had begun, so it is not begun again.
    await seeInterrupted(client, working.runId);
    const repeated = await github(target(plain), pullRequest(1));
    expect(repeated.json).toEqual({ ...accepted.json, outcome: 'duplicate' });
    const { events } = await client.events.list({ runId: accepted.json.runId });
    const types = events.map(({ type }) => type);
    expect(types.filter((type) => type === 'run.queued' || type === 'run.complete')).toEqual([
      'run.queued',
      'run.complete',
    ]);
    const { messages } = await client.sessions.messages(accepted.json.sessionId);
    expect(messages.filter(({ role }) => role === 'user')).toHaveLength(1);
    client.close();
  },
);
