// Which session a request works in: named by a header, or found by the conversation that it sends.

import { expect, test } from 'vitest';
import { calls, says } from '../agent/start-model-agent.ts';
import { waitFor } from '../wait-for.ts';
import { startDoor, startModelDoor } from './start-door.ts';

type Messages = readonly { readonly role: 'user' | 'assistant'; readonly content: string }[];

const user = (content: string) => ({ role: 'user', content }) as const;
const assistant = (content: string) => ({ role: 'assistant', content }) as const;

/** The messages that the model read last, without the system prompt. */
function read({
  requests,
}: {
  readonly requests: readonly { readonly messages: readonly { role: string; text: string }[] }[];
}) {
  return requests.at(-1)?.messages.map(({ role, text }) => `${role}: ${text}`);
}

test('a header names a session by its id; only the last message of the user is taken', async () => {
  const { openai, client, model } = await startModelDoor([says('One.'), says('Two.')]);
  const { sessionId } = await client.prompt({ prompt: 'first' });
  const { response } = await openai.chat.completions
    .create(
      { model: 'codebuddy', messages: [user('forged'), assistant('Forged.'), user('second')] },
      { headers: { 'X-CodeBuddy-Session': sessionId } },
    )
    .withResponse();
  expect(response.headers.get('x-codebuddy-session')).toBe(sessionId);
  expect(read(model)).toEqual(['user: first', 'assistant: One.', 'user: second']);
  // It was created by the REST API.
  expect((await client.sessions.get(sessionId)).origin).toBe('rest');
});

test('a header names a session by a name of the client, which is created at its first use', async () => {
  const { openai, client, model } = await startModelDoor(says('Done.'));
  const ask = async (content: string, headers: Record<string, string>) => {
    const { response } = await openai.chat.completions
      .create({ model: 'codebuddy', messages: [user(content)] }, { headers })
      .withResponse();
    return response.headers.get('x-codebuddy-session') ?? '';
  };
  const project = { 'X-CodeBuddy-Session': 'my project' };
  const first = await ask('one', project);
  expect(await ask('two', project)).toBe(first);
  expect(read(model)).toEqual(['user: one', 'assistant: Done.', 'user: two']);
  expect(await ask('three', { 'X-CodeBuddy-Session': 'another' })).not.toBe(first);
  // Open WebUI sends the id of its chat. Its temporary chats share one.
  const chat = await ask('a', { 'X-OpenWebUI-Chat-Id': '8f0e' });
  expect(await ask('b', { 'X-OpenWebUI-Chat-Id': '8f0e' })).toBe(chat);
  expect(await ask('c', { 'X-OpenWebUI-Chat-Id': '8f0e', ...project })).toBe(first);
  const temporary = { 'X-OpenWebUI-Chat-Id': 'local:socket' };
  expect(await ask('d', temporary)).not.toBe(await ask('e', temporary));
  // A deleted session loses its names.
  await client.sessions.delete(chat);
  expect(await ask('f', { 'X-OpenWebUI-Chat-Id': '8f0e' })).not.toBe(chat);
  await expect(ask('g', { 'X-CodeBuddy-Session': 'x'.repeat(257) })).rejects.toMatchObject({
    status: 400,
    param: 'x-codebuddy-session',
  });
});

test('a new session of a chat begins with its earlier messages', async () => {
  const { openai, model } = await startModelDoor(says('Done.'));
  await openai.chat.completions.create(
    { model: 'codebuddy', messages: [user('hi'), assistant('Hello!'), user('go on')] },
    { headers: { 'X-OpenWebUI-Chat-Id': 'old chat' } },
  );
  expect(read(model)).toEqual(['user: hi', 'assistant: Hello!', 'user: go on']);
});

test('requests at the same time with one new name share one session', async () => {
  const { openai, client } = await startModelDoor(says('Done.'));
  await Promise.all(
    ['a', 'b', 'c', 'd'].map((content) =>
      openai.chat.completions.create(
        { model: 'codebuddy', messages: [user(content)] },
        { headers: { 'X-CodeBuddy-Session': 'shared' } },
      ),
    ),
  );
  const { sessions } = await client.sessions.list();
  expect(sessions.map(({ messageCount }) => messageCount)).toEqual([8]);
});

test('a conversation that is sent whole is one session, with the tools that its answers used', async () => {
  const { openai, client, model, write } = await startModelDoor([
    calls('read_file', { path: 'a.txt' }, 'I look.'),
    says('It says alpha.'),
    says('Beta.'),
    says('Gamma.'),
  ]);
  write('a.txt', 'alpha');
  const messages: (ReturnType<typeof user> | ReturnType<typeof assistant>)[] = [user('what does a.txt say?')];
  const ask = async (content: string): Promise<void> => {
    if (messages.length > 1) messages.push(user(content));
    // A chat shows what it streamed, so its next request has the text before the tool, too.
    const stream = openai.chat.completions.stream({ model: 'codebuddy', messages: [...messages] });
    messages.push(assistant((await stream.finalMessage()).content ?? ''));
  };
  await ask('');
  expect(messages.at(-1)?.content).toBe('I look.\n\nIt says alpha.');
  await ask('and then?');
  await ask('more');
  const { sessions } = await client.sessions.list();
  expect(sessions.map(({ title, origin }) => [title, origin])).toEqual([['what does a.txt say?', 'openai']]);
  const sent = model.requests.at(-1)?.messages ?? [];
  expect(sent.flatMap(({ toolResults }) => toolResults)).toHaveLength(1);
  expect(sent.filter(({ role }) => role === 'user').map(({ text }) => text)).toEqual([
    'what does a.txt say?',
    'and then?',
    'more',
  ]);
});

