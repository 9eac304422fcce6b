// The agents over the API: which are there, how one is chosen, and what another agent cannot do.

import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { agentOptions } from '../../../src/contract/agent.ts';
import { fakePrograms } from '../../agent/acp/fake-programs.ts';
import { type Behaviour, script } from '../../agent/acp/script.ts';
import { acpConfig } from '../../agent/acp/start-acp.ts';
import { temporaryFolder } from '../../agent/start-agent.ts';
import { type StartAppOptions, startApp } from '../start-app.ts';

/** An app with one more agent, `scripted`. */
function startScripted(
  behaviour: Behaviour = {},
  { config = {}, agent = {}, ...options }: StartAppOptions & { readonly agent?: object } = {},
) {
  const agents = acpConfig(temporaryFolder(), behaviour, agent);
  return startApp({ config: { watch: false, agents, ...config }, ...options });
}

const hello = script({ say: 'Hello.' });
const byScripted = { prompt: hello, options: { agent: 'scripted' } } as const;

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
      command: 'claude-agent-acp',
      version: null,
      models: null,
      isDefault: false,
      permissionModes: ['read-only', 'ask', 'auto-edit', 'full'],
      capabilities: { model: true, system: false, maxSteps: false, maxCost: null, mcp: true },
    });
    expect(claude?.detail).toContain(join(bin, 'claude-agent-acp'));
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

