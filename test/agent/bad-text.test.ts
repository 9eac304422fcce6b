// Text that providers refuse: lone surrogates, NUL, and messages that show nothing. It must neither enter a session nor
// leave it.

import { describe, expect, it, test } from 'vitest';
import { cutHead, cutTail, decodeCut, isBlank, shorten } from '../../src/base/text.ts';
import { startModelServer } from './model-server.ts';
import { strictly } from './model-server-strict.ts';
import { startAgent } from './start-agent.ts';
import { calls, says } from './start-model-agent.ts';

const half = '\ud83d';
const family = '👨‍👩‍👧';

it('lone surrogates and NUL never reach a provider', async () => {
  const { reply, refusals } = strictly([
    {
      kind: 'answer',
      // The second half of the character comes in its own delta.
      text: ['Hi ', half, '\ude00', ` ${half}`],
      toolCalls: [
        { name: 'bash', arguments: { command: "printf 'a\\0b'; printf '\\355\\240\\275'" } },
        { name: 'write_file', arguments: { path: 'x.txt', content: `${half} and \0` } },
        { name: `no${half}tool`, arguments: {} },
      ],
    },
    says('done'),
    says('again'),
  ]);
  const server = await startModelServer(reply);
  const agent = await startAgent({
    permissionMode: 'full',
    models: ['local/m'],
    providers: { local: { baseURL: `${server.url}/v1` } },
    environment: { PATH: process.env.PATH },
  });
  agent.write('AGENTS.md', Buffer.concat([Buffer.alloc(65_535, 'x'), Buffer.from('é')]));
  const { sessionId } = await agent.prompt(`Look ${half} here\0`, { system: `Be ${half} brief.` });
  expect((await agent.prompt('again', {}, sessionId)).response).toBe('again');
  expect(refusals).toEqual([]);
  const { items } = await agent.agent.sessions.messages(sessionId, { limit: 20 });
  expect(items.map(({ content }) => content).every((text) => text.isWellFormed())).toBe(true);
  expect(items[1]?.content).toBe('Hi 😀 \ufffd');
  expect((await agent.agent.sessions.get(sessionId))?.title.isWellFormed()).toBe(true);
  const made = await agent.agent.sessions.create({
    title: `T${half}`,
    metadata: { [`k${half}`]: [`v${half}`] },
  });
  expect(made).toMatchObject({ title: 'T\ufffd', metadata: { 'k\ufffd': ['v\ufffd'] } });
  expect(await agent.agent.sessions.update(made.id, { title: half })).toMatchObject({ title: '\ufffd' });
  expect(JSON.stringify(await agent.events())).not.toMatch(/\\ud[89a-f]/i);
});

it('blank text of a model is not sent back', async () => {
  const { reply, refusals } = strictly([
    calls('list_directory', {}, ' \n '),
    says('done'),
    says('\n'),
    says('again'),
  ]);
  const server = await startModelServer(reply);
  const agent = await startAgent({
    permissionMode: 'full',
    models: ['anthropic/claude-test'],
    environment: { ANTHROPIC_API_KEY: 'k', ANTHROPIC_BASE_URL: `${server.url}/v1` },
  });
  const { sessionId } = await agent.prompt('one');
  await expect(agent.prompt('two', {}, sessionId)).rejects.toMatchObject({ code: 'model_bad_response' });
  expect((await agent.prompt('three', {}, sessionId)).response).toBe('again');
  expect(refusals).toEqual([]);
});

test.each([' ', '\n\t', '\u00a0\u2003\u3000', '\u200b\u2060\ufeff', '\u2800\u3164', '\0'])(
  'the blank prompt %j is refused, naming the field',
  async (prompt) => {
    expect(isBlank(prompt)).toBe(true);
    const agent = await startAgent();
    await expect(agent.prompt(prompt)).rejects.toMatchObject({
      code: 'validation_failed',
      status: 422,
      errors: [{ pointer: '/prompt' }],
    });
    expect((await agent.agent.sessions.list({ limit: 1 })).items).toEqual([]);
  },
);

describe('truncation', () => {
  const text = `a${family}b😀cé`;
  it.each(Array.from({ length: text.length + 1 }, (_, n) => n))('at %i does not split characters', (at) => {
    const [head, tail] = [cutHead(text, at), cutTail(text, at)];
    expect(head.length).toBeLessThanOrEqual(at);
    expect(tail.length).toBeLessThanOrEqual(at);
    const ends = ['', 'a', `a${family}`, `a${family}b`, `a${family}b😀`, `a${family}b😀c`, text];
    expect(ends).toContain(head);
    expect(ends.map((start) => text.slice(start.length))).toContain(tail);
    expect(shorten(text, Math.max(at, 1)).isWellFormed()).toBe(true);
  });

  it('of bytes drops partial characters at both ends', () => {
    const bytes = Buffer.from('é€😀');
    for (let start = 0; start <= bytes.length; start++)
      for (let end = start; end <= bytes.length; end++)
        expect('é€😀').toContain(decodeCut(bytes.subarray(start, end)));
  });

  it('of titles does not split characters', async () => {
    const agent = await startAgent();
    for (let n = 50; n <= 62; n++) {
      const { sessionId } = await agent.prompt(`help ${'x'.repeat(n - 5)}${family.repeat(10)}`);
      const title = (await agent.agent.sessions.get(sessionId))?.title ?? '';
      expect(title).toMatch(/^help x+(👨‍👩‍👧)*…$/u);
      expect([...title].length).toBeLessThanOrEqual(60);
    }
  });
});
