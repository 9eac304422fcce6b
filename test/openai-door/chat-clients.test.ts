// The requests of Open WebUI, LibreChat and Continue, as they document them: chats, prompts behind the scenes, and the
// stop button.

import { expect, test } from 'vitest';
import { says } from '../agent/start-model-agent.ts';
import { waitFor } from '../wait-for.ts';
import { startDoor, startModelDoor } from './start-door.ts';

/** A task of Open WebUI: its template, with the chat in it. */
const task = (instructions: string, output: string): string =>
  `### Task:\n${instructions}\n### Guidelines:\n- Be precise.\n### Output:\nJSON format: ${output}\n### Chat History:\n<chat_history>\nUSER: Why does the build of the parser fail on Windows?\nASSISTANT: Because of a path. { "title": "no" }\n</chat_history>`;

const openWebUiTasks = {
  title: task(
    'Generate a concise, 3-5 word title summarizing the chat history.',
    '{ "title": "your title" }',
  ),
  tags: task('Generate 1-3 broad tags categorizing the main themes.', '{ "tags": ["tag1", "tag2"] }'),
  follow_ups: task('Suggest 3-5 relevant follow-up questions.', '{ "follow_ups": ["Question 1?"] }'),
  queries: task('Determine the necessity of generating search queries.', '{ "queries": ["query1"] }'),
  prompt: task('Generate a detailed prompt for an image generation task.', '{ "prompt": "A description." }'),
};
const autocompletion =
  '### Task:\nYou are an autocompletion system. Continue the text in `<text>` based on the **completion type**.\n<type>General</type>\n<text>How do I</text>';
const libreChatTitles = [
  'Provide a concise, 5-word-or-less title for the conversation, using title case conventions. Only return the title itself.\n\nConversation:\nUser: Why does the build of the parser fail on Windows?\nAI: Because of a path.',
  'Please generate a concise title (max 40 characters) for a conversation that starts with:\nUser: Why does the build of the parser fail on Windows?\nAssistant: Because of a path.\n\nTitle:',
];
const continueTitle =
  'Given the following... please reply with a title for the chat that is 3-4 words in length, all words used should be directly related to the content of the chat.\n\nWhy does the build of the parser fail on Windows?';

const body = (content: string, rest: object = {}) => ({
  model: 'codebuddy',
  messages: [{ role: 'user', content }],
  stream: false,
  ...rest,
});

async function contentOf(response: Response): Promise<string> {
  expect(response.status).toBe(200);
  // biome-ignore lint/suspicious/noExplicitAny: a completion.
  return ((await response.json()) as any).choices[0].message.content;
}

test('prompts for titles, tags and follow-ups are answered by the model alone, without a run or a session', async () => {
  const { request, client, model } = await startModelDoor({
    kind: 'answer',
    text: '{ "title": "Broken Build" }',
    usage: { input: 50, output: 5 },
  });
  const all = [...Object.values(openWebUiTasks), autocompletion, ...libreChatTitles, continueTitle];
  for (const prompt of all) {
    const response = await request('/v1/chat/completions', body(prompt, { max_completion_tokens: 1000 }));
    expect(await contentOf(response)).toBe('{ "title": "Broken Build" }');
  }
  expect(model.requests).toHaveLength(all.length);
  for (const [index, { toolNames, messages, system }] of model.requests.entries()) {
    expect(toolNames).toEqual([]);
    expect(system).toBe('');
    expect(messages.map(({ text }) => text)).toEqual([all[index]]);
  }
  // The responses route answers them the same way.
  const response = await request('/v1/responses', { model: 'codebuddy', input: openWebUiTasks.title });
  expect(await response.json()).toMatchObject({
    status: 'completed',
    output_text: '{ "title": "Broken Build" }',
  });
  expect((await client.runs.list()).runs).toEqual([]);
  expect((await client.sessions.list()).sessions).toEqual([]);
  // Their tokens are counted.
  const metrics = await client.metrics();
  expect(JSON.stringify(metrics)).toContain(`"inputTokens":${(all.length + 1) * 50}`);
});

test('offline, a plain rule answers them in the form that they ask for', async () => {
  const { request, client } = await startDoor();
  const answerTo = async (prompt: string) => contentOf(await request('/v1/chat/completions', body(prompt)));
  expect(JSON.parse(await answerTo(openWebUiTasks.title))).toEqual({ title: 'Why does the build of the' });
  expect(JSON.parse(await answerTo(openWebUiTasks.tags))).toEqual({ tags: ['General'] });
  expect(JSON.parse(await answerTo(openWebUiTasks.follow_ups))).toEqual({ follow_ups: [] });
  expect(JSON.parse(await answerTo(openWebUiTasks.queries))).toEqual({ queries: [] });
  expect(JSON.parse(await answerTo(openWebUiTasks.prompt))).toEqual({
    prompt: 'Why does the build of the parser fail on Windows?',
  });
  expect(JSON.parse(await answerTo(autocompletion))).toEqual({ text: '' });
  for (const prompt of [...libreChatTitles, continueTitle])
    expect(await answerTo(prompt)).toBe('Why does the build of the');
  expect((await client.runs.list()).runs).toEqual([]);

  const streamed = await request('/v1/chat/completions', body(openWebUiTasks.tags, { stream: true }));
  const text = await streamed.text();
  expect(text).toContain(String.raw`{\"tags\":[\"General\"]}`);
  expect(text.endsWith('data: [DONE]\n\n')).toBe(true);
});

