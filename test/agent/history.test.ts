// A later run sends the bytes of an earlier one again, in a form that strict servers accept: after tools, cancels,
// failures, restarts and forks.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { AgentOptions } from '../../src/agent/agent-options.ts';
import { makeId } from '../../src/base/ids.ts';
import { waitFor } from '../wait-for.ts';
import { type ModelRequest, type Replies, startModelServer } from './model-server.ts';
import { field, items, string } from './model-server-json.ts';
import { type StrictMode, strictly } from './model-server-strict.ts';
import { sharedPrefix } from './prompt-prefix.ts';
import { type RunningAgent, startAgent, temporaryFolder } from './start-agent.ts';
import { calls, says } from './start-model-agent.ts';

const wires = {
  'OpenAI chat': (url: string) => ({
    models: ['local/test-model'],
    providers: { local: { baseURL: `${url}/v1` } },
    environment: { PATH: process.env.PATH },
  }),
  'OpenAI responses': (url: string) => ({
    models: ['openai/gpt-5.6'],
    environment: { PATH: process.env.PATH, OPENAI_API_KEY: 'k', OPENAI_BASE_URL: `${url}/v1` },
  }),
  'xAI responses': (url: string) => ({
    models: ['xai/grok-test'],
    environment: { PATH: process.env.PATH, XAI_API_KEY: 'k', XAI_BASE_URL: `${url}/v1` },
  }),
  Anthropic: (url: string) => ({
    models: ['anthropic/claude-sonnet-5-5'],
    environment: { PATH: process.env.PATH, ANTHROPIC_API_KEY: 'k', ANTHROPIC_BASE_URL: `${url}/v1` },
  }),
  Google: (url: string) => ({
    models: ['google/gemini-3.8-flash'],
    environment: { PATH: process.env.PATH, GEMINI_API_KEY: 'k', GOOGLE_BASE_URL: `${url}/v1beta` },
  }),
} as const;
type WireName = keyof typeof wires;
const wireNames = Object.keys(wires) as WireName[];

interface StrictAgent extends RunningAgent {
  readonly requests: readonly ModelRequest[];
  readonly refusals: readonly string[];
  reply(next: Replies): void;
}

async function startStrict(
  wire: WireName,
  replies: Replies,
  options: Partial<AgentOptions> & { readonly folder?: string; readonly mode?: StrictMode } = {},
): Promise<StrictAgent> {
  const { mode, ...rest } = options;
  const refusals: string[] = [];
  const guarded = (next: Replies): Replies => {
    const { reply, refusals: told } = strictly(next, mode);
    return async (request, number) => {
      const answer = await reply(request, number);
      refusals.splice(0, refusals.length, ...told);
      return answer;
    };
  };
  const server = await startModelServer(guarded(replies));
  const agent = await startAgent({ permissionMode: 'full', ...wires[wire](server.url), ...rest });
  return { ...agent, requests: server.requests, refusals, reply: (next) => server.reply(guarded(next)) };
}

/** The messages of the last request, without fields that are specific to a format. */
const lastRoles = ({ requests }: StrictAgent): readonly string[] =>
  requests.at(-1)?.messages.map(({ role }) => role) ?? [];

/** Two steps with tools, the first with two parallel calls, then an answer; identified by the prompt. */
const working: Replies = ({ messages }) => {
  const prompt = messages.findLastIndex(({ role }) => role === 'user');
  const results = messages.slice(prompt).filter(({ role }) => role === 'tool').length;
  const said = messages[prompt]?.text ?? '';
  if (results === 0)
    return {
      kind: 'answer',
      reasoning: `I should look, since they say ${said}.`,
      text: 'Let me look.',
      toolCalls: [
        { id: 'call_0', name: 'read_file', arguments: { path: 'a.txt' } },
        { id: 'call_1', name: 'list_directory', arguments: {} },
      ],
    };
  if (results === 1)
    return {
      kind: 'answer',
      reasoning: 'Now the other file.',
      toolCalls: [{ id: 'call_0', name: 'read_file', arguments: { path: 'b.txt' } }],
    };
  return { kind: 'answer', text: `Done with ${said}.` };
};

