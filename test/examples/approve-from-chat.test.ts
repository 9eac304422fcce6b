// examples/approve-from-chat.ts as a process, with a real server and a stand-in for the chat.

import { expect, test } from 'vitest';
import { startModelServer } from '../agent/model-server.ts';
import { startApp } from '../http/start-app.ts';
import { waitFor } from '../wait-for.ts';
import { startReceiver } from '../webhooks/recording-receiver.ts';
import { example, startExample } from './start-example.ts';

interface Chat {
  readonly url: string;
  /** What was posted, oldest first. */
  readonly posts: readonly string[];
  /** How many posts it still refuses. */
  refusals: number;
}

async function startChat(): Promise<Chat> {
  const posts: string[] = [];
  const receiver = await startReceiver();
  const chat: Chat = { url: receiver.url, posts, refusals: 0 };
  receiver.answer(({ body }, response) => {
    if (chat.refusals > 0) {
      chat.refusals--;
      response.writeHead(500).end();
      return;
    }
    posts.push((JSON.parse(body.toString()) as { text: string }).text);
    response.end('ok');
  });
  return chat;
}

/** An agent that wants to write a file, a chat, and the bridge between them. */
async function start() {
  const chat = await startChat();
  const model = await startModelServer(({ messages }) => {
    const results = messages.flatMap(({ toolResults }) => toolResults);
    return results.length === 0
      ? {
          kind: 'answer',
          toolCalls: [
            { name: 'write_file', arguments: { path: 'note.txt', content: '```\n<!channel> \u202e' } },
          ],
        }
      : { kind: 'answer', text: results.map(({ text }) => text).join('\n') };
  });
  const started = await startApp({
    config: { models: ['local/m'], providers: { local: { baseURL: `${model.url}/v1` } } },
  });
  const { client, url } = started;
  const { key } = await client.keys.create({ name: 'chat', scopes: ['tools'] });
  const bridge = await startExample([process.execPath, example('approve-from-chat.ts')], {
    CHAT_URL: chat.url,
    CHAT_TOKEN: 'token of the chat',
    APPROVERS: 'ann,ben',
    CODEBUDDY_URL: url,
    CODEBUDDY_API_KEY: key,
    WEBHOOK_SECRET: 'a secret of mine',
  });
  await client.webhooks.create({
    url: `${bridge.url}/hook`,
    events: ['permission.*'],
    secret: 'a secret of mine',
    retryDelay: 100,
  });
  const say = async (user: string, text: string, token = 'token of the chat') => {
    const answer = await fetch(`${bridge.url}/chat`, {
      method: 'POST',
      body: new URLSearchParams({ token, user_name: user, text }),
    });
    return { status: answer.status, text: answer.ok ? ((await answer.json()) as { text: string }).text : '' };
  };
  return { ...started, chat, bridge, say };
}

test('a permission is requested in the chat, and an answer there allows the tool', async () => {
  const { client, chat, bridge, say } = await start();
  const { id: runId } = await client.runs.start('write a note');
  const question = await waitFor('the question', () => chat.posts[0]);
  const [id = ''] = /prm_\w+/.exec(question) ?? [];
  expect(question).toContain('write_file');
  expect(question).toContain('note.txt');
  // The parameters come from the model. They must not end the code block, mention people or hide characters.
  expect(question).not.toMatch(/<!channel>|\u202e/);
  expect(question.match(/```/g)).toHaveLength(2);

  expect((await say('ann', `allow ${id}`, 'wrong')).status).toBe(401);
  expect((await say('eve', `allow ${id}`)).text).toBe('eve may not decide.');
  expect((await say('ann', 'hello')).text).toContain('"allow ID"');
  expect(await client.runs.get(runId)).toMatchObject({ status: 'waiting' });
  expect((await say('ann', `allow ${id}`)).text).toBe(`Done: allow ${id}`);
  await waitFor('the end of the run', async () => (await client.runs.get(runId)).status === 'completed');
  await waitFor('the outcome in the chat', () =>
    chat.posts.some((text) => text.startsWith(`\`${id}\`: allow`)),
  );
  expect((await say('ben', `deny ${id}`)).text).toMatch(/already|resolved/);
  expect((await say('ben', 'deny prm_01M8000000000000000000000A')).text).toContain('not found');
  expect(await bridge.stop()).toBe(0);
});

test('a denial reaches the agent with its reason, and no question is lost while the chat is down', async () => {
  const { client, chat, say } = await start();
  chat.refusals = 1;
  const { id: runId } = await client.runs.start('write a note');
  const question = await waitFor('the question', () => chat.posts[0]);
  expect(chat.refusals).toBe(0);
  const [id = ''] = /prm_\w+/.exec(question) ?? [];
  expect((await say('ben', `deny ${id} not on Fridays`)).text).toBe(`Done: deny ${id}`);
  const run = await waitFor('the end of the run', async () => {
    const found = await client.runs.get(runId);
    return found.status === 'completed' && found;
  });
  expect(run.response).toContain('not on Fridays (by ben in the chat)');
});

test('an unsigned request is refused', async () => {
  const { bridge } = await start();
  expect((await fetch(`${bridge.url}/hook`, { method: 'POST', body: '{}' })).status).toBe(401);
  expect((await fetch(`${bridge.url}/chat`)).status).toBe(405);
});
