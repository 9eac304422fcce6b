// The options of a prompt that another agent cannot apply, over the API.

import { describe, expect, test } from 'vitest';
import { agentOptions } from '../../../src/contract/agent.ts';
import { script } from '../../agent/acp/script.ts';
import { byScripted, hello, startScripted } from './start-scripted.ts';

describe('an option that the agent cannot apply is refused before anything is queued', () => {
  const refusals = { model: 'big', system: 'Be short.', maxSteps: 3, maxTokens: 1000, maxCost: 1 } as const;

  test.each(agentOptions)('%s', async (option) => {
    const { client } = await startScripted({ modes: 'option' });
    // Its first answer shows what it can do.
    const { sessionId } = await client.prompt(byScripted);
    const refused = client.prompt({
      prompt: hello,
      sessionId,
      options: { [option]: refusals[option] },
    });
    await expect(refused).rejects.toMatchObject({
      status: 422,
      code: 'not_supported_by_agent',
      message: expect.stringMatching(
        new RegExp(`^options\\.${option} must be left out: the agent scripted `),
      ),
      errors: [expect.objectContaining({ in: 'body', pointer: `/options/${option}` })],
    });
    expect((await client.runs.list()).runs).toHaveLength(1);
    expect(await client.sessions.get(sessionId)).toMatchObject({ messageCount: 2 });
  });

  test('several at once are all named', async () => {
    const { client } = await startScripted();
    const refused = client.prompt({
      prompt: hello,
      options: { agent: 'scripted', system: 'x', maxSteps: 1 },
    });
    await expect(refused).rejects.toMatchObject({
      errors: [{ pointer: '/options/system' }, { pointer: '/options/maxSteps' }],
    });
    expect((await client.sessions.list()).sessions).toEqual([]);
  });

  test('budgets are refused until the agent has reported tokens or costs', async () => {
    const { client } = await startScripted();
    const limited = { prompt: hello, options: { agent: 'scripted', maxTokens: 1000 } };
    await expect(client.prompt(limited)).rejects.toMatchObject({
      code: 'not_supported_by_agent',
      message: expect.stringContaining('has not reported tokens yet'),
    });
    const usage = { inputTokens: 10, outputTokens: 5, totalTokens: 15 };
    await client.prompt({ ...byScripted, prompt: script({ say: 'Hi.' }, { usage }) });
    expect(await client.prompt(limited)).toMatchObject({ response: 'Hello.' });
  });

  test('what only the start of the agent shows fails the run, before the agent gets the prompt', async () => {
    const { client } = await startScripted({ modes: 'option' });
    const refused = client.prompt({ prompt: hello, options: { agent: 'scripted', model: 'big' } });
    await expect(refused).rejects.toMatchObject({ status: 422, code: 'not_supported_by_agent' });
    const { runs } = await client.runs.list();
    expect(runs).toMatchObject([{ status: 'failed', error: { code: 'not_supported_by_agent' } }]);
    const { messages } = await client.sessions.messages(runs[0]?.sessionId ?? '');
    expect(messages.map(({ role }) => role)).toEqual(['user']);
  });

  test('a model that the agent does not have is refused with those that it has', async () => {
    const { client } = await startScripted({ models: ['small', 'big'] });
    await client.prompt(byScripted);
    const use = (model: string) =>
      client.prompt({ prompt: script({ sayModel: true }), options: { agent: 'scripted', model } });
    expect((await use('big')).response).toBe('big');
    await expect(use('huge')).rejects.toMatchObject({
      code: 'not_supported_by_agent',
      message: expect.stringContaining('(small, big)'),
    });
  });

  test.each(['read-only', 'ask', 'auto-edit'] as const)(
    'the permission mode %s, if no mode of the agent is known to ask',
    async (permissionMode) => {
      const { client } = await startScripted({}, { agent: { modes: { full: null } } });
      const refused = client.prompt({ ...byScripted, options: { agent: 'scripted', permissionMode } });
      await expect(refused).rejects.toMatchObject({
        code: 'not_supported_by_agent',
        message: expect.stringMatching(/works only in full\..* agents\.scripted\.modes/),
        errors: [expect.objectContaining({ pointer: '/options/permissionMode' })],
      });
      // The mode of the server counts, too.
      await expect(client.prompt(byScripted)).rejects.toMatchObject({ code: 'not_supported_by_agent' });
      expect((await client.runs.list()).runs).toEqual([]);
    },
  );
});