describe.each(wireNames)('%s', (wire) => {
  it('each request of ten prompts with tools begins with at least 95 % of the bytes of the one before', async () => {
    const agent = await startStrict(wire, working);
    agent.write('a.txt', 'alpha 😀 '.repeat(200));
    agent.write('b.txt', 'beta\n'.repeat(200));
    let sessionId: string | undefined;
    for (let n = 1; n <= 10; n++) ({ sessionId } = await agent.prompt(`task ${n}`, {}, sessionId));
    expect(agent.refusals).toEqual([]);
    expect(agent.requests).toHaveLength(30);
    const shares = agent.requests
      .slice(1)
      .map((request, index) => sharedPrefix(agent.requests[index] as ModelRequest, request));
    expect(Math.min(...shares), JSON.stringify(shares)).toBeGreaterThanOrEqual(0.95);
  });

  it('steps are sent unchanged later, also after a restart', async () => {
    const folder = temporaryFolder();
    const first = await startStrict(wire, working, { folder });
    first.write('a.txt', 'alpha');
    first.write('b.txt', 'beta');
    const { sessionId } = await first.prompt('one');
    await first.agent.close(0);
    await first.log.close();
    await first.store.close();
    const second = await startStrict(wire, says('two done'), { folder });
    await second.prompt('two', {}, sessionId);
    expect(second.refusals).toEqual([]);
    const [request] = second.requests;
    expect(
      request?.messages.map(({ role, toolCalls, toolResults }) => [
        role,
        toolCalls.length,
        toolResults.length,
      ]),
    ).toEqual([
      ['user', 0, 0],
      ['assistant', 2, 0],
      ['tool', 0, 2],
      ['assistant', 1, 0],
      ['tool', 0, 1],
      ['assistant', 0, 0],
      ['user', 0, 0],
    ]);
    expect(
      sharedPrefix(first.requests.at(-1) as ModelRequest, request as ModelRequest),
    ).toBeGreaterThanOrEqual(0.95);
  });

  it('a session continues after a cancelled or failed run', async () => {
    const agent = await startStrict(wire, { kind: 'silence' });
    const session = await agent.agent.sessions.create({});
    const cancelWhen = async (what: string, condition: () => boolean): Promise<void> => {
      const { run, result } = await agent.agent.runs.start({
        prompt: what,
        sessionId: session.id,
        options: {},
        requestId: 'r',
      });
      result.catch(() => undefined);
      await waitFor(what, condition);
      await agent.agent.runs.cancel(run.id);
    };
    await cancelWhen('before a word', () => agent.requests.length === 1);
    // After a result.
    agent.reply(({ messages }) =>
      messages.at(-1)?.role === 'tool' ? { kind: 'silence' } : calls('list_directory', {}),
    );
    const before = agent.requests.length;
    await cancelWhen('after a result', () => agent.requests.length === before + 2);
    // In the middle of a call, beside one that has a result.
    agent.reply({
      kind: 'answer',
      text: 'Both.',
      toolCalls: [
        { id: 'x', name: 'list_directory', arguments: {} },
        { id: 'x', name: 'bash', arguments: { command: 'touch here; sleep 60' } },
      ],
    });
    await cancelWhen(
      'in the middle of a call',
      () => agent.agent.runs.activeCount() === 1 && isThere(agent, 'here'),
    );
    // A refusal unrelated to the history.
    agent.reply({ kind: 'error', status: 401 });
    await expect(agent.prompt('failure', {}, session.id)).rejects.toMatchObject({
      code: 'model_auth_failed',
    });
    agent.reply(says('I am back.'));
    expect((await agent.prompt('go on', {}, session.id)).response).toBe('I am back.');
    expect(agent.refusals).toEqual([]);
    const told = JSON.stringify(agent.requests.at(-1)?.body);
    for (const prompt of ['before a word', 'after a result', 'in the middle of a call', 'failure', 'go on'])
      expect(told).toContain(prompt);
    expect(told).toContain('There is no result');
  });

  it('a session continues after a step limit', async () => {
    const agent = await startStrict(wire, { ...calls('list_directory', {}, 'looking'), reasoning: 'hm' });
    const { sessionId } = await agent.prompt('loop', { maxSteps: 2 });
    agent.reply(says('well'));
    expect((await agent.prompt('and now?', {}, sessionId)).response).toBe('well');
    expect(agent.refusals).toEqual([]);
  });

  it('a session continues from a fork at any message', async () => {
    const agent = await startStrict(wire, working);
    agent.write('a.txt', 'alpha');
    agent.write('b.txt', 'beta');
    const { sessionId } = await agent.prompt('one');
    await agent.prompt('two', {}, sessionId);
    const { items: messages } = await agent.agent.sessions.messages(sessionId, { limit: 100 });
    // Two steps only reasoned before they called tools; each has a message of its own.
    expect(messages.length).toBe(14);
    agent.reply(says('forked'));
    for (const { id } of messages) {
      const fork = await agent.agent.sessions.fork(sessionId, { messageId: id });
      expect((await agent.prompt('on', {}, fork.id)).response).toBe('forked');
    }
    expect(agent.refusals).toEqual([]);
    // A copy of the whole session is sent like the original.
    const copy = await agent.agent.sessions.fork(sessionId, {});
    await agent.prompt('same', {}, copy.id);
    await agent.prompt('same', {}, sessionId);
    const [ofCopy, ofOriginal] = agent.requests.slice(-2);
    expect(ofCopy?.body).toEqual(ofOriginal?.body);
  });
});

