// The OpenAI provider of the AI SDK, with its chat and its responses models.

import { createOpenAI } from '@ai-sdk/openai';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { generateText, type LanguageModel, streamText } from 'ai';
import { describe, expect, test } from 'vitest';
import { calls, says } from '../agent/start-model-agent.ts';
import { type StartedDoor, startModelDoor } from './start-door.ts';

const kinds: Readonly<Record<string, (door: StartedDoor) => LanguageModel>> = {
  'openai.chat': ({ url, key }) => createOpenAI({ baseURL: `${url}/v1`, apiKey: key }).chat('codebuddy'),
  'openai.responses': ({ url, key }) =>
    createOpenAI({ baseURL: `${url}/v1`, apiKey: key }).responses('codebuddy'),
  'openai-compatible': ({ url, key }) =>
    createOpenAICompatible({ name: 'codebuddy', baseURL: `${url}/v1`, apiKey: key })('codebuddy'),
};

describe.each(Object.keys(kinds))('%s', (kind) => {
  const modelOf = kinds[kind] as (door: StartedDoor) => LanguageModel;
  const withTool = [calls('read_file', { path: 'a.txt' }, 'I look.'), says(['It says ', 'alpha.'])];

  test('generates a text after the agent has used a tool', async () => {
    const door = await startModelDoor(withTool);
    door.write('a.txt', 'alpha');
    const { text, finishReason, usage } = await generateText({ model: modelOf(door), prompt: 'hello' });
    expect(text.endsWith('It says alpha.')).toBe(true);
    expect(finishReason).toBe('stop');
    expect(usage.totalTokens).toBe(30);
  });

  test('streams a text after the agent has used a tool', async () => {
    const door = await startModelDoor(withTool);
    door.write('a.txt', 'alpha');
    const { textStream, finishReason } = streamText({ model: modelOf(door), prompt: 'hello' });
    let text = '';
    for await (const piece of textStream) text += piece;
    expect(text.startsWith('I look.')).toBe(true);
    expect(text.endsWith('It says alpha.')).toBe(true);
    expect(await finishReason).toBe('stop');
  });

  test('sends a conversation', async () => {
    const door = await startModelDoor(says('Fine.'));
    const { text } = await generateText({
      model: modelOf(door),
      instructions: 'Be short.',
      messages: [
        { role: 'user', content: 'hello' },
        { role: 'assistant', content: 'Hi.' },
        { role: 'user', content: 'how are you?' },
      ],
    });
    expect(text).toBe('Fine.');
    expect(door.model.requests[0]?.messages.map((message) => message.text)).toEqual([
      'hello',
      'Hi.',
      'how are you?',
    ]);
    expect(door.model.requests[0]?.system).toContain('Be short.');
  });

  test('gets an error with its status', async () => {
    const door = await startModelDoor({ kind: 'error', status: 401 });
    await expect(
      generateText({ model: modelOf(door), prompt: 'hello', maxRetries: 0 }),
    ).rejects.toMatchObject({ statusCode: 502 });
  });
});
