// Tool calls with the mistakes that models make: small ones are corrected or reported, and none ends a run.

import { join } from 'node:path';
import { describe, expect, it, test } from 'vitest';
import { coerceParams } from '../../src/agent/tools/coerce-params.ts';
import type { CodeBuddyError } from '../../src/base/errors.ts';
import { run, serve, temporaryFolder } from '../cli/run-cli.ts';
import { startApp } from '../http/start-app.ts';
import { misbehaving, startMcp } from './mcp-start.ts';
import { calls, says, startModelAgent } from './start-model-agent.ts';

describe('parameters with one possible meaning are accepted', () => {
  const number = { type: 'object', properties: { n: { type: 'number' } } };
  const list = { type: 'object', properties: { l: { type: 'array', items: { type: 'integer' } } } };
  it.each([
    ['a number in quotes', number, { n: '5000' }, { n: 5000 }],
    ['a negative exponent', number, { n: ' -1.5e-3 ' }, { n: -0.0015 }],
    ['no number: leading zeros', number, { n: '007' }, { n: '007' }],
    ['no number: hexadecimal', number, { n: '0x10' }, { n: '0x10' }],
    ['no number: too large', number, { n: '1e999' }, { n: '1e999' }],
    ['no number: empty', number, { n: '' }, { n: '' }],
    ['null for an optional parameter', number, { n: null }, {}],
    ['null for a required one', { ...number, required: ['n'] }, { n: null }, { n: null }],
    [
      'null where null is a value',
      { properties: { n: { type: ['number', 'null'] } } },
      { n: null },
      { n: null },
    ],
    ['null in a union', { properties: { n: { anyOf: [{ type: 'null' }] } } }, { n: null }, { n: null }],
    ['a boolean in quotes', { properties: { b: { type: 'boolean' } } }, { b: 'false' }, { b: false }],
    ['a number for a text', { properties: { s: { type: 'string' } } }, { s: 42 }, { s: '42' }],
    ['a list as JSON text', list, { l: '["1", 2]' }, { l: [1, 2] }],
    ['one item for a list', list, { l: 7 }, { l: [7] }],
    ['numbers within a list', list, { l: ['1', 'x'] }, { l: [1, 'x'] }],
    [
      'an object as JSON text, and what is in it',
      {
        properties: { o: { type: 'object', properties: { n: { type: 'integer' }, m: { type: 'string' } } } },
      },
      { o: '{"n": "1", "m": null}' },
      { o: { n: 1 } },
    ],
    ['an unknown parameter', number, { x: '1' }, { x: '1' }],
    ['a union', { properties: { u: { type: ['string', 'number'] } } }, { u: '1' }, { u: '1' }],
    ['a name of Object.prototype', number, { toString: '1' }, { toString: '1' }],
  ])('%s', (_what, schema, given, wanted) => {
    expect(coerceParams(schema, given)).toEqual(wanted);
  });

  it('from the model, over HTTP and on the command line', async () => {
    const { prompt, server, write } = await startModelAgent([
      calls('read_file', { path: 'a.txt', offset: '2', limit: null }),
      says('two'),
    ]);
    write('a.txt', 'one\ntwo\nthree\n');
    expect((await prompt('read it')).response).toBe('two');
    expect(server.requests[1]?.messages.at(-1)?.toolResults[0]?.text).toContain('two');

    const app = await startApp();
    app.write('a.txt', 'one\ntwo\nthree\n');
    const { result } = await app.client.tools.execute('read_file', {
      path: 'a.txt',
      offset: '2',
      limit: '1',
    });
    expect(result).toMatchObject({ content: 'two\n' });

    const home = temporaryFolder();
    await serve(home);
    const write42 = await run(home, ['tools', 'run', 'write_file', 'path=n.txt', 'content=042']);
    expect(write42.stderr).toBe('');
    await run(home, ['tools', 'run', 'write_file', 'path=true', 'content=42']);
    const read = await run(home, ['tools', 'run', 'read_file', 'path=true', 'offset=1', '--json']);
    expect(JSON.parse(read.stdout)).toMatchObject({ content: '42' });
    const other = await run(home, ['tools', 'run', 'read_file', `path=${join('.', 'n.txt')}`, '--json']);
    expect(JSON.parse(other.stdout)).toMatchObject({ content: '042' });
  });
});