function isThere(agent: RunningAgent, path: string): boolean {
  try {
    return agent.agent !== undefined && existsSync(join(agent.workspace, path));
  } catch {
    return false;
  }
}

it.each(['mistral', 'deepseek', 'groq', 'llama.cpp'] as const)(
  'a server as strict as %s accepts the conversation after tools, a cancel and a resume',
  async (mode) => {
    const names = {
      mistral: 'mistral/devstral',
      deepseek: 'ds/deepseek-v4',
      groq: 'groq/qwen3',
      'llama.cpp': 'llama/qwen3.5',
    };
    const server = await startModelServer();
    const { reply, refusals } = strictly(working, mode);
    server.reply(reply);
    const folder = temporaryFolder();
    const options = {
      folder,
      permissionMode: 'full' as const,
      models: [names[mode]],
      providers: { [names[mode].split('/')[0] as string]: { baseURL: `${server.url}/v1` } },
      environment: { PATH: process.env.PATH },
    };
    const first = await startAgent(options);
    first.write('a.txt', 'alpha');
    first.write('b.txt', 'beta');
    const { sessionId } = await first.prompt('one');
    const before = server.requests.length;
    const stuck = strictly(
      ({ messages }, number) =>
        number > before + 1 ? { kind: 'silence' } : working({ messages } as ModelRequest, number),
      mode,
    );
    server.reply(stuck.reply);
    const { run, result } = await first.agent.runs.start({
      prompt: 'two',
      sessionId,
      options: {},
      requestId: 'r',
    });
    result.catch(() => undefined);
    await waitFor('the second step is asked for', () => server.requests.length === before + 2);
    await first.agent.close(0);
    await first.log.close();
    await first.store.close();
    server.reply(reply);
    const second = await startAgent(options);
    await (await second.agent.runs.resume(run.id)).result;
    await second.prompt('three', {}, sessionId);
    expect([...refusals, ...stuck.refusals]).toEqual([]);
    // The note to the resumed run stays in the conversation.
    const resumed = server.requests.findLastIndex(({ messages }) =>
      messages.at(-1)?.text.startsWith('The server stopped'),
    );
    expect(
      sharedPrefix(server.requests[resumed] as ModelRequest, server.requests.at(-1) as ModelRequest),
    ).toBeGreaterThanOrEqual(0.95);
  },
);

