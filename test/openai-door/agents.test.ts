// Other agents behind the OpenAI-compatible routes: `codebuddy/AGENT`.

import { expect, test } from 'vitest';
import { script } from '../agent/acp/script.ts';
import { acpConfig } from '../agent/acp/start-acp.ts';
import { temporaryFolder } from '../agent/start-agent.ts';
import { startDoor } from './start-door.ts';

const startScripted = (config: Readonly<Record<string, unknown>> = {}) =>
  startDoor({
    config: { watch: false, agents: acpConfig(temporaryFolder()), ...config },
  });

test('a found agent is a model, and answers', async () => {
  const { openai, client } = await startScripted();
  const { data } = await openai.models.list();
  expect(data.map(({ id }) => id)).toEqual(expect.arrayContaining(['codebuddy', 'codebuddy/scripted']));
  const { choices } = await openai.chat.completions.create({
    model: 'codebuddy/scripted',
    messages: [{ role: 'user', content: script({ say: 'Hello.' }) }],
  });
  expect(choices[0]?.message.content).toBe('Hello.');
  const { sessions } = await client.sessions.list();
  expect(sessions).toMatchObject([{ agent: 'scripted', origin: 'openai' }]);
});

test('an agent that takes no instructions gets them before its first prompt', async () => {
  const { openai, client } = await startScripted({ agent: 'scripted' });
  const answer = await openai.chat.completions.create({
    model: 'codebuddy',
    messages: [
      { role: 'system', content: 'Be short.' },
      { role: 'user', content: script({ say: 'Yes.' }) },
    ],
  });
  expect(answer.choices[0]?.message.content).toBe('Yes.');
  const { runs } = await client.runs.list();
  expect(runs[0]?.prompt).toMatch(/^Be short\.\n\n/);
});

test('another model is one of the built-in agent, whatever agent the server has', async () => {
  const { openai, client } = await startScripted({ agent: 'scripted' });
  const answer = await openai.chat.completions.create({
    model: 'codebuddy/offline',
    messages: [{ role: 'user', content: 'help' }],
  });
  expect(answer.choices[0]?.message.content).toContain('offline agent');
  expect((await client.sessions.list()).sessions).toMatchObject([{ agent: 'builtin' }]);
});

test('an unknown agent is an unknown model', async () => {
  const { openai } = await startScripted();
  await expect(
    openai.chat.completions.create({
      model: 'codebuddy/nobody',
      messages: [{ role: 'user', content: 'hi' }],
    }),
  ).rejects.toMatchObject({ status: 404, code: 'model_not_found' });
});
