// Unusual answers that servers of OpenAI's chat completions and gateways are known to send.

import { describe, expect, it } from 'vitest';
import { ThinkTags } from '../../src/agent/models/think-tags.ts';
import type { CodeBuddyError } from '../../src/base/errors.ts';
import { says, startModelAgent } from './start-model-agent.ts';

const sse = { 'content-type': 'text/event-stream' };
const json = { 'content-type': 'application/json' };

const events = (...chunks: readonly unknown[]) =>
  chunks.map((chunk) => `data: ${typeof chunk === 'string' ? chunk : JSON.stringify(chunk)}\n\n`).join('');
const piece = (delta: unknown, finish: string | null = null) => ({
  id: 'x',
  choices: [{ index: 0, delta, finish_reason: finish }],
});
const raw = (body: string, headers: Readonly<Record<string, string>> = sse, status = 200) => ({
  kind: 'raw' as const,
  status,
  headers,
  body,
});

describe('an answer is accepted', () => {
  const stop = piece({}, 'stop');
  it.each([
    ['no finish reason, but the end is said', events(piece({ content: 'Hello.' }), '[DONE]')],
    [
      'a whole answer instead of a stream',
      JSON.stringify({
        choices: [{ message: { role: 'assistant', content: 'Hello.' }, finish_reason: 'stop' }],
      }),
      json,
    ],
    [
      'a stream that is called plain text',
      events(piece({ content: 'Hello.' }), stop, '[DONE]'),
      { 'content-type': 'text/plain' },
    ],
    [
      'comments and blank lines first',
      `: PROCESSING\n\n\n: PROCESSING\n\n${events(piece({ content: 'Hello.' }), stop)}`,
    ],
    [
      'usage without choices',
      events(
        piece({ content: 'Hello.' }),
        stop,
        { usage: { prompt_tokens: 1, completion_tokens: 1 } },
        '[DONE]',
      ),
    ],
    ['choices that are null', events({ choices: null }, piece({ content: 'Hello.' }), stop, '[DONE]')],
    ['another role', events(piece({ role: 'model', content: 'Hello.' }), stop, '[DONE]')],
    [
      'whole messages in the stream',
      events({ choices: [{ index: 0, message: { content: 'Hello.' }, finish_reason: 'stop' }] }, '[DONE]'),
    ],
    ['CRLF', events(piece({ content: 'Hello.' }), stop, '[DONE]').replaceAll('\n', '\r\n')],
    ['reasoning in tags', events(piece({ content: '<think>Hm.</think>\n\nHello.' }), stop, '[DONE]')],
    [
      'reasoning in tags, in pieces',
      events(
        ...['\n', '<th', 'ink>H', 'm. </', 'think', '>\n', 'Hel', 'lo.'].map((content) => piece({ content })),
        stop,
        '[DONE]',
      ),
    ],
  ] as const)('%s', async (_what, body, headers: Readonly<Record<string, string>> = sse) => {
    const { prompt } = await startModelAgent(raw(body, headers));
    expect((await prompt('Hi')).response.trim()).toBe('Hello.');
  });

  it('with text that only looks like a tag', async () => {
    const content = ['<', 'thin', 'g> is no <think> tag'];
    const { prompt } = await startModelAgent(
      raw(events(...content.map((text) => piece({ content: text })), piece({}, 'stop'))),
    );
    expect((await prompt('Hi')).response).toBe('<thing> is no <think> tag');
  });
});

describe('a tool call is accepted', () => {
  it.each([
    [
      'arguments as an object',
      {
        tool_calls: [{ index: 0, id: 'c1', function: { name: 'list_directory', arguments: { path: '.' } } }],
      },
    ],
    [
      'arguments that are null',
      { tool_calls: [{ index: 0, id: 'c1', function: { name: 'list_directory', arguments: null } }] },
    ],
    ['the legacy function_call', { function_call: { name: 'list_directory', arguments: '{"path": "."}' } }],
  ])('%s', async (_what, delta) => {
    const { prompt, server, write } = await startModelAgent([
      raw(events(piece(delta), piece({}, 'tool_calls'), '[DONE]')),
      says('done'),
    ]);
    write('seen.txt', '');
    expect((await prompt('look')).response).toBe('done');
    expect(server.requests[1]?.messages.at(-1)?.toolResults[0]?.text).toContain('seen.txt');
  });
});

describe('the message of an error reaches the user', () => {
  const words = 'The model is being moved to another floor';
  it.each([
    ['a 200 with a JSON error', raw(JSON.stringify({ error: { message: words } }), json)],
    ['a 200 with an error as text', raw(JSON.stringify({ error: words }), json)],
    ['a 200 with a message', raw(JSON.stringify({ message: words }), json)],
    ['a 200 with a detail', raw(JSON.stringify({ detail: words }), json)],
    ['a 200 with an error in a list', raw(JSON.stringify([{ error: { message: words } }]), json)],
    ['an error event', raw(events({ error: { message: words } }))],
    ['an error event as text', raw(events({ error: words }))],
    [
      'an error event after text',
      raw(events(piece({ content: 'Hel' }), { error: { message: words, code: 502 } })),
    ],
    ['a message event', raw(events({ message: words }))],
    ['a 400 with an error as text', raw(JSON.stringify({ error: words }), json, 400)],
    ['a 400 with a message', raw(JSON.stringify({ message: words }), json, 400)],
    ['a 400 with plain text', raw(words, { 'content-type': 'text/plain' }, 400)],
  ])('%s', async (_what, reply) => {
    const { prompt } = await startModelAgent(reply);
    const error = (await prompt('Hi').catch((reason: unknown) => reason)) as CodeBuddyError;
    expect(error.code).toMatch(/^model_/);
    expect(error.message).toContain(words);
  });

  it.each([200, 404])('a web page with status %i says that the base URL is wrong', async (status) => {
    const page = '<!DOCTYPE html><html><head><title>Welcome</title></head><body>nginx</body></html>';
    const { prompt, server } = await startModelAgent(raw(page, { 'content-type': 'text/html' }, status));
    const error = (await prompt('Hi').catch((reason: unknown) => reason)) as CodeBuddyError;
    expect(error.message).toMatch(/web page.*base URL/);
    expect(error.message).not.toContain('nginx');
    expect(server.requests).toHaveLength(1);
  });
});

it('tags may be split anywhere', () => {
  const text = ' \n<think>a<b</thinkc</think>\n\nd<think>e';
  for (let size = 1; size <= text.length; size++) {
    const tags = new ThinkTags();
    let said = '';
    let thought = '';
    for (let at = 0; at < text.length; at += size) {
      const taken = tags.take(text.slice(at, at + size), at + size >= text.length);
      said += taken.text;
      thought += taken.reasoning;
    }
    expect([thought, said.trimStart()], `pieces of ${size}`).toEqual(['a<b</thinkc', 'd<think>e']);
  }
});
