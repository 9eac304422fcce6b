// One conversation of twenty prompts with everything that has broken sessions: tools, parallel calls, a cancel, a
// failure, kill -9, a resume, and a summary. It is sent to three servers that refuse the same requests as the real ones
// (test/agent/model-server-strict.ts has the sources).

import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { CodeBuddyClient } from '../../src/client/index.ts';
import type { ModelReply, ModelRequest } from '../agent/model-server.ts';
import { startModelServer } from '../agent/model-server.ts';
import { strictly } from '../agent/model-server-strict.ts';
import { calls, says } from '../agent/start-model-agent.ts';
import { waitFor } from '../wait-for.ts';
import { serve, temporaryFolder } from './run-cli.ts';
import { seeInterrupted } from './see-interrupted.ts';

const servers = {
  'OpenAI chat': {
    model: 'local/m',
    config: (url: string) => ({ providers: { local: { baseURL: `${url}/v1` } } }),
    env: () => ({}),
  },
  'OpenAI responses': {
    model: 'openai/gpt-test',
    config: () => ({}),
    env: (url: string) => ({ OPENAI_API_KEY: 'k', OPENAI_BASE_URL: `${url}/v1` }),
  },
  Anthropic: {
    model: 'anthropic/claude-test',
    config: () => ({}),
    env: (url: string) => ({ ANTHROPIC_API_KEY: 'k', ANTHROPIC_BASE_URL: `${url}/v1` }),
  },
} as const;

/** The first word of the last prompt, and the number of results since, determine the model's answer. */
function answer({ system, messages }: ModelRequest): ModelReply {
  if (system.startsWith('Summarize the conversation')) return says('They have worked on many tasks.');
  const at = messages.findLastIndex(({ role }) => role === 'user');
  const prompt = messages[at]?.text ?? '';
  const steps = messages.slice(at).filter(({ role }) => role === 'tool').length;
  const reasoning = `Thinking of “${prompt}”.`;
  if (prompt.startsWith('hang'))
    return steps === 0 ? calls('list_directory', {}, 'A moment.') : { kind: 'silence' };
  if (prompt.startsWith('fail')) return { kind: 'error', status: 403, message: 'Not for you.' };
  if (prompt.startsWith('shell'))
    return steps === 0
      ? { ...calls('bash', { command: 'touch started; sleep 20' }), reasoning }
      : says('Ended.');
  if (prompt.startsWith('talk')) return { kind: 'answer', text: ['\n', `Said: 😀 ${prompt}`] };
  if (steps === 0)
    return {
      kind: 'answer',
      reasoning,
      text: 'Both at once.',
      toolCalls: [
        { id: 'call_0', name: 'read_file', arguments: { path: 'big.txt' } },
        { id: 'call_1', name: 'search', arguments: { pattern: 'word', maxResults: 3 } },
      ],
    };
  if (steps === 1) return { ...calls('read_file', { path: 'none.txt' }), reasoning };
  return { kind: 'answer', reasoning, text: `Did ${prompt}` };
}

test.each(Object.entries(servers))(
  '%s: a strict provider accepts twenty prompts with a cancel, failures, kill -9 and a summary',
  async (_name, { model, config, env }) => {
    const { reply, refusals } = strictly(answer);
    const server = await startModelServer(reply);
    const folder = temporaryFolder();
    const home = join(folder, 'home');
    const workspace = join(folder, 'workspace');
    for (const path of [join(home, 'api'), workspace]) mkdirSync(path, { recursive: true, mode: 0o700 });
    writeFileSync(join(workspace, 'big.txt'), 'word 😀\n'.repeat(1500));
    const settings = { models: [model], contextWindow: 16_000, ...config(server.url) };
    writeFileSync(join(home, 'api', 'config.json'), JSON.stringify(settings));
    const environment = { CODEBUDDY_MODEL: '', CODEBUDDY_WORKSPACE: workspace, ...env(server.url) };
    const flags = ['--port', '0', '--permission-mode', 'full'];
    let program = await serve(home, flags, environment);
    const client = new CodeBuddyClient({ home });
    const { id: sessionId } = await client.sessions.create({});
    let prompts = 0;
    const begin = (prompt: string) => {
      prompts++;
      return client.runs.start({ prompt, sessionId });
    };
    const ended = async (id: string): Promise<string> => {
      await waitFor(
        `run ${id} ends`,
        async () => !['queued', 'running'].includes((await client.runs.get(id)).status),
      );
      return (await client.runs.get(id)).status;
    };
    const work = async (prompt: string): Promise<void> => {
      const { id } = await begin(prompt);
      expect(await ended(id), refusals.join('\n')).toBe('completed');
    };

    for (const prompt of ['task 1', 'talk 2', 'task 3']) await work(prompt);
    /** Waits until the second step of a new run hangs. */
    const beginHanging = async (prompt: string) => {
      // The model may be asked before the client knows the run.
      const asked = server.requests.length;
      const run = await begin(prompt);
      await waitFor(
        'the second step hangs',
        () => server.requests.length >= asked + 2 && server.requests.at(-1)?.messages.at(-1)?.role === 'tool',
      );
      return run;
    };
    const hanging = await beginHanging('hang 4');
    await client.runs.cancel(hanging.id);
    await work('task 5');
    expect(await ended((await begin('fail 6')).id)).toBe('failed');
    expect(await ended((await begin('fail 7')).id)).toBe('failed');
    for (const prompt of ['task 8', 'talk 9', 'task 10']) await work(prompt);

    const killed = await begin('shell 11');
    await waitFor(
      'the command runs',
      async () =>
        (await client.runs.get(killed.id)).status === 'running' && existsSync(join(workspace, 'started')),
    );
    program.child.kill('SIGKILL');
    await program.finished;
    program = await serve(home, flags, environment);
    await seeInterrupted(client, killed.id);
    await client.runs.resume(killed.id);
    expect(await ended(killed.id), refusals.join('\n')).toBe('completed');

    const lost = await beginHanging('hang 12');
    program.child.kill('SIGKILL');
    await program.finished;
    program = await serve(home, flags, environment);
    await seeInterrupted(client, lost.id);
    // Not resumed: the conversation continues without it.
    for (let n = 13; n <= 20; n++) await work(`task ${n}`);

    expect(refusals).toEqual([]);
    expect(prompts).toBe(20);
    expect(server.requests.some(({ system }) => system.startsWith('Summarize the conversation'))).toBe(true);
    client.close();
  },
);
