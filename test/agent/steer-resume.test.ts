// Messages to a run survive a restart: the resumed run goes on with them.

import { expect, it } from 'vitest';
import { waitFor } from '../wait-for.ts';
import { type RunningAgent, startAgent, temporaryFolder } from './start-agent.ts';
import { calls, says, startModelAgent } from './start-model-agent.ts';

async function stop({ agent, log, store }: RunningAgent): Promise<void> {
  await agent.close(0);
  await log.close();
  await store.close();
}

async function start({ agent }: RunningAgent, prompt: string) {
  const { run, result } = await agent.runs.start({ prompt, options: {}, requestId: 'r' });
  result.catch(() => undefined);
  return run;
}

it('a resumed run sees the messages that came in before the restart and since', async () => {
  const folder = temporaryFolder();
  const first = await startModelAgent(
    (_, number) => (number === 1 ? calls('list_directory', {}) : { kind: 'silence' }),
    { folder },
  );
  const run = await start(first, 'Look around.');
  await waitFor('the second step', () => first.server.requests.length === 2);
  await first.agent.runs.steer(run.id, { text: 'Be brief.' });
  await stop(first);

  const second = await startModelAgent(says('Done.'), { folder });
  await second.agent.sessions.addMessage(run.sessionId, 'I am back.');
  const { result } = await second.agent.runs.resume(run.id);
  expect((await result).response).toBe('Done.');
  const { messages = [] } = second.server.requests[0] ?? {};
  expect(messages.map(({ role }) => role)).toEqual(['user', 'assistant', 'tool', 'assistant', 'user']);
  expect(messages.at(-1)?.text).toMatch(/^The server stopped .*\n\nBe brief\.\n\nI am back\.$/s);
  // A later run sends the same bytes again.
  await second.prompt('Next.', {}, run.sessionId);
  expect(second.server.requests[1]?.messages.slice(0, messages.length)).toEqual(messages);
});

it('the offline agent runs the commands of a message before its next command, also after a restart', async () => {
  const folder = temporaryFolder();
  const first = await startAgent({ models: ['offline'], folder });
  const until = (file: string) => `until [ -e ${file} ]; do sleep 0.02; done`;
  const run = await start(first, `run ${until('go')}\nwrite c.txt: c\nrun ${until('on')}\nread a.txt`);
  const isAt = (step: number) =>
    waitFor(`step ${step}`, async () => (await first.agent.runs.get(run.id))?.step === step);
  await isAt(1);
  await first.agent.runs.steer(run.id, { text: 'write a.txt: a\nwhat?' });
  await first.agent.runs.steer(run.id, { text: 'write b.txt: b' });
  first.write('go', '');
  await isAt(5);
  await first.agent.runs.steer(run.id, { text: 'write a.txt: later' });
  await stop(first);

  const { agent, write } = await startAgent({ models: ['offline'], folder });
  write('on', '');
  const { response } = await (await agent.runs.resume(run.id)).result;
  expect(response).toContain('\n\nlater');
  const { items } = await agent.sessions.messages(run.sessionId, { limit: 50 });
  expect(items.flatMap(({ tool }) => (tool === undefined ? [] : [tool.params]))).toEqual([
    { command: until('go') },
    { path: 'a.txt', content: 'a' },
    { path: 'b.txt', content: 'b' },
    { path: 'c.txt', content: 'c' },
    { command: until('on') },
    { path: 'a.txt', content: 'later' },
    { path: 'a.txt' },
  ]);
});

it('a message to the offline agent after its last command is run, too', async () => {
  const running = await startAgent({ models: ['offline'] });
  const run = await start(running, 'run until [ -e go ]; do sleep 0.02; done');
  await waitFor('the command', async () => (await running.agent.runs.get(run.id))?.step === 1);
  await expect(running.agent.runs.steer(run.id, { text: 'list', mayUseTools: false })).rejects.toMatchObject({
    code: 'insufficient_scope',
  });
  await running.agent.runs.steer(run.id, { text: 'write a.txt: a' });
  running.write('go', '');
  await waitFor('the end', async () => (await running.agent.runs.get(run.id))?.status === 'completed');
  expect((await running.agent.runs.get(run.id))?.response).toContain('Created a.txt');
});
