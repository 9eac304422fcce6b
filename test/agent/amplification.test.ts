// Small requests with large results: each result is capped and says so.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { messageAsMarkdown } from '../../src/agent/session-markdown.ts';
import { SseParser } from '../../src/client/sse-parser.ts';
import { startAgent } from './start-agent.ts';
import { says, startModelAgent } from './start-model-agent.ts';
import { watchTurns } from './watch-turns.ts';

const mebibyte = 1024 * 1024;

describe('the offline agent', () => {
  it('answers 300 KB of unknown lines with a short summary', async () => {
    const { prompt } = await startAgent();
    const { response } = await prompt('bla\n'.repeat(75_000));
    expect(response.length).toBeLessThan(10_000);
    expect(response).toContain('I did not understand "bla".');
    expect(response).toContain('… and 74980 more lines that I did not understand.');
    expect(response.match(/finds lines that contain the text/g)).toHaveLength(1);
  });

  it('answers a single unknown line as before, and `help` once', async () => {
    const { prompt } = await startAgent();
    const { response: help } = await prompt('help\nHELP\nhelp');
    expect((await prompt('nonsense')).response).toBe(`I did not understand "nonsense".\n\n${help}`);
  });

  it('limits an answer to 1 MiB, says how many results are omitted, and keeps them as messages', async () => {
    const { prompt, write, agent } = await startAgent();
    write('big.txt', 'x'.repeat(250_000));
    const { response, sessionId } = await prompt('read big.txt\n'.repeat(8));
    expect(response.length).toBeGreaterThan(mebibyte);
    expect(response.length).toBeLessThan(mebibyte + 1000);
    expect(response).toMatch(/3 more results are left out; the session's messages have them/);
    const { items } = await agent.sessions.messages(sessionId, { limit: 100 });
    expect(items.filter(({ role }) => role === 'tool')).toHaveLength(8);
  });

  it('refuses more than 1000 commands, and runs none', async () => {
    const { prompt, workspace } = await startAgent();
    await expect(prompt(`${'write a.txt: x\n'.repeat(1001)}`)).rejects.toMatchObject({
      code: 'validation_failed',
      errors: [{ pointer: '/prompt', message: expect.stringContaining('1001 commands') }],
    });
    expect(() => readFileSync(join(workspace, 'a.txt'))).toThrow('ENOENT');
  });
});

describe('edit_file', () => {
  it('computes the size of the result first, and changes nothing if it is too large', async () => {
    const { tool, write } = await startAgent();
    const path = write('a.txt', 'a'.repeat(mebibyte));
    await expect(
      tool('edit_file', { path: 'a.txt', oldText: 'a', newText: 'b'.repeat(450), replaceAll: true }),
    ).rejects.toThrow('a.txt would have 471859200 bytes after 1048576 replacements; the limit is 10485760');
    expect(readFileSync(path, 'utf8')).toBe('a'.repeat(mebibyte));
  });

  it('replaces a million occurrences', async () => {
    const { tool, write } = await startAgent();
    const path = write('a.txt', 'ab'.repeat(mebibyte));
    expect(
      await tool('edit_file', { path: 'a.txt', oldText: 'a', newText: 'é', replaceAll: true }),
    ).toMatchObject({ replacements: mebibyte, bytes: 3 * mebibyte });
    expect(readFileSync(path, 'utf8')).toBe('éb'.repeat(mebibyte));
  });

  // `indexOf` takes hours for it.
  it('searches a long text of few letters in linear time', async () => {
    const { tool, write } = await startAgent();
    write('a.txt', 'a'.repeat(10 * mebibyte));
    const oldText = `${'a'.repeat(200_000)}b${'a'.repeat(200_000)}`;
    write('b.txt', `${'a'.repeat(5 * mebibyte)}${oldText}`);
    await expect(tool('edit_file', { path: 'a.txt', oldText, newText: '' })).rejects.toThrow(
      'does not occur',
    );
    expect(await tool('edit_file', { path: 'b.txt', oldText, newText: '' })).toMatchObject({
      replacements: 1,
    });
  });

  it.each([
    ['aaaa', 'aa', 'b', 'bb'],
    ['aabaabaaab', 'aab', 'X', 'XXaX'],
    ['abababab', 'abab', '', ''],
    ['xaxaxb', 'xaxb', 'Y', 'xaY'],
    ['$&', '$', '$$', '$$&'],
  ])('replaces like split and join: %s', async (text, oldText, newText, expected) => {
    const { tool, write } = await startAgent();
    const path = write('a.txt', text);
    await tool('edit_file', { path: 'a.txt', oldText, newText, replaceAll: true });
    expect(readFileSync(path, 'utf8')).toBe(expected);
    expect(text.split(oldText).join(newText)).toBe(expected);
  });
});

it('write_file accepts at most 10 MiB', async () => {
  const { tool } = await startAgent();
  await expect(tool('write_file', { path: 'a.txt', content: 'x'.repeat(10 * mebibyte + 1) })).rejects.toThrow(
    'has 10485761 bytes; the limit is 10485760',
  );
});

it('100 000 unknown parameters cause one short error', async () => {
  const { tool } = await startAgent();
  const params = Object.fromEntries(Array.from({ length: 100_000 }, (_, i) => [`p${i}`, i]));
  const error = await tool('glob', params).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: 'validation_failed' });
  expect(JSON.stringify([error, (error as Error).message]).length).toBeLessThan(1000);
  expect((error as Error).message).toContain('has 100000 parameters; glob takes pattern, path, maxResults');
});

