// The shown part of an interrupted answer stays in the session, and providers accept it in a later run. An empty answer
// is not a success.

import { describe, expect, it } from 'vitest';
import type { CodeBuddyError } from '../../src/base/errors.ts';
import type { EventLog } from '../../src/events/event-log.ts';
import { holdSilence } from './hold-silence.ts';
import { calls, says, startModelAgent } from './start-model-agent.ts';

const cut = { kind: 'answer' as const, text: ['I will ', 'read ', 'the file'], silentAfter: 2 };

/** Resolves when the model has sent everything before its silence. */
async function saidAll(log: EventLog): Promise<void> {
  for await (const item of log.subscribe({ after: 0, deltas: true }))
    if (item.kind === 'delta' && JSON.stringify(item).includes('read ')) return;
}

describe('an answer that was cut off', () => {
  it('by a failure is kept as incomplete, and the next prompt continues from it', async () => {
    const passSilence = holdSilence();
    const { prompt, agent, log, events, server } = await startModelAgent([cut, says('better now')]);
    const failed = prompt('Hi').catch((reason: unknown) => reason);
    await saidAll(log);
    passSilence();
    const error = (await failed) as CodeBuddyError;
    expect(error.code).toBe('model_timeout');
    const [session] = (await agent.sessions.list({ limit: 10 })).items;
    const sessionId = session?.id ?? '';
    const { items } = await agent.sessions.messages(sessionId, { limit: 10 });
    expect(items.map(({ role, content, incomplete }) => ({ role, content, incomplete }))).toEqual([
      { role: 'user', content: 'Hi', incomplete: undefined },
      { role: 'assistant', content: 'I will read ', incomplete: true },
    ]);
    const told = (await events()).find(({ type }) => type === 'message.assistant');
    expect(told?.data).toMatchObject({ messageId: items[1]?.id, text: 'I will read ', incomplete: true });

    expect((await prompt('Go on', {}, sessionId)).response).toBe('better now');
    const { messages = [] } = server.requests[1] ?? {};
    expect(messages.map(({ role }) => role)).toEqual(['user', 'assistant', 'user']);
    expect(messages[1]?.text).toBe('I will read \n\n[My answer was cut off here.]');
  });

  it('by a cancel is kept as incomplete, also after a step with a tool', async () => {
    const { agent, log } = await startModelAgent([calls('list_directory', {}, 'Let me look.'), cut]);
    const { run, result } = await agent.runs.start({ prompt: 'Hi', options: {}, requestId: 'r' });
    result.catch(() => undefined);
    await saidAll(log);
    await agent.runs.cancel(run.id);
    const { items } = await agent.sessions.messages(run.sessionId, { limit: 10 });
    expect(
      items.map(({ role, content, incomplete }) => [role, role === 'tool' ? '' : content, incomplete]),
    ).toEqual([
      ['user', 'Hi', undefined],
      ['assistant', 'Let me look.', undefined],
      ['tool', '', undefined],
      ['assistant', 'I will read ', true],
    ]);
    expect(await agent.runs.get(run.id)).toMatchObject({ status: 'cancelled' });
  });

  it('without a finish reason keeps its text', async () => {
    const body = `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content: 'half a sentence' } }] })}\n\n`;
    const { prompt, agent } = await startModelAgent({
      kind: 'raw',
      status: 200,
      headers: { 'content-type': 'text/event-stream' },
      body,
    });
    const error = (await prompt('Hi').catch((reason: unknown) => reason)) as CodeBuddyError;
    expect(error.code).toMatch(/^model_/);
    const [session] = (await agent.sessions.list({ limit: 10 })).items;
    const { items } = await agent.sessions.messages(session?.id ?? '', { limit: 10 });
    expect(items.at(-1)).toMatchObject({ content: 'half a sentence', incomplete: true });
  });
});

describe('an empty answer', () => {
  it.each([
    ['with reasoning', { kind: 'answer' as const, reasoning: 'hmm' }, 'reasoned, but gave no answer'],
    [
      'with reasoning that the output limit ended',
      { kind: 'answer' as const, reasoning: 'hmm', finish: 'length' as const },
      'before its output limit was reached',
    ],
    ['with nothing at all', { kind: 'answer' as const }, 'gave an empty answer'],
  ])('%s fails with a message', async (_what, reply, words) => {
    const { prompt, agent } = await startModelAgent([reply, says('there')]);
    const error = (await prompt('Hi').catch((reason: unknown) => reason)) as CodeBuddyError;
    expect(error.code).toBe('model_bad_response');
    expect(error.message).toContain(words);
    const [session] = (await agent.sessions.list({ limit: 10 })).items;
    expect((await prompt('Again', {}, session?.id)).response).toBe('there');
  });

  it('after tool calls completes the run with the earlier text', async () => {
    const { prompt } = await startModelAgent([calls('list_directory', {}, 'Done.'), { kind: 'answer' }]);
    expect(await prompt('Hi')).toMatchObject({ response: 'Done.', finishReason: 'stop' });
  });
});
