// Something to see in every view: sessions with reasoning, reads, edits and a failed tool, a fork, something of each kind in
// the inbox, a webhook that works and one that fails, and events of all of them.

import { calls } from '../agent/start-model-agent.ts';
import type { StartedApp } from '../http/start-app.ts';
import { waitFor } from '../wait-for.ts';
import { startReceiver } from '../webhooks/recording-receiver.ts';
import { viewNames } from './view-names.ts';

const answer = `It is **done**. What changed:

| file | change |
| --- | --- |
| \`a.txt\` | alpha is beta |

\`\`\`ts
const a: string = 'beta'; // was alpha
\`\`\`
`;

/** For the model of the app. */
export const replies = [
  {
    kind: 'answer',
    reasoning: 'First I **look** around.',
    text: 'I look first.',
    ...tool('list_directory', {}),
  },
  { kind: 'answer', reasoning: 'Nothing is missing.', text: answer },
  calls('bash', { command: 'npm test && git push --force' }),
] as const;

function tool(name: string, args: object) {
  return { toolCalls: [{ name, arguments: args }] };
}

const weather = {
  name: 'get_weather',
  description: 'Gets the weather in a city.',
  schema: { type: 'object', properties: { city: { type: 'string' } } },
};

/** Fills the server of `startWithModel(dashboard, replies)`. Returns all views, those of single objects included. */
export async function fillDashboard({ client, write }: StartedApp): Promise<readonly string[]> {
  const receiver = await startReceiver();
  receiver.answer((request, response) => {
    response
      .writeHead(request.path === '/bad' ? 422 : 200)
      .end(request.path === '/bad' ? 'no such field' : '');
  });
  const origin = new URL(receiver.url).origin;
  const input = { events: ['webhook.test' as const], retryCount: 0 };
  const good = await client.webhooks.create({ ...input, url: `${origin}/good`, name: 'CI' });
  const bad = await client.webhooks.create({ ...input, url: `${origin}/bad`, name: 'Chat' });
  const deliveries: string[] = [];
  for (const { id } of [good, good, bad]) deliveries.push((await client.webhooks.test(id)).id);

  write('a.txt', 'alpha');
  const prompt = [
    'read a.txt',
    'list',
    `write ${'long-name-'.repeat(8)}.txt: one`,
    'replace alpha with beta in a.txt',
    'read missing.txt',
    'help',
  ].join('\n');
  const { sessionId } = await client.prompt({ prompt, options: { model: 'offline' } });
  await client.sessions.fork(sessionId);
  const spoken = await client.prompt('Change alpha to beta.');
  const asking = await client.runs.start('Run the tests, and push.');
  for (const command of ['ask Deploy now? [yes | no]', 'call get_weather {"city": "Bern"}'])
    await client.runs.start({
      prompt: command,
      options: { model: 'offline' },
      ...(command.startsWith('call') ? { tools: [weather] } : {}),
    });
  await waitFor(
    'a permission, a question and a call',
    async () => (await client.inbox.list()).items.length === 3,
  );
  const [event] = (await client.events.list({ type: 'tool.complete' })).events;
  return [
    ...viewNames,
    `sessions/${sessionId}`,
    `sessions/${spoken.sessionId}`,
    `sessions/${asking.sessionId}`,
    `events/${event?.id}`,
    'webhooks/new',
    ...[good, bad].map(({ id }) => `webhooks/${id}`),
    ...deliveries.slice(1).map((id) => `deliveries/${id}`),
    'search?text=alpha',
    `files?session=${sessionId}`,
    'files?file=a.txt',
    'settings/keys',
    'settings/models',
    'tools/bash',
    'nowhere',
  ];
}
