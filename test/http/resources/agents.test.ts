// The agents over the API: which are there, and which one answers by default.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { fakePrograms } from '../../agent/acp/fake-programs.ts';
import { script } from '../../agent/acp/script.ts';
import { temporaryFolder } from '../../agent/start-agent.ts';
import { startApp } from '../start-app.ts';
import { byScripted, hello, startScripted } from './start-scripted.ts';

describe('the list of agents', () => {
  test('says which are found and signed in, and how to get the others, and starts none', async () => {
    const { bin, home, started, keep } = fakePrograms('claude-agent-acp', 'codex-acp', 'gemini', 'opencode');
    keep('.codex/auth.json', '{"tokens":{"access_token":"secret-of-codex"}}');
    const { client } = await startApp({
      config: { watch: false },
      environment: { PATH: bin, HOME: home, GEMINI_API_KEY: 'secret-of-gemini' },
    });
    const { agents } = await client.agents.list();
    expect(agents.map(({ name }) => name)).toEqual([
      'builtin',
      'claude',
      'codex',
      'gemini',
      'opencode',
      'qwen',
      'copilot',
      'goose',
    ]);
    const statuses = Object.fromEntries(agents.map(({ name, status }) => [name, status]));
    expect(statuses).toMatchObject({
      builtin: 'ready',
      // macOS keeps the sign-in in its keychain.
      claude: process.platform === 'darwin' ? 'unknown' : 'not_signed_in',
      codex: 'ready',
      gemini: 'ready',
      opencode: 'unknown',
      qwen: 'not_found',
    });
    const claude = agents.find(({ name }) => name === 'claude');
    expect(claude).toMatchObject({
      title: 'Claude Code',
      command: join(bin, 'claude-agent-acp'),
      version: null,
      models: null,
      isDefault: false,
      permissionModes: ['read-only', 'ask', 'auto-edit', 'full'],
      capabilities: { model: true, system: false, maxSteps: false, maxCost: null, mcp: true },
    });
    expect(claude?.detail).toMatch(/sign in with `\/login`, or set ANTHROPIC_API_KEY/);
    expect(agents.find(({ name }) => name === 'qwen')?.detail).toMatch(
      /^Program "qwen" not found .*npm install --global @qwen-code\/qwen-code/,
    );
    expect(JSON.stringify(agents)).not.toContain('secret-of');
    expect(existsSync(started)).toBe(false);
  });

  test('does not find programs of the workspace', async () => {
    const { client, write, workspace } = await startApp({
      config: { watch: false },
      environment: { PATH: `${temporaryFolder()}` },
    });
    write('node_modules/.bin/claude-agent-acp', '#!/bin/sh\n');
    const { agents } = await client.agents.list();
    expect(agents.find(({ name }) => name === 'claude')?.status, workspace).toBe('not_found');
  });

  test('an entry of the configuration replaces its preset; a disabled one is left out', async () => {
    const { bin, home } = fakePrograms('my-claude');
    const { client } = await startApp({
      config: {
        watch: false,
        agents: {
          claude: { command: 'my-claude', title: 'My Claude' },
          work: { preset: 'claude', command: 'my-claude', env: { ANTHROPIC_API_KEY: 'secret-of-work' } },
          codex: { disabled: true },
        },
      },
      environment: { PATH: bin, HOME: home },
    });
    const { agents } = await client.agents.list();
    expect(agents.map(({ name }) => name)).not.toContain('codex');
    expect(agents.find(({ name }) => name === 'claude')).toMatchObject({ title: 'My Claude' });
    expect(agents.find(({ name }) => name === 'work')).toMatchObject({
      title: 'Claude Code',
      status: 'ready',
    });
    const refused = client.prompt({ prompt: 'x', options: { agent: 'codex' } });
    await expect(refused).rejects.toMatchObject({ code: 'validation_failed' });
  });

  test('learns the version, the models and the abilities of an agent that has answered', async () => {
    const { client } = await startScripted({ models: ['small', 'big'], resumes: true });
    await client.prompt(byScripted);
    const { agents } = await client.agents.list();
    expect(agents.find(({ name }) => name === 'scripted')).toMatchObject({
      status: 'ready',
      version: '9.8.7',
      models: ['small', 'big'],
      capabilities: { model: true, resume: true, maxCost: false, maxTokens: false },
    });
  });

  test('an agent that asks for a sign-in is not signed in, and the run says how to sign in', async () => {
    const { client } = await startScripted(
      { needsSignIn: true },
      { agent: { signIn: 'Run `scripted login`.' } },
    );
    await expect(client.prompt(byScripted)).rejects.toMatchObject({
      code: 'agent_auth_required',
      message: expect.stringContaining('Run `scripted login`.'),
    });
    const { agents } = await client.agents.list();
    expect(agents.find(({ name }) => name === 'scripted')).toMatchObject({ status: 'not_signed_in' });
  });
});

describe('the default agent', () => {
  test('is that of the setting, in the status, too', async () => {
    const { client } = await startScripted({}, { config: { agent: 'scripted' } });
    const { response, sessionId } = await client.prompt(hello);
    expect(response).toBe('Hello.');
    expect(await client.sessions.create()).toMatchObject({ agent: 'scripted' });
    expect(await client.status()).toMatchObject({ agent: 'scripted', model: null });
    const { agents } = await client.agents.list();
    expect(agents[0]).toMatchObject({ name: 'scripted', isDefault: true });
    expect(agents.filter(({ isDefault }) => isDefault)).toHaveLength(1);
    const builtin = await client.prompt({ prompt: 'help', options: { agent: 'builtin' } });
    expect(builtin.sessionId).not.toBe(sessionId);
    expect(await client.sessions.get(builtin.sessionId)).toMatchObject({
      agent: 'builtin',
      model: 'offline',
    });
  });

  test('is not ready if its program is missing, and prompts say how to install it', async () => {
    const { client } = await startApp({
      config: { watch: false, agent: 'claude' },
      environment: { PATH: temporaryFolder() },
    });
    const install = /npm install --global @agentclientprotocol\/claude-agent-acp/;
    await expect(client.prompt('x')).rejects.toMatchObject({
      code: 'agent_unavailable',
      message: expect.stringMatching(install),
    });
    expect((await client.runs.list()).runs).toEqual([]);
    const { parts } = await client.ready();
    expect(parts.find(({ name }) => name === 'model')).toMatchObject({
      ready: false,
      detail: expect.stringMatching(install),
    });
  });
});

test('metrics count the tokens of an agent by its model', async () => {
  const { client } = await startScripted({ models: ['small', 'big'] });
  const usage = { inputTokens: 10, outputTokens: 5, totalTokens: 15 };
  await client.prompt({ ...byScripted, prompt: script({ say: 'Hi.' }, { usage }) });
  const text = await client.prometheusMetrics();
  expect(text).toMatch(/codebuddy_tokens_total\{model="small",direction="input"\} 10\n/);
});