test('a prompt that only looks like one of them starts a run', async () => {
  const { request, client, model } = await startModelDoor(says('Done.'));
  const prompts = [
    // The documents that Open WebUI adds to a prompt.
    '### Task:\nRespond to the user query using the provided context.\n<context>\n<source id="1">alpha</source>\n</context>\n\n<user_query>\nwhat is it?\n</user_query>',
    'Generate a concise, 3-5 word title for my talk.',
    'Please add a function that provides a concise, 5-word-or-less title for the conversation.',
    '### Task:\nFix the tests.',
  ];
  for (const prompt of prompts) await request('/v1/chat/completions', body(prompt));
  expect((await client.runs.list()).runs).toHaveLength(prompts.length);
  expect(model.requests.every(({ toolNames }) => toolNames.length > 0)).toBe(true);
  // Nor does a template in the middle of a conversation count.
  await request('/v1/chat/completions', {
    messages: [
      { role: 'user', content: 'hello' },
      { role: 'assistant', content: 'Hi.' },
      { role: 'user', content: openWebUiTasks.title },
    ],
  });
  expect((await client.runs.list()).runs).toHaveLength(prompts.length + 1);
});

test('a chat of Open WebUI: one session, streamed, with its title and tags besides', async () => {
  const { request, client, model } = await startModelDoor(({ toolNames }) =>
    says(toolNames.length === 0 ? '{ "title": "A Chat" }' : 'Hello!'),
  );
  const headers = {
    'X-OpenWebUI-User-Name': 'Ada',
    'X-OpenWebUI-User-Id': '4a1c',
    'X-OpenWebUI-Chat-Id': 'c0ffee',
    'X-OpenWebUI-Message-Id': 'm1',
  };
  const messages: object[] = [{ role: 'system', content: 'You are helpful.' }];
  for (const content of ['hi', 'what now?', 'and then?']) {
    messages.push({ role: 'user', content });
    const chat = { stream: true, model: 'codebuddy', messages, stream_options: { include_usage: true } };
    const text = await (await request('/v1/chat/completions', chat, headers)).text();
    expect(text.endsWith('data: [DONE]\n\n')).toBe(true);
    // Open WebUI reads each line of data for itself.
    for (const line of text.split('\n').filter((one) => one.startsWith('data: {'))) {
      const { choices } = JSON.parse(line.slice('data: '.length));
      for (const { delta, finish_reason } of choices) {
        expect(delta).not.toBeNull();
        expect(finish_reason).not.toBe('');
      }
    }
    messages.push({ role: 'assistant', content: 'Hello!' });
    await contentOf(await request('/v1/chat/completions', body(openWebUiTasks.title), headers));
    await contentOf(await request('/v1/chat/completions', body(openWebUiTasks.tags), headers));
  }
  const { sessions } = await client.sessions.list();
  expect(sessions.map(({ title, messageCount, origin }) => [title, messageCount, origin])).toEqual([
    ['hi', 6, 'openai'],
  ]);
  expect((await client.runs.list()).runs).toHaveLength(3);
  const last = model.requests.findLast(({ toolNames }) => toolNames.length > 0);
  expect(last?.messages.map(({ text }) => text)).toEqual([
    'hi',
    'Hello!',
    'what now?',
    'Hello!',
    'and then?',
  ]);
});

test('a chat of LibreChat: the whole conversation each time, still one session', async () => {
  const { request, client } = await startModelDoor(says('Hello!'));
  const messages: object[] = [];
  for (const content of ['hi', 'what now?', 'and then?']) {
    messages.push({ role: 'user', content });
    const chat = { model: 'codebuddy', user: '65f0', stream: true, messages };
    await (await request('/v1/chat/completions', chat)).text();
    messages.push({ role: 'assistant', content: 'Hello!' });
  }
  await contentOf(
    await request('/v1/chat/completions', body(libreChatTitles[0] ?? '', { temperature: 0.2 })),
  );
  const { sessions } = await client.sessions.list();
  expect(sessions.map(({ messageCount }) => messageCount)).toEqual([6]);
});

test('the stop button cancels the run; the chat continues', async () => {
  const { client, model, url, key } = await startModelDoor([
    { kind: 'answer', text: ['A long ', 'answer'], silentAfter: 1 },
    says('Yes.'),
  ]);
  const stop = new AbortController();
  const headers = {
    authorization: `Bearer ${key}`,
    'content-type': 'application/json',
    'X-OpenWebUI-Chat-Id': 'c',
  };
  const send = (content: string, signal?: AbortSignal) =>
    fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      headers,
      body: JSON.stringify(body(content, { stream: true })),
      ...(signal === undefined ? {} : { signal }),
    });
  const response = await send('hello', stop.signal);
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  for (let text = ''; !text.includes('A long '); ) text += (await reader?.read())?.value ?? '';
  stop.abort();
  await waitFor(
    'the run is cancelled',
    async () => (await client.runs.list()).runs[0]?.status === 'cancelled',
  );
  await waitFor('the model is no longer asked', () => model.requests[0]?.isClosed());
  expect(await (await send('shorter?')).text()).toContain('"content":"Yes."');
  expect((await client.sessions.list()).sessions).toHaveLength(1);
});