it('switching to another provider in the middle of a run keeps the conversation', async () => {
  const claude = strictly([
    {
      kind: 'answer',
      reasoning: 'Look first.',
      toolCalls: [{ id: 'toolu_01', name: 'list_directory', arguments: {} }],
    },
    { kind: 'error', status: 529, message: 'Overloaded' },
  ]);
  const first = await startModelServer(claude.reply);
  const chat = strictly([calls('list_directory', {}), says('from the other')], 'mistral');
  const second = await startModelServer(chat.reply);
  const agent = await startAgent({
    permissionMode: 'full',
    models: ['anthropic/claude-sonnet-5-5', 'mistral/devstral'],
    providers: { mistral: { baseURL: `${second.url}/v1` } },
    environment: { ANTHROPIC_API_KEY: 'k', ANTHROPIC_BASE_URL: `${first.url}/v1` },
  });
  const { response, sessionId } = await agent.prompt('go');
  expect(response).toBe('from the other');
  // And back, with the answers of both.
  const back = strictly(says('back again'));
  first.reply(back.reply);
  expect((await agent.prompt('again', { model: 'anthropic/claude-sonnet-5-5' }, sessionId)).response).toBe(
    'back again',
  );
  expect([...claude.refusals, ...chat.refusals, ...back.refusals]).toEqual([]);
  expect(JSON.stringify(first.requests.at(-1)?.body)).toContain('Look first.');
});

it('call ids are unique in the session, for any ids of the model', async () => {
  const long = 'call_'.padEnd(300, 'x');
  const agent = await startStrict(
    'OpenAI chat',
    [
      {
        kind: 'answer',
        toolCalls: [
          { id: `${long}1`, name: 'list_directory', arguments: {} },
          { id: `${long}2`, name: 'list_directory', arguments: {} },
        ],
      },
      { kind: 'answer', toolCalls: [{ id: 'a b/ü', name: 'list_directory', arguments: {} }] },
      { kind: 'answer', toolCalls: [{ id: 'a b/ü', name: 'no such tool!', arguments: 'not JSON' }] },
      says('done'),
    ],
    { mode: 'mistral' },
  );
  await agent.prompt('go');
  expect(agent.refusals).toEqual([]);
  const ids = agent.requests.at(-1)?.messages.flatMap(({ toolCalls }) => toolCalls.map(({ id }) => id)) ?? [];
  expect(new Set(ids).size).toBe(4);
});

it('a queued prompt survives the summary of another run', async () => {
  let release = (): void => undefined;
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const agent = await startStrict(
    'OpenAI chat',
    async ({ system, messages }) => {
      if (system.startsWith('Summarize the conversation')) return says('SUMMARY');
      const prompts = messages.filter(({ role }) => role === 'user').map(({ text }) => text);
      if (prompts.at(-1)?.includes('second')) return says('second done');
      if (messages.filter(({ role }) => role === 'tool').length < 3 && !prompts.join().includes('SUMMARY')) {
        await released;
        return calls('read_file', { path: 'big.txt' });
      }
      return says('first done');
    },
    { contextWindow: 8000 },
  );
  agent.write('big.txt', 'word '.repeat(3000));
  const session = await agent.agent.sessions.create({});
  const begin = (prompt: string) =>
    agent.agent.runs.start({ prompt, sessionId: session.id, options: {}, requestId: 'r' });
  const first = await begin('first');
  await waitFor('the first works', () => agent.requests.length === 1);
  const second = await begin('second');
  release();
  expect((await first.result).response).toBe('first done');
  expect(agent.requests.some(({ system }) => system.startsWith('Summarize the conversation'))).toBe(true);
  expect((await second.result).response).toBe('second done');
  expect(agent.requests.at(-1)?.messages.at(-1)?.text).toBe('second');
  expect(agent.refusals).toEqual([]);
});

it('another day changes nothing in earlier messages', async () => {
  let at = Date.now();
  const agent = await startStrict('OpenAI chat', says('hello'), { now: () => at });
  const { sessionId } = await agent.prompt('one');
  at += 40 * 86_400_000;
  await agent.prompt('two', {}, sessionId);
  const [first, second] = agent.requests;
  expect(first?.system).toBe(second?.system);
  expect(sharedPrefix(first as ModelRequest, second as ModelRequest)).toBe(1);
});