it('errors name a limited number of fields in limited detail', async () => {
  const { log } = await startAgent();
  const data = Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`${i}${'x'.repeat(1000)}`, i]));
  const error = await log
    .append([{ type: 'session.start', data: { title: 'x', ...data } as { title: string } }])
    .catch((thrown: unknown) => thrown);
  const { errors } = error as { errors: { pointer: string }[] };
  expect(errors).toHaveLength(100);
  expect(Math.max(...errors.map(({ pointer }) => pointer.length))).toBeLessThanOrEqual(500);
});

it('the metadata of a session is limited across changes', async () => {
  const { agent } = await startAgent();
  const { id } = await agent.sessions.create({});
  const text = 'x'.repeat(40_000);
  const [first, second] = await Promise.allSettled([
    agent.sessions.update(id, { metadata: { a: text } }),
    agent.sessions.update(id, { metadata: { b: text } }),
  ]);
  expect(first.status).toBe('fulfilled');
  expect(second).toMatchObject({
    status: 'rejected',
    reason: { code: 'validation_failed', errors: [{ pointer: '/metadata' }] },
  });
  // Replaced text makes room.
  await agent.sessions.update(id, { metadata: { a: null, b: text } });
  expect((await agent.sessions.get(id))?.metadata).toEqual({ b: text });
  await expect(agent.sessions.create({ metadata: { a: text, b: text } })).rejects.toMatchObject({
    code: 'validation_failed',
  });
});

it('the Markdown of a message with half a million backticks stays small', () => {
  const content = '` '.repeat(500_000);
  const message = { id: 'msg_1', sessionId: 'ses_1', runId: null, createdAt: '2026-01-01T00:00:00.000Z' };
  const tool = { name: 'bash', params: {}, isError: false };
  const markdown = messageAsMarkdown({ ...message, role: 'tool', content, tool });
  expect(markdown.length).toBeLessThan(content.length + 500);
});

it('a title is the beginning of a long prompt', async () => {
  const { agent, prompt } = await startAgent();
  const { sessionId } = await prompt(`hello ${'x'.repeat(900_000)}`);
  expect((await agent.sessions.get(sessionId))?.title).toBe(`hello ${'x'.repeat(53)}…`);
});

it('an endless answer of a model is cut off, and the run fails', async () => {
  const pieces = Array.from({ length: 90 }, () => 'x'.repeat(100_000));
  const { prompt } = await startModelAgent([says(pieces), says('never asked again')]);
  await expect(prompt('hello')).rejects.toMatchObject({
    code: 'model_bad_response',
    message: expect.stringContaining('answered with more than 8388608 characters'),
  });
});

it('a costly search lets the server answer others, and counts the lines it read in part', async () => {
  const { tool, write } = await startAgent();
  write('a.txt', `${'ab'.repeat(5000)}\n`.repeat(20));
  const pattern = '(?:[^c]{0,100}){1,9}\\b[^a-z]';
  const { result, turns } = await watchTurns(10, () => tool('search', { pattern }));
  expect(result).toMatchObject({ matches: [], filesSearched: 1, linesCut: 20 });
  expect(turns).toBeGreaterThan(10);
});

// Searching the whole line again for each piece takes minutes.
it('the client reads an event of 20 MB that comes in pieces of 1 KB', () => {
  const parser = new SseParser();
  const piece = new TextEncoder().encode('x'.repeat(1024));
  parser.push(new TextEncoder().encode('data: '));
  for (let i = 0; i < 20_000; i++) expect(parser.push(piece)).toEqual([]);
  const [event] = parser.push(new TextEncoder().encode('\n\n'));
  expect(event?.data.length).toBe(20_000 * 1024);
});
