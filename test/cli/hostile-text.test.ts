// Text from elsewhere cannot control or deceive the terminal, in the output of any command: the real program against a
// real server.

import { execFileSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { visible, visibleJson, visibleLine } from '../../src/base/visible-text.ts';
import { freePort } from '../free-port.ts';
import { program } from '../program.ts';
import { run, serve, temporaryFolder } from './run-cli.ts';

// Clears the screen, sets the title, C1 CSI, turns the direction, zero width, line separator, a tag, DEL.
const hostile =
  'A\u001b[2J\u001b]0;x\u0007\u009b31m\u202eevil\u202c\u2066\u200b\u200f\u2028\ufeff\u{e0041}\u007f\u061c\u00adZ';
const shown =
  'A\\x1b[2J\\x1b]0;x\\x07\\x9b31m\\u202eevil\\u202c\\u2066\\u200b\\u200f\\u2028\\ufeff\\u{e0041}\\x7f\\u061c\\xadZ';
const bad = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;

function expectClean(text: string): void {
  const found = bad.exec(text.replaceAll('\n', '').replaceAll('\t', ''));
  expect(
    found === null
      ? null
      : [found[0].codePointAt(0)?.toString(16), text.slice(Math.max(0, found.index - 40), found.index)],
  ).toBeNull();
}

it.each([
  ['a\r\nb', 'a\nb'],
  ['a\rb', 'a\\rb'],
  ['a\tb\n', 'a\tb\n'],
  ['\ud800', '\\ud800'],
  ['👨\u200d👩\u200d👧 ❤\ufe0f 👍🏽', '👨\u200d👩\u200d👧 ❤\ufe0f 👍🏽'],
  ['a\u200db', 'a\\u200db'],
  ['\u3164\u115f\u034f\u{e0100}', '\\u3164\\u115f\\u034f\\u{e0100}'],
  ['grüße 日本語 שלום', 'grüße 日本語 שלום'],
])('%j is shown as %j', (text, wanted) => {
  expect(visible(text)).toBe(wanted);
  expect(JSON.parse(visibleJson(JSON.stringify(text)))).toBe(text);
  expect(visibleLine(`${text}\n\t`)).not.toMatch(/[\n\t]/);
});

it('tables, transcripts, streams and questions escape control characters; --json keeps the value', async () => {
  const home = temporaryFolder();
  const name = `n${[...hostile].filter((char) => char > '\u001f').join('')}.txt`;
  writeFileSync(join(home, name), hostile);
  const server = await serve(home, ['--workspace', home]);
  const cli = async (...args: string[]) => {
    const done = await run(home, args);
    expectClean(done.stdout);
    expectClean(done.stderr);
    return done;
  };

  const answer = await cli('prompt', `read ${name}`);
  expect(answer.stdout).toContain(shown);
  expect(answer.stderr).toContain('\\u202e');
  await cli('prompt', `list`);
  await cli('prompt', `unknown ${hostile}`);

  const key = (
    await run(home, [
      'keys',
      'create',
      'hostile\u202e',
      '--scope',
      'read',
      'prompt',
      'tools',
      'admin',
      '--json',
    ])
  ).stdout;
  expectClean(key);
  expect(JSON.parse(key)).toMatchObject({ name: 'hostile\u202e' });
  expect((await cli('keys', 'list')).stdout).toContain('hostile\\u202e');

  const { sessions } = JSON.parse((await cli('sessions', 'list', '--json')).stdout) as {
    sessions: readonly { readonly id: string }[];
  };
  const id = sessions[0]?.id as string;
  const headers = {
    'X-API-Key': (JSON.parse(key) as { key: string }).key,
    'Content-Type': 'application/json',
  };
  const patched = await fetch(`${server.url}/api/sessions/${id}`, {
    method: 'PATCH',
    headers,
    body: JSON.stringify({ title: `${hostile}\nsecond line` }),
  });
  expect(patched.status).toBe(200);

  const table = (await cli('sessions', 'list')).stdout;
  expect(table).toContain(`${shown} second line`);
  const transcript = (await cli('sessions', 'show', id)).stdout;
  expect(transcript).toContain(`${shown}\\nsecond line`);
  for (const format of ['json', 'markdown']) {
    const { stdout } = await cli('sessions', 'export', id, '--format', format);
    if (format === 'json')
      expect(JSON.stringify(JSON.parse(stdout))).toContain(JSON.stringify(hostile).slice(1, -1));
  }
  await cli('runs', 'list');
  await cli('status');
  await cli('doctor');
  const added = await cli('webhooks', 'add', `http://127.0.0.1:${await freePort()}/x`, '--name', 'w\u202e');
  expect(added.code).toBe(0);
  expect((await cli('webhooks', 'list')).stdout).toContain('\\u202e');
  await cli('deliveries', 'list');
  await cli('tools', 'run', 'list_directory');
  const raw = await cli('tools', 'run', 'read_file', `path=${name}`, '--json');
  expect(JSON.parse(raw.stdout)).toMatchObject({ content: hostile });
  const failed = await cli('tools', 'run', 'read_file', `path=${hostile.replaceAll('\u0000', '')}`);
  expect(failed.code).toBe(1);
  expect(failed.stderr).toContain('\\u202e');
  const usage = await cli('sessions', `--x${hostile}`);
  expect(usage.code).toBe(2);
  expect(usage.stderr).toContain('\\u202e');
});

/** A server that answers like a hostile one. */
async function hostileServer(answers: Readonly<Record<string, unknown>>): Promise<string> {
  const server = createServer((request, response) => {
    const body = answers[request.url?.split('?')[0] ?? ''];
    const isStream = typeof body === 'string';
    response.writeHead(body === undefined ? 500 : 200, {
      'Content-Type': isStream ? 'text/event-stream' : 'application/json',
    });
    response.end(
      isStream
        ? body
        : JSON.stringify(body ?? { code: hostile, title: 'x', detail: `${hostile}\nsecond`, status: 500 }),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const command = `echo ${hostile}; ${'true; '.repeat(100)}rm -rf important`;
const permission = {
  id: 'prm_1',
  runId: 'run_1',
  sessionId: 'ses_1',
  tool: `bash${hostile}`,
  params: { command },
  rule: `bash(${command})`,
  alwaysCovers: `bash: exactly ${hostile}`,
  reason: 'x',
  status: 'pending',
  createdAt: hostile,
  expiresAt: hostile,
};
const event = (type: string, data: unknown): string =>
  `id: 1\nevent: ${type}\ndata: ${JSON.stringify({ id: 'evt_1', sequence: 1, timestamp: '2026-11-29T00:00:00.000Z', type, data })}\n\n`;

it('a permission question shows the whole command, the file and what "always" covers', async () => {
  const home = temporaryFolder();
  const url = await hostileServer({
    '/api/permissions': { permissions: [permission] },
    '/api/tools': { tools: [{ name: hostile, description: hostile, readOnly: true, inputSchema: {} }] },
    '/api/events': event('tool.start', { tool: hostile }),
  });
  const args = ['--url', url, '--api-key', 'cbk_x'];
  for (const words of [
    ['permissions', 'list'],
    ['tools', 'list'],
    ['sessions', 'list'],
  ]) {
    const { stdout, stderr } = await run(home, [...words, ...args]);
    expectClean(stdout);
    expectClean(stderr);
    expect(stdout + stderr).toContain('\\u202e');
    if (words[0] === 'permissions') {
      expect(stdout).toContain('rm -rf important');
      expect(stdout).toContain('exactly A\\x1b[2J');
    }
  }
});

// `script` has other arguments on macOS; the test needs a terminal, not this program.
it.skipIf(process.platform !== 'linux' || !existsSync('/usr/bin/script'))(
  'a terminal receives no escape sequences but the program’s own colours',
  async () => {
    const home = temporaryFolder();
    const server = await serve(home, ['--workspace', home]);
    writeFileSync(join(home, 'x.txt'), hostile);
    expect((await run(home, ['prompt', 'read x.txt'])).code).toBe(0);
    const onTerminal = (line: string): string =>
      execFileSync('/usr/bin/script', ['-qec', `"${process.execPath}" "${program}" ${line}`, '/dev/null'], {
        encoding: 'utf8',
        cwd: home,
        env: {
          ...process.env,
          CODEBUDDY_HOME: home,
          NO_COLOR: '',
          TERM: 'xterm',
          CODEBUDDY_MODEL: 'offline',
        },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
    expect(server.url).toContain('http');
    const list = onTerminal('sessions list');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: our own colours are what is looked for.
    expect(list).toMatch(/\u001b\[2m/);
    const id = /ses_\w+/.exec(list)?.[0] as string;
    const text = onTerminal(`sessions show ${id}`);
    expect(text).toContain(shown);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: our own colours are what is looked for.
    expectClean(text.replace(/\u001b\[\d+m/g, '').replaceAll('\r\n', '\n'));
  },
);