describe('a mistake of the model is reported to it', () => {
  it.each([
    ['an extra field', 'read_file', { path: 'a.txt', encoding: 'utf8' }, /encoding/],
    ['a missing field', 'read_file', {}, /path/],
    ['a bad regular expression', 'search', { pattern: '(' }, /./],
    ['no JSON', 'read_file', '{"path": "a.t', /must be a JSON object/],
    ['a list', 'read_file', '[1]', /must be a JSON object/],
    ['an unknown tool', 'open_file', { path: 'a.txt' }, /open_file/],
  ])(
    '%s, repeatedly, does not end a run that continues with a valid call',
    async (_what, tool, args, words) => {
      const slip = calls(tool, args);
      const good = calls('read_file', { path: 'a.txt' });
      const { prompt, server, write } = await startModelAgent([
        ...[slip, slip, slip, slip, good],
        ...[slip, slip, slip, slip],
        says('alpha'),
      ]);
      write('a.txt', 'alpha');
      expect((await prompt('read it')).response).toBe('alpha');
      expect(server.requests[1]?.messages.at(-1)?.toolResults[0]?.text).toMatch(words);
    },
  );

  it('five steps in a row without a valid call end the run with the reason', async () => {
    const { prompt, server } = await startModelAgent(calls('read_file', { file: 'a.txt' }));
    const error = (await prompt('read it').catch((reason: unknown) => reason)) as CodeBuddyError;
    expect(error.code).toBe('model_bad_response');
    expect(error.message).toMatch(/5 steps in a row.*file/);
    expect(server.requests).toHaveLength(5);
  });

  it('a step with one valid call among malformed ones counts as valid', async () => {
    const mixed = {
      kind: 'answer' as const,
      toolCalls: [
        { name: 'read_file', arguments: { file: 'x' } },
        { name: 'list_directory', arguments: {} },
      ],
    };
    const { prompt } = await startModelAgent([...Array.from({ length: 8 }, () => mixed), says('done')]);
    expect((await prompt('go')).response).toBe('done');
  });

  it('a call cut off by the output limit is answered with the advice to use smaller pieces', async () => {
    const { prompt, server } = await startModelAgent([
      { ...calls('write_file', '{"path": "big.txt", "content": "aaaa'), finish: 'length' as const },
      says('smaller, then'),
    ]);
    expect((await prompt('write it')).response).toBe('smaller, then');
    expect(server.requests[1]?.messages.at(-1)?.toolResults[0]?.text).toMatch(/output limit.*smaller pieces/);
  });
});

test('a permission check and a call start only the MCP server that has the tool', async () => {
  const { agent } = await startModelAgent(says('unused'), {
    mcpServers: {
      good: misbehaving('plain'),
      // It never answers; waiting for it would exceed the limit of the test.
      stuck: misbehaving('silent', { startTimeoutMs: 120_000 }),
    },
  });
  expect(await agent.tools.prepare('good__pid', {})).toEqual({
    tool: 'good__pid',
    params: {},
    readOnly: true,
  });
  expect(await agent.tools.execute('good__pid', {}, { signal: new AbortController().signal })).toMatchObject({
    content: expect.stringMatching(/^pid \d+$/),
  });
  expect(agent.mcp.describe().map(({ name, state }) => [name, state])).toEqual([
    ['good', 'running'],
    ['stuck', 'not started'],
  ]);
});

test('an MCP server that is not ready in time delays only the first run', async () => {
  let clock = 0;
  const { mcp } = startMcp(
    { good: misbehaving('plain'), stuck: misbehaving('silent', { startTimeoutMs: 500 }) },
    { now: () => clock },
  );
  const names = async () => (await mcp.list()).map(({ name }) => name);
  const first = await names();
  expect(first).toContain('good__pid');
  expect(mcp.describe()[1]).toMatchObject({ name: 'stuck', state: 'failed' });
  // After the delay it is started again, and the list does not wait for it.
  clock += 3_600_000;
  expect(await names()).toEqual(first);
  expect(mcp.describe()[1]).toMatchObject({ name: 'stuck', state: 'starting' });
});
