// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of the configuration are written this way

import { mkdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { parseMcpServers } from '../../src/agent/mcp/mcp-config.ts';
import { TEST_LIMIT_MS } from '../wait-for.ts';
import { type McpHttpServer, startMcpHttpServer, startMuteServer } from './mcp-http-server.ts';
import {
  childrenOf,
  everything,
  filesystemEntry,
  membersOf,
  misbehaving,
  startEverythingHttp,
  startMcp,
} from './mcp-start.ts';

const ended = { code: 'tool_failed' };

/** How many calls the server was told to cancel. */
const cancelledIn = ({ heard }: McpHttpServer): number =>
  heard.filter((what) => what.endsWith('/cancelled')).length;

describe('the configuration', () => {
  test('accepts programs and URLs, with defaults', () => {
    expect(
      parseMcpServers(
        {
          files: { command: 'npx', args: ['-y', '${PACKAGE:-files}'], env: { KEY: '${SECRET}' }, cwd: 'sub' },
          web: { type: 'http', url: 'https://${HOST}/mcp', headers: { Authorization: 'Bearer ${SECRET}' } },
          bare: { url: 'http://127.0.0.1:1/mcp', timeoutMs: 5, startTimeoutMs: 6, trust: false },
        },
        { SECRET: 's3cret', HOST: 'example.com', PACKAGE: '' },
      ),
    ).toEqual([
      {
        name: 'files',
        kind: 'stdio',
        command: 'npx',
        args: ['-y', 'files'],
        env: { KEY: 's3cret' },
        cwd: 'sub',
        disabled: false,
        timeoutMs: 60_000,
        startTimeoutMs: 30_000,
        trust: true,
      },
      {
        name: 'web',
        kind: 'http',
        url: 'https://example.com/mcp',
        headers: { Authorization: 'Bearer s3cret' },
        disabled: false,
        timeoutMs: 60_000,
        startTimeoutMs: 30_000,
        trust: false,
      },
      {
        name: 'bare',
        kind: 'http',
        url: 'http://127.0.0.1:1/mcp',
        headers: {},
        disabled: false,
        timeoutMs: 5,
        startTimeoutMs: 6,
        trust: false,
      },
    ]);
    expect(parseMcpServers(undefined, {})).toEqual([]);
    expect(parseMcpServers({ a: { type: 'stdio', command: 'x' } }, {})).toMatchObject([{ kind: 'stdio' }]);
    expect(parseMcpServers({ a: { type: 'streamable-http', url: 'http://x' } }, {})).toMatchObject([
      { kind: 'http' },
    ]);
  });

  test('does not need the variables of a disabled server', () => {
    expect(
      parseMcpServers({ off: { url: 'https://${HOST}/', headers: { A: '${B}' }, disabled: true } }, {}),
    ).toMatchObject([{ disabled: true, url: 'https://${HOST}/', headers: { A: '${B}' } }]);
  });

  test.each<[string, unknown, string]>([
    ['a list', [], 'mcpServers must be an object'],
    ['a name with a space', { 'a b': {} }, 'mcpServers.a b: a name must be'],
    ['a name with __', { a__b: {} }, 'mcpServers.a__b: a name must be'],
    ['a name that ends in _', { a_: {} }, 'mcpServers.a_: a name must be'],
    ['a name that is too long', { ['a'.repeat(65)]: {} }, 'a name must be'],
    ['an empty name', { '': {} }, 'a name must be'],
    ['a server that is a string', { a: 'npx' }, 'mcpServers.a must be an object'],
    ['neither command nor url', { a: {} }, 'mcpServers.a must have a command'],
    ['both', { a: { command: 'x', url: 'http://x' } }, 'mcpServers.a must have a command or a url, not both'],
    [
      'sse',
      { a: { type: 'sse', url: 'http://x' } },
      'mcpServers.a.type must not be "sse": that transport is',
    ],
    ['another type', { a: { type: 'ws', url: 'http://x' } }, 'mcpServers.a.type must be "stdio" or "http"'],
    ['a field of nobody', { a: { command: 'x', timeout: 5 } }, 'mcpServers.a.timeout is not known'],
    ['a field of the other kind', { a: { url: 'http://x', args: [] } }, 'mcpServers.a.args is not known'],
    ['no command', { a: { type: 'stdio' } }, 'mcpServers.a.command must be'],
    ['an empty command', { a: { command: ' ' } }, 'mcpServers.a.command must be'],
    ['a command with NUL', { a: { command: 'a\0b' } }, 'mcpServers.a.command must be'],
    ['a command that is a list', { a: { command: ['x'] } }, 'mcpServers.a.command must be'],
    ['args that are a string', { a: { command: 'x', args: '-v' } }, 'mcpServers.a.args must be an array'],
    [
      'an arg that is a number',
      { a: { command: 'x', args: ['-v', 1] } },
      'mcpServers.a.args[1] must be a string',
    ],
    ['an arg with NUL', { a: { command: 'x', args: ['\0'] } }, 'mcpServers.a.args[0] must be a string'],
    ['env that is a list', { a: { command: 'x', env: [] } }, 'mcpServers.a.env must be an object'],
    [
      'an env that is a number',
      { a: { command: 'x', env: { N: 1 } } },
      'mcpServers.a.env.N must be a string',
    ],
    [
      'a variable with =',
      { a: { command: 'x', env: { 'A=B': '' } } },
      'mcpServers.a.env must not have a variable',
    ],
    ['a cwd that is a number', { a: { command: 'x', cwd: 1 } }, 'mcpServers.a.cwd must be the path'],
    ['an empty cwd', { a: { command: 'x', cwd: '' } }, 'mcpServers.a.cwd must be the path'],
    ['no url', { a: { type: 'http' } }, 'mcpServers.a.url must be'],
    ['a url that is none', { a: { url: 'example' } }, 'mcpServers.a.url must be'],
    ['another scheme', { a: { url: 'file:///etc/passwd' } }, 'mcpServers.a.url must be'],
    [
      'a url with a password',
      { a: { url: 'http://me:secret@x/' } },
      'mcpServers.a.url must not contain a user',
    ],
    [
      'headers that are a list',
      { a: { url: 'http://x', headers: [] } },
      'mcpServers.a.headers must be an object',
    ],
    [
      'a header that is true',
      { a: { url: 'http://x', headers: { A: true } } },
      'mcpServers.a.headers.A must be',
    ],
    [
      'a header with a colon',
      { a: { url: 'http://x', headers: { 'A:': 'b' } } },
      'must not have a header named "A:"',
    ],
    [
      'a header with a new line',
      { a: { url: 'http://x', headers: { A: 'b\r\nC: d' } } },
      'a.headers.A must not contain',
    ],
    ['disabled: 1', { a: { command: 'x', disabled: 1 } }, 'mcpServers.a.disabled must be true or false'],
    ['trust: "yes"', { a: { command: 'x', trust: 'yes' } }, 'mcpServers.a.trust must be true or false'],
    ['no time', { a: { command: 'x', timeoutMs: 0 } }, 'mcpServers.a.timeoutMs must be a whole number'],
    ['half a millisecond', { a: { command: 'x', timeoutMs: 0.5 } }, 'mcpServers.a.timeoutMs must be a whole'],
    [
      'much time',
      { a: { command: 'x', startTimeoutMs: 1e9 } },
      'mcpServers.a.startTimeoutMs must be a whole',
    ],
    [
      'a missing variable',
      { a: { command: 'x', args: ['${NOPE}'] } },
      'a.args[0]: the variable NOPE is not set',
    ],
    ['one in env', { a: { command: 'x', env: { K: '${NOPE}' } } }, 'a.env.K: the variable NOPE is not set'],
    [
      'one in a header',
      { a: { url: 'http://x', headers: { K: '${NOPE}' } } },
      'a.headers.K: the variable NOPE',
    ],
    ['one in a url', { a: { url: 'http://${NOPE}' } }, 'mcpServers.a.url: the variable NOPE is not set'],
  ])('is refused clearly: %s', (_what, value, message) => {
    expect(() => parseMcpServers(value, {})).toThrow(message);
  });

  test('is refused without showing secrets', () => {
    const secret = { KEY: 'sk-123\n' };
    expect(() => parseMcpServers({ a: { url: 'http://x', headers: { A: '${KEY}' } } }, secret)).toThrow(
      /^(?!.*sk-123)/s,
    );
  });
});

describe('real servers', () => {
  test('start at their first use, and their tools are named by server', async () => {
    const { mcp, names, troubles } = startMcp({
      every: everything,
      off: { ...everything, disabled: true },
    });
    expect(mcp.describe()).toEqual([
      { name: 'every', kind: 'stdio', state: 'not started', tools: 0, lastError: null, stderr: null },
      { name: 'off', kind: 'stdio', state: 'disabled', tools: 0, lastError: null, stderr: null },
    ]);
    const listing = mcp.list();
    expect(mcp.describe()[0]?.state).toBe('starting');
    const tools = await listing;
    expect(tools.find(({ name }) => name === 'every__get-sum')).toEqual({
      name: 'every__get-sum',
      description: expect.stringContaining('sum'),
      inputSchema: expect.objectContaining({ type: 'object', required: ['a', 'b'] }),
      readOnly: true,
    });
    expect(tools.find(({ name }) => name === 'every__gzip-file-as-resource')?.readOnly).toBe(false);
    expect(tools.every(({ name }) => name.startsWith('every__'))).toBe(true);
    expect(await names()).toEqual(tools.map(({ name }) => name));
    expect(mcp.describe()[0]).toMatchObject({ state: 'running', tools: tools.length });
    expect(troubles).toEqual([]);
  });

  test('return text, structured content, and a line for everything else', async () => {
    const { call } = startMcp({ every: everything });
    expect(await call('every__get-sum', { a: 2, b: 3 })).toEqual({ content: 'The sum of 2 and 3 is 5.' });
    expect(await call('every__get-structured-content', { location: 'Chicago' })).toEqual({
      content: expect.stringContaining('Light rain'),
      structured: { temperature: 36, conditions: 'Light rain / drizzle', humidity: 82 },
    });
    expect(await call('every__get-annotated-message', { messageType: 'error', includeImage: true })).toEqual({
      content: 'Error: Operation failed\n[image: image/png, 4033 bytes]',
    });
    const { content: links } = await call('every__get-resource-links', { count: 1 });
    expect(links).toMatch(/\n\[link: demo:\/\/resource\/dynamic\/blob\/1, Blob Resource 1, .*\]$/);
    const { content: textual } = await call('every__get-resource-reference', { resourceType: 'Text' });
    expect(textual).toMatch(/\n\[resource: demo:.*, text\/plain\]\nResource 1: This is a plaintext resource/);
    const { content: binary } = await call('every__get-resource-reference', { resourceType: 'Blob' });
    expect(binary).toMatch(/\n\[resource: demo:.*, text\/plain, \d+ bytes\]\n/);
  });

  test('report wrong parameters and unknown tools clearly', async () => {
    const { call, mcp } = startMcp({ every: everything, off: { ...everything, disabled: true } });
    await expect(call('every__get-sum', { a: 'two' })).rejects.toMatchObject({
      code: 'tool_failed',
      message: expect.stringContaining('expected number'),
    });
    await expect(call('every__nope')).rejects.toMatchObject({
      code: 'tool_not_found',
      message: expect.stringContaining('every__get-sum'),
    });
    await expect(call('other__nope')).rejects.toMatchObject({ code: 'tool_not_found' });
    await expect(call('bash')).rejects.toMatchObject({ code: 'tool_not_found' });
    await expect(call('off__echo')).rejects.toMatchObject({
      code: 'tool_not_found',
      message: expect.stringContaining('disabled'),
    });
    expect(
      ['every__anything', 'off__x', 'bash', 'every__', '__x', 'other__x', 'ever__y'].map(mcp.has),
    ).toEqual([true, true, false, false, false, false, false]);
  });

  test('start only if a call needs them', async () => {
    const { call, mcp } = startMcp({ one: everything, two: everything });
    await call('two__echo', { message: 'hi' });
    expect(mcp.describe().map(({ state }) => state)).toEqual(['not started', 'running']);
  });

  test('get the given environment and their own variables', async () => {
    const { call } = startMcp(
      { every: { ...everything, env: { OWN: 'mine', LANG: 'over' } } },
      { environment: { PATH: String(process.env.PATH), LANG: 'C' } },
    );
    expect(JSON.parse((await call('every__get-env')).content)).toEqual({
      PATH: process.env.PATH,
      LANG: 'over',
      OWN: 'mine',
      CODEBUDDY_CALL: expect.stringMatching(/^[0-9a-f]{32}$/),
    });
  });

  test('read and write files in their folder only', async () => {
    const { call, folder } = startMcp({
      files: { command: process.execPath, args: [filesystemEntry, '.'], cwd: 'sub/..' },
    });
    mkdirSync(join(folder, 'sub'));
    const path = join(realpathSync(folder), 'note.txt');
    await call('files__write_file', { path, content: 'grüße' });
    expect(readFileSync(path, 'utf8')).toBe('grüße');
    expect(await call('files__read_text_file', { path })).toMatchObject({ content: 'grüße' });
    await expect(call('files__read_text_file', { path: '/etc/passwd' })).rejects.toMatchObject({
      code: 'tool_failed',
      message: expect.stringContaining('outside allowed directories'),
    });
  });

  test('over HTTP have tools and calls, and are told when the client closes', async () => {
    const { url } = await startEverythingHttp();
    const { call, names, mcp } = startMcp({ web: { type: 'http', url } });
    expect(await names()).toContain('web__echo');
    expect(await call('web__echo', { message: 'hi' })).toEqual({ content: 'Echo: hi' });
    expect(mcp.describe()).toMatchObject([{ kind: 'http', state: 'running' }]);
    await mcp.close();
  });

  test('over HTTP fail the call under way when they stop, and are found again', async () => {
    let nowMs = 0;
    const web = await startEverythingHttp();
    const { call, troubles, mcp } = startMcp({ web: { url: web.url } }, { now: () => nowMs });
    await call('web__echo', { message: 'hi' });
    const long = call('web__trigger-long-running-operation', { duration: 60, steps: 1 });
    const failure = expect(long).rejects.toMatchObject(ended);
    await web.stop();
    await failure;
    await expect(call('web__echo', { message: 'hi' })).rejects.toMatchObject({
      message: expect.stringContaining('cannot be reached'),
    });
    expect(troubles.length).toBeGreaterThan(0);
    expect(mcp.describe()).toMatchObject([{ state: 'failed' }]);
    await web.startAgain();
    nowMs += 1000;
    expect(await call('web__echo', { message: 'hi again' })).toEqual({ content: 'Echo: hi again' });
  });
});

describe('calls that take long', () => {
  test('end by timeout, even if the server reports progress', async () => {
    const { call, folder, mcp } = startMcp({
      bad: misbehaving('plain', { timeoutMs: 300, env: { MCP_TEST_LOG: join('log.jsonl') } }),
    });
    await expect(call('bad__hang')).rejects.toMatchObject({
      code: 'tool_failed',
      message: 'The MCP server "bad" did not answer within 0.3 s',
    });
    await expect
      .poll(() => readFileSync(join(folder, 'log.jsonl'), 'utf8'))
      .toContain('notifications/cancelled');
    expect(mcp.describe()).toMatchObject([{ state: 'running', lastError: null }]);
  });

  test('end by an abort, which is sent to the server', async () => {
    const { call, folder } = startMcp({ bad: misbehaving('plain', { env: { MCP_TEST_LOG: 'log.jsonl' } }) });
    const log = (): string => readFileSync(join(folder, 'log.jsonl'), 'utf8');
    await call('bad__pid');
    const abort = new AbortController();
    const hanging = call('bad__hang', {}, abort.signal);
    const failure = expect(hanging).rejects.toMatchObject({ name: 'AbortError' });
    await expect.poll(log).toContain('"hang"');
    abort.abort();
    await failure;
    await expect.poll(log).toContain('notifications/cancelled');
    await expect(call('bad__pid', {}, abort.signal)).rejects.toMatchObject({ name: 'AbortError' });
  });

  test('end by an abort while the server starts', async () => {
    const { call, mcp } = startMcp({ bad: misbehaving('silent') });
    const abort = new AbortController();
    const waiting = [call('bad__x', {}, abort.signal), mcp.list(abort.signal)];
    await expect.poll(() => mcp.describe()[0]?.state).toBe('starting');
    abort.abort();
    for (const result of await Promise.allSettled(waiting)) {
      expect(result).toMatchObject({ status: 'rejected', reason: { name: 'AbortError' } });
    }
  });
});

describe('results', () => {
  test('of long text keep head and tail, and split no character', async () => {
    const { call } = startMcp({ bad: misbehaving('plain') }, { maxResultBytes: 1000 });
    const { content, truncated } = await call('bad__big', { characters: 10_000 });
    expect(truncated).toBe(true);
    expect(content).toMatch(/^€+\n\[… \d+ bytes left out …\]\n€+$/);
    expect(Buffer.byteLength(content)).toBeLessThan(1050);
    expect(await call('bad__big', { characters: 333 })).toEqual({ content: '€'.repeat(333) });
  });

  test('keep structured content if it is not too long', async () => {
    const { call } = startMcp({ bad: misbehaving('plain') }, { maxResultBytes: 1000 });
    expect(await call('bad__structured', { characters: 400 })).toEqual({
      content: 'see there',
      structured: { filler: 'x'.repeat(400) },
    });
    expect(await call('bad__structured', { characters: 600 })).toEqual({
      content: 'see there',
      truncated: true,
    });
  });

  test('contain the error message of the server', async () => {
    const { call } = startMcp({ bad: misbehaving('plain') });
    await expect(call('bad__wordless')).rejects.toMatchObject({
      message: 'bad__wordless failed without a message.',
    });
    await expect(call('bad__refuse')).rejects.toMatchObject({
      code: 'tool_failed',
      message: 'The MCP server "bad" answered with an error: not with these parameters',
    });
  });
});

describe('tool lists', () => {
  test('are read page by page', async () => {
    const { names } = startMcp({ p: misbehaving('paged') });
    expect(await names()).toEqual(['p__page-0', 'p__page-1', 'p__page-2']);
  });

  test('are given up if they never end', async () => {
    const { names, troubles } = startMcp({ p: misbehaving('endless-pages') });
    expect(await names()).toEqual([]);
    expect(troubles).toEqual([expect.stringContaining('listMaxPages')]);
  });

  test('are read again after a change, which is reported once', async () => {
    const { call, names, changes } = startMcp({ bad: misbehaving('plain') });
    expect(await names()).not.toContain('bad__grown-10');
    expect(changes.count).toBe(0);
    await call('bad__grow');
    expect(changes.count).toBe(1);
    expect(await names()).toContain('bad__grown-10');
    await call('bad__grow');
    // Checked by the call itself.
    expect((await call('bad__grown-11')).content).toMatch(/^grown-11/);
    expect(changes.count).toBe(2);
  });

  test('map names that models refuse to valid names, always the same', async () => {
    const long = 'l'.repeat(64);
    const servers = { s: misbehaving('names'), [long]: misbehaving('names') };
    const { names, call, mcp } = startMcp(servers);
    const all = await names();
    expect(all.length).toBe(16);
    expect(new Set(all).size).toBe(16);
    for (const name of all) expect(name).toMatch(/^[A-Za-z0-9_-]{1,64}$/);
    expect(all.slice(0, 2)).toEqual(['s__plain', expect.stringMatching(/^s__with_space-[0-9a-f]{8}$/)]);
    expect(all).toContain('s___leading');
    expect(all.every((name) => mcp.has(name))).toBe(true);
    expect((await call(all[1] as string)).content).toMatch(/^with space \d+$/);
    expect((await call(all[15] as string)).content).toMatch(/^x{100}y \d+$/);
    expect(await startMcp(servers).names()).toEqual(all);
  });

  test('ignore the read-only hint of an untrusted server', async () => {
    const { mcp } = startMcp({ yes: misbehaving('plain'), no: misbehaving('plain', { trust: false }) });
    const reading = (await mcp.list()).filter(({ readOnly }) => readOnly).map(({ name }) => name);
    expect(reading).toEqual(['yes__pid']);
  });

  test('shorten long descriptions, and omit tools that only run as tasks', async () => {
    const { mcp } = startMcp({ bad: misbehaving('talkative') });
    const tools = await mcp.list();
    expect(tools.map(({ name }) => name)).not.toContain('bad__deep');
    expect(Math.max(...tools.map(({ description }) => description.length))).toBeLessThan(9000);
  });

  test('of a server that speaks only MCP 2026-07-28 are read', async () => {
    const { call, names } = startMcp({ new: misbehaving('modern') });
    expect(await names()).toContain('new__pid');
    expect((await call('new__pid')).content).toMatch(/^pid \d+$/);
  });
});

describe('a misbehaving server', () => {
  const start = { startTimeoutMs: 500 };
  test.each<[string, object, RegExp]>([
    [
      'exits at once',
      misbehaving('exit'),
      /^bad: exited with code 3; its stderr .*:\ncannot find my database$/s,
    ],
    ['never answers', misbehaving('silent', start), /^bad: was not ready within 0.5 s$/],
    [
      'writes much to stderr',
      misbehaving('noisy'),
      /^bad: exited with code 1; (?=.{3500,4200}$).*the last words$/s,
    ],
    ['writes no JSON-RPC', misbehaving('garbage'), /^bad: wrote more than 1 MiB .*: "this is no JSON-RPC"$/],
    ['writes a line without end', misbehaving('endless-line'), /^bad: wrote a line of more than 10 MiB/],
    ['closes its stdout', misbehaving('no-stdout'), /^bad: closed its stdout$/],
    ['does not exist', { command: 'no-such-program' }, /^bad: could not be started: program "no-such/],
    [
      'has no folder',
      misbehaving('plain', { cwd: 'nope' }),
      /^bad: could not be started: folder .*nope" not found/,
    ],
    ['may not be run', { command: '/dev/null' }, /^bad: could not be started: .*EACCES/],
    ['is not there', { url: 'http://127.0.0.1:2/mcp' }, /^bad: cannot be reached: /],
  ])('that %s is left out, and others are not', async (_what, config, trouble) => {
    const { mcp, names, troubles, call } = startMcp(
      { bad: config, good: misbehaving('plain') },
      { now: () => 0 },
    );
    expect(await names()).toContain('good__pid');
    expect(await names()).not.toContain('bad__pid');
    expect(troubles).toEqual([expect.stringMatching(trouble)]);
    expect(mcp.describe()[0]).toMatchObject({ state: 'failed', tools: 0, lastError: troubles[0]?.slice(5) });
    await expect(call('bad__pid')).rejects.toMatchObject({
      code: 'tool_failed',
      message: expect.stringContaining('the next attempt is in 1 s'),
    });
    expect(mcp.describe()[1]).toMatchObject({ state: 'running', lastError: null });
  });

  test('that greets on its standard output works', async () => {
    const { names } = startMcp({ bad: misbehaving('greeting') });
    expect(await names()).toContain('bad__pid');
  });

  test('that fails is started again after 1 s, 2 s, … 60 s', async () => {
    let nowMs = 0;
    const { names, troubles, folder } = startMcp(
      { bad: { command: './server', args: ['plain'] } },
      { now: () => nowMs },
    );
    await names();
    for (const waitMs of [1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]) {
      const failures = troubles.length;
      nowMs += waitMs - 1;
      await names();
      expect(troubles.length).toBe(failures);
      nowMs += 1;
      await names();
      expect(troubles.length).toBe(failures + 1);
    }
    const { command, args } = misbehaving('plain');
    writeFileSync(join(folder, 'server'), `#!/bin/sh\nexec ${command} ${args.join(' ')}\n`, { mode: 0o755 });
    nowMs += 60_000;
    expect(await names()).toContain('bad__pid');
  });

  test('that dies fails the call under way, and is started for the next', async () => {
    const { call, troubles, mcp } = startMcp({ bad: misbehaving('plain') });
    const before = await call('bad__pid');
    const hanging = expect(call('bad__hang')).rejects.toMatchObject(ended);
    await expect(call('bad__die')).rejects.toMatchObject({
      code: 'tool_failed',
      message: 'The MCP server "bad" exited with code 7; its stderr ends with:\ndying as asked',
    });
    await hanging;
    expect(troubles).toEqual([expect.stringContaining('exited with code 7')]);
    expect(mcp.describe()).toMatchObject([{ state: 'failed', lastError: expect.stringContaining('code 7') }]);
    const after = await call('bad__pid');
    expect(after.content).not.toBe(before.content);
    expect(mcp.describe()).toMatchObject([{ state: 'running', lastError: null }]);
  });

  test('that dies while idle is started for the next list', async () => {
    const { call, names, troubles, mcp } = startMcp({ bad: misbehaving('plain') });
    const [, pid] = (await call('bad__pid')).content.split(' ');
    process.kill(Number(pid), 'SIGKILL');
    await expect.poll(() => troubles).toEqual(['bad: was ended by SIGKILL']);
    expect(mcp.describe()).toMatchObject([{ state: 'failed', tools: 0 }]);
    expect(await names()).toContain('bad__pid');
  });

  test('that keeps dying without an answer is started only after a pause', async () => {
    const { call } = startMcp({ bad: misbehaving('plain') }, { now: () => 0 });
    await expect(call('bad__die')).rejects.toMatchObject({ message: expect.stringContaining('exited with') });
    await expect(call('bad__die')).rejects.toMatchObject({
      message: expect.stringContaining('next attempt is in 1 s'),
    });
  });
});

describe('servers with a URL', () => {
  test('receive the configured headers and the client’s name', async () => {
    const server = await startMcpHttpServer();
    const { call } = startMcp({ web: { url: server.url, headers: { Authorization: 'Bearer abc' } } });
    expect(await call('web__echo')).toEqual({ content: 'session-1' });
    expect(server.headers.every(({ authorization }) => authorization === 'Bearer abc')).toBe(true);
  });

  test('that lose the session get a new one', async () => {
    const server = await startMcpHttpServer();
    const { call } = startMcp({ web: { url: server.url } });
    expect(await call('web__echo')).toEqual({ content: 'session-1' });
    server.forgetSessions();
    expect(await call('web__echo')).toEqual({ content: 'session-2' });
  });

  test('that cut off an answer fail the call', async () => {
    const server = await startMcpHttpServer();
    const { call } = startMcp({ web: { url: server.url } });
    await expect(call('web__cut')).rejects.toMatchObject({
      code: 'tool_failed',
      message: 'The MCP server "web" closed the connection before it answered',
    });
  });

  test('that never answer are timed out, and hold no connection open', async () => {
    const server = await startMcpHttpServer();
    const { call } = startMcp({ web: { url: server.url, timeoutMs: 200 } });
    for (const tool of ['web__hang', 'web__hang-silently']) {
      await expect(call(tool)).rejects.toMatchObject({
        message: expect.stringContaining('did not answer within'),
      });
    }
    await expect.poll(() => [cancelledIn(server), server.open.size]).toEqual([2, 0]);
  });

  test('that never answer hold no connection open after an abort', async () => {
    const server = await startMcpHttpServer();
    const { call } = startMcp({ web: { url: server.url } });
    const abort = new AbortController();
    const hanging = expect(call('web__hang', {}, abort.signal)).rejects.toMatchObject({ name: 'AbortError' });
    await expect.poll(() => server.open.size).toBe(1);
    abort.abort();
    await hanging;
    await expect.poll(() => [cancelledIn(server), server.open.size]).toEqual([1, 0]);
  });

  test('that accept connections and stay silent are given up', async () => {
    const { names, troubles } = startMcp({ web: { url: await startMuteServer(), startTimeoutMs: 200 } });
    expect(await names()).toEqual([]);
    expect(troubles).toEqual(['web: was not ready within 0.2 s']);
  });

  test('that answer with an error are quoted', async () => {
    const server = await startMcpHttpServer();
    const { call } = startMcp({ web: { url: server.url } });
    await expect(call('web__break')).rejects.toMatchObject({
      code: 'tool_failed',
      message: 'The MCP server "web" answered with status 500: out of order',
    });
  });

  test('cannot redirect requests and their headers', async () => {
    const elsewhere = await startMcpHttpServer();
    const server = await startMcpHttpServer(elsewhere.url);
    const { names, troubles } = startMcp({
      web: { url: server.url.replace('/mcp', '/redirect'), headers: { Authorization: 'secret' } },
    });
    expect(await names()).toEqual([]);
    expect(troubles).toEqual([expect.stringContaining('not followed')]);
    expect(elsewhere.heard).toEqual([]);
  });

  test('are told when the client closes', async () => {
    const server = await startMcpHttpServer();
    const { mcp, names } = startMcp({ web: { url: server.url } });
    await names();
    // However slow the machine is, closing waits for the server's answer.
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    await mcp.close();
    expect(server.heard.at(-1)).toBe('DELETE');
  });
});

describe('closing', () => {
  test.each(['plain', 'stubborn'])('leaves neither a server nor its child processes: %s', async (mode) => {
    const { mcp, call } = startMcp({ bad: misbehaving(mode) });
    const [leader = 0, child = 0] = JSON.parse((await call('bad__family')).content) as number[];
    expect(membersOf(leader)).toEqual(expect.arrayContaining([leader, child]));
    await mcp.close();
    await expect.poll(() => membersOf(leader)).toEqual([]);
  });

  test('is not needed to end the child processes of a server that died', async () => {
    const { call } = startMcp({ bad: misbehaving('plain') });
    const [leader = 0, child = 0] = JSON.parse((await call('bad__family')).content) as number[];
    expect(membersOf(leader)).toContain(child);
    await expect(call('bad__die')).rejects.toMatchObject(ended);
    await expect.poll(() => membersOf(leader)).toEqual([]);
  });

  test('ends real servers as well', async () => {
    const { mcp, names } = startMcp({
      every: everything,
      files: { command: process.execPath, args: [filesystemEntry, '.'] },
    });
    const ours = (): readonly number[] => childrenOf(process.pid);
    const before = ours();
    await names();
    const started = ours().filter((pid) => !before.includes(pid));
    expect(started.length).toBe(2);
    await mcp.close();
    for (const pid of started) await expect.poll(() => membersOf(pid)).toEqual([]);
  });

  test('waits neither for servers that start nor for calls', async () => {
    // Waiting for either would take longer than a test may.
    const slow = { startTimeoutMs: 2 * TEST_LIMIT_MS, timeoutMs: 2 * TEST_LIMIT_MS };
    const { mcp, call } = startMcp({
      silent: misbehaving('silent', slow),
      bad: misbehaving('plain', slow),
    });
    await call('bad__pid');
    const hanging = expect(call('bad__hang')).rejects.toMatchObject({ code: 'shutting_down' });
    const listing = mcp.list();
    await expect.poll(() => mcp.describe()[0]?.state).toBe('starting');
    await mcp.close();
    await hanging;
    expect((await listing).some(({ name }) => name.startsWith('silent'))).toBe(false);
    await expect(call('bad__pid')).rejects.toMatchObject({ code: 'shutting_down' });
    expect(await mcp.list()).toEqual([]);
    await mcp.close();
  });
});