describe('the agent of a session', () => {
  test('is that of its first prompt, and answers all others', async () => {
    const { client } = await startScripted();
    const first = await client.prompt(byScripted);
    expect(first.response).toBe('Hello.');
    expect(await client.sessions.get(first.sessionId)).toMatchObject({ agent: 'scripted' });
    const { sessionId } = first;
    const second = await client.prompt({ prompt: script({ sayPrompts: true }), sessionId });
    // It has the first prompt, so it is the same session of the same agent.
    expect(second.response).toContain('Hello.');
    const same = await client.prompt({ prompt: hello, sessionId, options: { agent: 'scripted' } });
    expect(same.response).toBe('Hello.');
  });

  test('can be chosen when the session is created', async () => {
    const { client } = await startScripted();
    const { id, agent } = await client.sessions.create({ agent: 'scripted', title: 'x' });
    expect(agent).toBe('scripted');
    expect((await client.prompt({ prompt: hello, sessionId: id })).response).toBe('Hello.');
  });

  test('never changes', async () => {
    const { client, url, home } = await startScripted();
    const { sessionId } = await client.prompt('help');
    const before = await client.runs.list();
    await expect(client.prompt({ ...byScripted, sessionId })).rejects.toMatchObject({
      status: 409,
      code: 'session_agent_mismatch',
      message: expect.stringContaining(`session ${sessionId} belongs to that agent`),
      errors: [expect.objectContaining({ pointer: '/options/agent' })],
    });
    expect(await client.runs.list()).toEqual(before);
    expect(await client.sessions.get(sessionId)).toMatchObject({ agent: 'builtin', messageCount: 2 });
    const patched = await fetch(`${url}/api/sessions/${sessionId}`, {
      method: 'PATCH',
      headers: { 'content-type': 'application/json', 'x-api-key': await keyOf(home) },
      body: '{"agent":"scripted"}',
    });
    expect(patched.status).toBe(422);
    expect(await patched.json()).toMatchObject({ errors: [{ pointer: '/agent' }] });
  });

  test('an unknown one is refused with the names of all', async () => {
    const { client } = await startScripted();
    const expected = {
      status: 422,
      code: 'validation_failed',
      errors: [
        expect.objectContaining({ message: expect.stringMatching(/builtin, scripted, claude, .*"nobody"/) }),
      ],
    };
    await expect(client.prompt({ prompt: 'x', options: { agent: 'nobody' } })).rejects.toMatchObject(
      expected,
    );
    await expect(client.sessions.create({ agent: 'nobody' })).rejects.toMatchObject({
      ...expected,
      errors: [expect.objectContaining({ pointer: '/agent' })],
    });
    expect((await client.sessions.list()).sessions).toEqual([]);
  });

  test('filters the list; sessions of earlier releases belong to the built-in agent', async () => {
    const { client } = await startScripted();
    const { sessionId: own } = await client.prompt('help');
    const { sessionId: other } = await client.prompt(byScripted);
    const idsOf = async (agent: string): Promise<readonly string[]> =>
      (await client.sessions.list({ agent })).sessions.map(({ id }) => id);
    expect(await idsOf('builtin')).toEqual([own]);
    expect(await idsOf('scripted')).toEqual([other]);
    expect(await idsOf('claude')).toEqual([]);
  });

  test('stays in forks, which get the conversation as text, and in exports', async () => {
    const { client } = await startScripted();
    const { sessionId } = await client.prompt(byScripted);
    const fork = await client.sessions.fork(sessionId);
    expect(fork).toMatchObject({ agent: 'scripted', forkedFrom: { sessionId } });
    const { response } = await client.prompt({ prompt: script({ sayPrompts: true }), sessionId: fork.id });
    expect(response).toContain('The earlier conversation:');
    expect(response).toContain('Hello.');
    expect(await client.sessions.export(sessionId, { format: 'json' })).toMatchObject({
      session: { agent: 'scripted' },
    });
    expect(await client.sessions.export(sessionId, { format: 'markdown' })).toContain('`scripted`');
  });

  test('survives a restart, and is missed by a server that does not have it', async () => {
    const folder = temporaryFolder();
    const agents = acpConfig(folder, { resumes: true });
    const first = await startApp({ folder, config: { watch: false, agents } });
    const { sessionId } = await first.client.prompt(byScripted);
    await first.app.stop();
    const second = await startApp({ folder, config: { watch: false, agents } });
    const { response } = await second.client.prompt({ prompt: script({ sayPrompts: true }), sessionId });
    expect(response).toContain('Hello.');
    await second.app.stop();
    const third = await startApp({ folder, config: { watch: false } });
    expect(await third.client.sessions.get(sessionId)).toMatchObject({ agent: 'scripted' });
    await expect(third.client.prompt({ prompt: 'x', sessionId })).rejects.toMatchObject({
      status: 502,
      code: 'agent_unavailable',
      message: expect.stringContaining('agents in config.json'),
    });
    const { runs } = await third.client.runs.list({ sessionId });
    expect(runs).toHaveLength(2);
    rmSync(folder, { recursive: true, force: true });
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

describe('an option that the agent cannot apply is refused before anything is queued', () => {
  const refusals = { model: 'big', system: 'Be short.', maxSteps: 3, maxTokens: 1000, maxCost: 1 } as const;

  test.each(agentOptions)('%s', async (option) => {
    const { client } = await startScripted({ modes: 'option' });
    // Its first answer shows what it can do.
    const { sessionId } = await client.prompt(byScripted);
    const refused = client.prompt({
      prompt: hello,
      sessionId,
      options: { [option]: refusals[option] },
    });
    await expect(refused).rejects.toMatchObject({
      status: 422,
      code: 'not_supported_by_agent',
      message: expect.stringMatching(
        new RegExp(`^options\\.${option} must be left out: the agent scripted `),
      ),
      errors: [expect.objectContaining({ in: 'body', pointer: `/options/${option}` })],
    });
    expect((await client.runs.list()).runs).toHaveLength(1);
    expect(await client.sessions.get(sessionId)).toMatchObject({ messageCount: 2 });
  });

  test('several at once are all named', async () => {
    const { client } = await startScripted();
    const refused = client.prompt({
      prompt: hello,
      options: { agent: 'scripted', system: 'x', maxSteps: 1 },
    });
    await expect(refused).rejects.toMatchObject({
      errors: [{ pointer: '/options/system' }, { pointer: '/options/maxSteps' }],
    });
    expect((await client.sessions.list()).sessions).toEqual([]);
  });

  test('budgets are refused until the agent has reported tokens or costs', async () => {
    const { client } = await startScripted();
    const limited = { prompt: hello, options: { agent: 'scripted', maxTokens: 1000 } };
    await expect(client.prompt(limited)).rejects.toMatchObject({
      code: 'not_supported_by_agent',
      message: expect.stringContaining('has not reported tokens yet'),
    });
    const usage = { inputTokens: 10, outputTokens: 5, totalTokens: 15 };
    await client.prompt({ ...byScripted, prompt: script({ say: 'Hi.' }, { usage }) });
    expect(await client.prompt(limited)).toMatchObject({ response: 'Hello.' });
  });

  test('a model that the agent does not have is refused with those that it has', async () => {
    const { client } = await startScripted({ models: ['small', 'big'] });
    await client.prompt(byScripted);
    const use = (model: string) =>
      client.prompt({ prompt: script({ sayModel: true }), options: { agent: 'scripted', model } });
    expect((await use('big')).response).toBe('big');
    await expect(use('huge')).rejects.toMatchObject({
      code: 'not_supported_by_agent',
      message: expect.stringContaining('(small, big)'),
    });
  });

  test.each(['read-only', 'ask', 'auto-edit'] as const)(
    'the permission mode %s, if no mode of the agent is known to ask',
    async (permissionMode) => {
      const { client } = await startScripted({}, { agent: { modes: { full: null } } });
      const refused = client.prompt({ ...byScripted, options: { agent: 'scripted', permissionMode } });
      await expect(refused).rejects.toMatchObject({
        code: 'not_supported_by_agent',
        message: expect.stringMatching(/works only in full\..* agents\.scripted\.modes/),
        errors: [expect.objectContaining({ pointer: '/options/permissionMode' })],
      });
      // The mode of the server counts, too.
      await expect(client.prompt(byScripted)).rejects.toMatchObject({ code: 'not_supported_by_agent' });
      expect((await client.runs.list()).runs).toEqual([]);
    },
  );
});

test('metrics count the tokens of an agent by its model', async () => {
  const { client } = await startScripted({ models: ['small', 'big'] });
  const usage = { inputTokens: 10, outputTokens: 5, totalTokens: 15 };
  await client.prompt({ ...byScripted, prompt: script({ say: 'Hi.' }, { usage }) });
  const text = await client.prometheusMetrics();
  expect(text).toMatch(/codebuddy_tokens_total\{model="small",direction="input"\} 10\n/);
});

async function keyOf(home: string): Promise<string> {
  const { readFileSync } = await import('node:fs');
  return readFileSync(join(home, 'api', 'api-key'), 'utf8').trim();
}
