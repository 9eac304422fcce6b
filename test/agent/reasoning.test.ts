// The reasoning of models: streamed beside the answer and kept with the messages.

import { describe, expect, it, test } from 'vitest';
import type { CodeBuddyClient, StreamEvent } from '../../src/client/index.ts';
import { startApp } from '../http/start-app.ts';
import { waitFor } from '../wait-for.ts';
import { type Replies, startModelServer } from './model-server.ts';

const wires = [
  ['chat completions', 'local/m', {}],
  ['Responses', 'openai/gpt-5.6', { key: 'OPENAI_API_KEY', url: 'OPENAI_BASE_URL', path: '/v1' }],
  [
    'Anthropic',
    'anthropic/claude-sonnet-5-5',
    { key: 'ANTHROPIC_API_KEY', url: 'ANTHROPIC_BASE_URL', path: '/v1' },
  ],
  ['Google', 'google/gemini-3.8-flash', { key: 'GEMINI_API_KEY', url: 'GOOGLE_BASE_URL', path: '/v1beta' }],
] as const;

async function startWith(
  replies: Replies,
  model = 'local/m',
  { key, url, path }: { readonly key?: string; readonly url?: string; readonly path?: string } = {},
) {
  const server = await startModelServer(replies);
  return startApp({
    config: {
      models: [model],
      providers: { local: { baseURL: `${server.url}/v1` } },
      permissionMode: 'full',
    },
    environment: {
      ...(key === undefined ? {} : { [key]: 'a-key' }),
      ...(url === undefined ? {} : { [url]: `${server.url}${path}` }),
    },
  });
}

/** The types of events in order, with the text of deltas. Deltas of one text are joined. */
async function read(events: AsyncIterable<StreamEvent>): Promise<readonly string[]> {
  const seen: string[] = [];
  for await (const { type, data } of events) {
    const text = type === 'message.delta' || type === 'reasoning.delta' ? `${type} ${data.text}` : type;
    if (seen.at(-1)?.startsWith(`${type} `)) seen.push(seen.pop() + text.slice(type.length + 1));
    else seen.push(text);
  }
  return seen;
}

async function messagesOf(client: CodeBuddyClient, sessionId: string) {
  const { messages } = await client.sessions.messages(sessionId);
  return messages.map(({ role, content, reasoning }) => [role, role === 'tool' ? '' : content, reasoning]);
}

test.each(wires)('%s: is streamed in its place and kept with each message', async (_name, model, place) => {
  const { client } = await startWith(
    [
      {
        kind: 'answer',
        reasoning: 'First I look.',
        toolCalls: [{ name: 'list_directory', arguments: {} }],
      },
      { kind: 'answer', reasoning: 'Now I know.', text: 'It is empty.', splitBytes: 1 },
    ],
    model,
    place,
  );
  const { id } = await client.sessions.create({ title: 'Look' });
  const events = client.stream({ prompt: 'Look', sessionId: id });
  expect(await read(events)).toEqual([
    'run.queued',
    'message.user',
    'reasoning.delta First I look.',
    'tool.start',
    'tool.complete',
    'reasoning.delta Now I know.',
    'message.delta It is empty.',
    'message.assistant',
    'run.complete',
  ]);
  expect(await messagesOf(client, id)).toEqual([
    ['user', 'Look', undefined],
    ['assistant', '', 'First I look.'],
    ['tool', '', undefined],
    ['assistant', 'It is empty.', 'Now I know.'],
  ]);
});

it('is on the stream of the session with deltas, and in <think> tags, too', async () => {
  const { client } = await startWith({ kind: 'answer', text: ['<thi', 'nk>Hm', 'm.</think>', 'Yes.'] });
  const { id } = await client.sessions.create({ title: 'Ask' });
  const stop = new AbortController();
  const live = Promise.withResolvers<void>();
  const events = client.sessions.events(id, {
    deltas: true,
    signal: stop.signal,
    onState({ status }) {
      if (status === 'live') live.resolve();
    },
  });
  const reading = (async () => {
    const seen: string[] = [];
    for await (const { type, data } of events) {
      if (type === 'reasoning.delta' || type === 'message.delta') seen.push(data.text);
      if (type === 'run.complete') return seen.join('|');
    }
    return 'no end';
  })();
  await live.promise;
  await client.prompt({ prompt: 'Ask', sessionId: id });
  expect(await reading).toMatch(/^Hm\|?m\.\|Yes\.$/);
  expect((await messagesOf(client, id)).at(-1)).toEqual(['assistant', 'Yes.', 'Hmm.']);
});

it('is in exports and forks', async () => {
  const { client } = await startWith({ kind: 'answer', reasoning: '# Hm', text: 'Yes.' });
  const { sessionId } = await client.prompt('Ask');
  const markdown = await client.sessions.export(sessionId, { format: 'markdown' });
  expect(markdown).toContain('Reasoning:\n\n> # Hm\n\nAnswer:\n\n> Yes.\n');
  const fork = await client.sessions.fork(sessionId);
  expect((await messagesOf(client, fork.id)).at(-1)).toEqual(['assistant', 'Yes.', '# Hm']);
});

it('is capped where it is kept', async () => {
  const { client } = await startWith({ kind: 'answer', reasoning: `a${'b'.repeat(100_000)}c`, text: 'Yes.' });
  const { sessionId } = await client.prompt('Ask');
  const { messages } = await client.sessions.messages(sessionId);
  const { reasoning = '' } = messages.at(-1) ?? {};
  expect(reasoning).toMatch(/^ab+\n\[… \d+ bytes left out …\]\nb+c$/);
  expect(Buffer.byteLength(reasoning)).toBeLessThan(66_000);
});

describe('without text', () => {
  it('of a model that then fails is kept as incomplete', async () => {
    const { client } = await startWith({ kind: 'answer', reasoning: 'Hm.' });
    const { id } = await client.sessions.create({ title: 'Ask' });
    await expect(client.prompt({ prompt: 'Ask', sessionId: id })).rejects.toMatchObject({
      code: 'model_bad_response',
    });
    const { messages } = await client.sessions.messages(id);
    expect(messages.at(-1)).toMatchObject({ content: '', reasoning: 'Hm.', incomplete: true });
  });

  it('of a run that waits for a permission can be read', async () => {
    const { client } = await startWith([
      {
        kind: 'answer',
        reasoning: 'I must write.',
        toolCalls: [{ name: 'write_file', arguments: { path: 'a.txt', content: 'a' } }],
      },
      { kind: 'answer', text: 'Done.' },
    ]);
    const run = await client.runs.start({ prompt: 'Write', options: { permissionMode: 'ask' } });
    await waitFor('the reasoning', async () => (await messagesOf(client, run.sessionId)).length === 2);
    expect((await messagesOf(client, run.sessionId)).at(-1)).toEqual(['assistant', '', 'I must write.']);
    expect((await client.runs.get(run.id)).status).toBe('waiting');
  });
});