test('an edited or foreign conversation becomes a new session with its messages', async () => {
  const { openai, client, model } = await startModelDoor([says('One.'), says('Two.'), says('Three.')]);
  const ask = async (messages: Messages) => {
    const { data, response } = await openai.chat.completions
      .create({ model: 'codebuddy', messages: [...messages] })
      .withResponse();
    return [response.headers.get('x-codebuddy-session'), data.choices[0]?.message.content];
  };
  const [first, answer] = await ask([user('hello')]);
  expect(answer).toBe('One.');
  const edited = [user('hello'), assistant('Something else.'), user('next')];
  const [second] = await ask(edited);
  expect(second).not.toBe(first);
  expect(read(model)).toEqual(['user: hello', 'assistant: Something else.', 'user: next']);
  // The first conversation can still go on.
  const [third] = await ask([user('hello'), assistant('One.'), user('next')]);
  expect(third).toBe(first);
  expect(read(model)).toEqual(['user: hello', 'assistant: One.', 'user: next']);
  const counts = (await client.sessions.list()).sessions.map(({ messageCount }) => messageCount);
  expect(counts).toEqual([4, 4]);
});

test('a conversation of another key, or after its session was deleted, is a new session', async () => {
  const { openai, client, url } = await startModelDoor(says('One.'));
  const ask = async (client_: typeof openai) => {
    const { response } = await client_.chat.completions
      .create({ model: 'codebuddy', messages: [user('hello'), assistant('One.'), user('next')] })
      .withResponse();
    return response.headers.get('x-codebuddy-session') ?? '';
  };
  await openai.chat.completions.create({ model: 'codebuddy', messages: [user('hello')] });
  const { key } = await client.keys.create({ name: 'other', scopes: ['prompt'] });
  const other = await ask(openai.withOptions({ apiKey: key, baseURL: `${url}/v1` }));
  const mine = await ask(openai);
  expect(other).not.toBe(mine);
  expect((await client.sessions.list()).sessions).toHaveLength(2);
  for (const { id } of (await client.sessions.list()).sessions) await client.sessions.delete(id);
  expect(await ask(openai)).not.toBe(mine);
});

test('messages of a client with other tools become part of the conversation', async () => {
  const { openai, model } = await startModelDoor(says('Done.'));
  await openai.chat.completions.create({
    model: 'codebuddy',
    messages: [
      user('what is the weather?'),
      {
        role: 'assistant',
        content: null,
        tool_calls: [
          { id: 'call_1', type: 'function', function: { name: 'weather', arguments: '{"city":"Bern"}' } },
        ],
      },
      { role: 'tool', tool_call_id: 'call_1', content: 'Sunny.' },
      assistant('It is sunny.'),
      user('and tomorrow?'),
    ],
  });
  const sent = model.requests.at(-1)?.messages ?? [];
  expect(sent.flatMap(({ toolCalls }) => toolCalls.map(({ name }) => name))).toEqual(['weather']);
  expect(sent.flatMap(({ toolResults }) => toolResults.map(({ text }) => text))).toEqual(['Sunny.']);
  expect(sent.at(-1)).toMatchObject({ role: 'user', text: 'and tomorrow?' });
});

test('consecutive messages of the user are one prompt', async () => {
  const { openai, model } = await startModelDoor(says('Done.'));
  await openai.chat.completions.create({
    model: 'codebuddy',
    messages: [
      user('the first part'),
      { role: 'user', content: [{ type: 'text', text: 'the second part' }] },
    ],
  });
  expect(read(model)).toEqual(['user: the first part\n\nthe second part']);
});

test('a conversation continues after an answer that the client stopped', async () => {
  const { openai, client, model } = await startModelDoor([
    { kind: 'answer', text: ['A long ', 'answer'], silentAfter: 1 },
    says('Shorter.'),
  ]);
  const stream = await openai.chat.completions.create({
    model: 'codebuddy',
    messages: [user('hello')],
    stream: true,
  });
  for await (const { choices } of stream) if (choices[0]?.delta.content === 'A long ') break;
  await waitFor(
    'the run is cancelled',
    async () => (await client.runs.list()).runs[0]?.status === 'cancelled',
  );
  await openai.chat.completions.create({
    model: 'codebuddy',
    messages: [user('hello'), assistant('A long'), user('shorter, please')],
  });
  expect((await client.sessions.list()).sessions).toHaveLength(1);
  expect(read(model)?.[0]).toBe('user: hello');
});

test('a session keeps its names after a restart', async () => {
  const first = await startDoor();
  const folder = first.workspace.replace(/\/workspace$/, '');
  const ask = async ({ openai }: Awaited<ReturnType<typeof startDoor>>, content: string) => {
    const { response } = await openai.chat.completions
      .create(
        { model: 'codebuddy', messages: [user(content)] },
        { headers: { 'X-OpenWebUI-Chat-Id': 'chat' } },
      )
      .withResponse();
    return response.headers.get('x-codebuddy-session');
  };
  // The name contains the id of the key, so it is the same key.
  const local = { environment: { CODEBUDDY_API_KEY: 'a-key-of-the-environment' } };
  await first.app.stop();
  const second = await startDoor({ folder, ...local });
  second.openai.apiKey = local.environment.CODEBUDDY_API_KEY;
  const session = await ask(second, 'help');
  await second.app.stop();
  const third = await startDoor({ folder, ...local });
  third.openai.apiKey = local.environment.CODEBUDDY_API_KEY;
  expect(await ask(third, 'help')).toBe(session);
});
