// The agent's own session behind ours: opened once, continued after a restart, replaced when it is lost.

import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { systemTimers } from '../../../src/agent/acp/timers.ts';
import { temporaryFolder } from '../start-agent.ts';
import type { Behaviour } from './script.ts';
import { type StartAcpOptions, startAcp } from './start-acp.ts';

/** Answers a few prompts in one session, and ends the server. */
async function earlier(folder: string, options: StartAcpOptions, says: readonly string[]): Promise<string> {
  const acp = await startAcp({ folder, ...options });
  let sessionId: string | undefined;
  for (const say of says) ({ sessionId } = await acp.play([{ say }], {}, sessionId));
  await acp.stop();
  return sessionId as string;
}

test('a session is opened once, in the workspace', async () => {
  const acp = await startAcp();
  const { sessionId } = await acp.play([{ say: 'a' }]);
  await acp.play([{ say: 'b' }], {}, sessionId);
  await acp.play([{ say: 'c' }]);
  expect(acp.received('new')).toMatchObject([
    { content: { cwd: acp.workspace, mcpServers: [] } },
    { content: { cwd: acp.workspace } },
  ]);
});

describe('after a restart', () => {
  test.for([
    ['resumes', { resumes: true }, 'resume'],
    ['loads, and its replay is not shown', { replay: 'whole' }, 'load'],
    ['loads, and answers before its replay has ended', { replay: 'late', replayGapMs: 300 }, 'load'],
  ] as const)('the session continues: the agent %s', async ([, behaviour, what]) => {
    const folder = temporaryFolder();
    const sessionId = await earlier(folder, { behaviour }, [
      'The first answer.',
      'The second answer.',
      'OLD END.',
    ]);
    const acp = await startAcp({ folder, behaviour, timers: systemTimers });
    const { response } = await acp.play([{ say: 'A new answer.' }], {}, sessionId);
    expect(response).toBe('A new answer.');
    expect(acp.received(what)).toHaveLength(1);
    expect(acp.received('new')).toHaveLength(1);
    expect(acp.received('prompt').at(-1)?.content.text).toBe('[{"say":"A new answer."}]');
  });

  test('an answer that was given before is given again', async () => {
    const folder = temporaryFolder();
    const behaviour: Behaviour = { replay: 'late' };
    const sessionId = await earlier(folder, { behaviour }, ['Done.', 'Done.']);
    const acp = await startAcp({ folder, behaviour, timers: systemTimers });
    expect(await acp.play([{ say: 'Done.' }], {}, sessionId)).toMatchObject({ response: 'Done.' });
  });

  test.for([
    ['cannot continue sessions', {}],
    ['has lost it', { resumes: true }],
    ['cannot load it', { replay: 'whole' }],
  ] as const)(
    'an agent that %s gets the text of the conversation in a new session',
    async ([, behaviour]) => {
      const folder = temporaryFolder();
      const sessionId = await earlier(folder, { behaviour }, ['The answer is 42.']);
      rmSync(join(folder, 'sessions.json'));
      const acp = await startAcp({ folder, behaviour });
      const { response } = await acp.play([{ say: 'And now?' }], {}, sessionId);
      expect(response).toBe('And now?');
      expect(acp.received('prompt').at(-1)?.content.text).toMatch(
        /User: \[\{"say":"The answer is 42\."\}\]\n\nAssistant: The answer is 42\.\n\n.*\[\{"say":"And now\?"\}\]$/s,
      );
      const sessions = (await acp.events()).filter(({ type }) => type === 'agent.session');
      expect(sessions.map(({ data }) => data)).toMatchObject([
        { agent: 'scripted', replaced: false },
        { agent: 'scripted', replaced: true, reason: expect.any(String) },
      ]);
      // The new session is the one that continues.
      await acp.play([{ say: 'x' }], {}, sessionId);
      expect(acp.received('new')).toHaveLength(2);
    },
  );
});

describe('MCP servers', () => {
  const mcpServers = {
    files: { command: process.execPath, args: ['-v'], env: { ROOT: '/data' } },
    remote: { url: 'https://mcp.example.com/mcp', headers: { Authorization: 'Bearer secret-of-mcp' } },
    off: { command: 'missing', disabled: true },
  };
  const files = {
    name: 'files',
    command: process.execPath,
    args: ['-v'],
    env: [{ name: 'ROOT', value: '/data' }],
  };

  test('are passed to the agent', async () => {
    const acp = await startAcp({ mcpServers, behaviour: { takesUrls: true } });
    await acp.play([{ say: 'a' }]);
    expect(acp.received('new')[0]?.content.mcpServers).toEqual([
      files,
      {
        type: 'http',
        name: 'remote',
        url: 'https://mcp.example.com/mcp',
        headers: [{ name: 'Authorization', value: 'Bearer secret-of-mcp' }],
      },
    ]);
  });

  test('behind a URL are left out for an agent that does not connect to them', async () => {
    const acp = await startAcp({ mcpServers });
    await acp.play([{ say: 'a' }]);
    expect(acp.received('new')[0]?.content.mcpServers).toEqual([files]);
    expect(acp.warnings.filter((warning) => warning.includes('remote'))).toHaveLength(1);
  });
});