it('after a summary, the next run and a fork send the same bytes', async () => {
  const agent = await startStrict(
    'OpenAI chat',
    (request, number) =>
      request.system.startsWith('Summarize the conversation')
        ? says('SUMMARY: they have read a lot.')
        : working(request, number),
    { contextWindow: 9000, mode: 'mistral' },
  );
  agent.write('a.txt', 'alpha\n'.repeat(1500));
  agent.write('b.txt', 'beta\n'.repeat(1500));
  let sessionId: string | undefined;
  const ordinary = (): readonly ModelRequest[] =>
    agent.requests.filter(({ system }) => !system.startsWith('Summarize the conversation'));
  for (let n = 1; n <= 4; n++) ({ sessionId } = await agent.prompt(`task ${n}`, {}, sessionId));
  expect(agent.refusals).toEqual([]);
  const before = ordinary().at(-1) as ModelRequest;
  expect(before.messages[0]?.text).toContain('SUMMARY');
  const copy = await agent.agent.sessions.fork(sessionId ?? '', {});
  agent.reply(says('done'));
  for (const id of [sessionId ?? '', copy.id]) {
    await agent.prompt('and on', {}, id);
    expect(sharedPrefix(before, agent.requests.at(-1) as ModelRequest)).toBeGreaterThanOrEqual(0.95);
  }
  expect(agent.refusals).toEqual([]);
});

it('a session of an earlier release is converted from its messages', async () => {
  const folder = temporaryFolder();
  const first = await startStrict('OpenAI chat', working, { folder });
  first.write('a.txt', 'alpha');
  first.write('b.txt', 'beta');
  const { sessionId } = await first.prompt('one');
  await first.agent.close(0);
  await first.log.close();
  await first.store.close();
  const database = new DatabaseSync(first.databasePath);
  onTestFinished(() => database.close());
  // A session of an earlier release: no entries, repeated ids, and a run that was cut off after its prompt.
  database.exec('DELETE FROM turns');
  for (const { id, content } of database.prepare('SELECT id, content FROM messages').all()) {
    const old = JSON.parse(string(content)) as { sent?: boolean; tool?: { callId: string } };
    delete old.sent;
    if (old.tool !== undefined) old.tool.callId = 'call_0';
    database.prepare('UPDATE messages SET content = ? WHERE id = ?').run(JSON.stringify(old), id as string);
  }
  const user = JSON.stringify({ content: 'never answered' });
  database
    .prepare(
      "INSERT INTO messages SELECT ?, session_id, 'run_old', 'user', created_at, ? FROM messages LIMIT 1",
    )
    .run(makeId('msg'), user);
  const second = await startStrict('OpenAI chat', says('still here'), { folder, mode: 'mistral' });
  expect((await second.prompt('two', {}, sessionId)).response).toBe('still here');
  expect(second.refusals).toEqual([]);
  const texts = JSON.stringify(second.requests[0]?.body);
  for (const text of ['one', 'Let me look.', 'alpha', 'beta', 'Done with one.', 'never answered'])
    expect(texts).toContain(text);
  expect(lastRoles(second).filter((role) => role === 'tool')).toHaveLength(3);
  const again = await second.agent.sessions.messages(sessionId, { limit: 50 });
  expect(again.items.every((message) => !('sent' in message))).toBe(true);
});

it('tool results are sent later as they were in the run', async () => {
  const agent = await startStrict('OpenAI chat', working);
  agent.write('a.txt', 'long line '.repeat(20_000));
  agent.write('b.txt', 'beta');
  const { sessionId } = await agent.prompt('one');
  agent.reply(says('two'));
  await agent.prompt('two', {}, sessionId);
  // Calls that run at the same time end in any order.
  const results = (request: ModelRequest | undefined): readonly string[] =>
    items(field(request?.body, 'messages'))
      .filter((message) => field(message, 'role') === 'tool')
      .map((message) => string(field(message, 'content')))
      .sort();
  const [inRun, later] = agent.requests.slice(-2);
  const { items: messages } = await agent.agent.sessions.messages(sessionId, { limit: 50 });
  const kept = messages.filter(({ role }) => role === 'tool').map(({ content }) => content);
  expect(results(later)).toHaveLength(3);
  // Not `toEqual`: a failure would print hundreds of kilobytes.
  expect(results(later).every((text, index) => text === results(inRun)[index])).toBe(true);
  expect(results(later).every((text, index) => text === kept.toSorted()[index])).toBe(true);
});
