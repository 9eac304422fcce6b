// `codebuddy prompt`: which session it continues, the files that it appends, and the forms of its output.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { says } from '../agent/start-model-agent.ts';
import { serveModel } from './model-home.ts';
import { run, serve, temporaryFolder } from './run-cli.ts';

interface Line {
  readonly type?: string;
  readonly sessionId?: string;
  readonly data?: Readonly<Record<string, unknown>>;
  readonly error?: { readonly code: string; readonly exitCode: number };
}

function linesOf(stdout: string): readonly Line[] {
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);
}

async function sessionOf(home: string, args: readonly string[]): Promise<string> {
  const { stdout, stderr } = await run(home, ['prompt', '--json', ...args]);
  const { sessionId } = JSON.parse(stdout) as { sessionId?: string };
  if (sessionId === undefined) throw new Error(`${stdout}\n${stderr}`);
  return sessionId;
}

describe('the session', () => {
  test('--continue takes the one that was used last', async () => {
    const home = temporaryFolder();
    await serve(home);
    const first = await sessionOf(home, ['help']);
    const second = await sessionOf(home, ['help']);
    expect(await sessionOf(home, ['-c', 'help'])).toBe(second);
    expect(await sessionOf(home, ['--session', first, 'help'])).toBe(first);
    expect(await sessionOf(home, ['--continue', 'help'])).toBe(first);
  });

  test('--continue fails if there is none, and excludes --session', async () => {
    const home = temporaryFolder();
    await serve(home);
    const none = await run(home, ['prompt', '-c', 'help']);
    expect(none.code).toBe(1);
    expect(none.stderr).toContain('There is no session to continue.');
    const both = await run(home, ['prompt', '-c', '--session', 'ses_01M8KV73V93D209RS88YDVZTA8', 'help']);
    expect(both.code).toBe(2);
    expect(both.stderr).toContain('--continue and --session exclude each other.');
  });
});

describe('--file', () => {
  test('appends each file after the words and the piped input', async () => {
    const { home, model } = await serveModel(() => says('ok'));
    const one = join(home, 'one.md');
    const two = join(home, 'two.txt');
    writeFileSync(one, 'A\n```js\ncode\n```\n');
    writeFileSync(two, 'äöü');
    const { code, stderr } = await run(home, ['prompt', '--file', one, '--file', two, 'look'], {
      input: 'piped',
    });
    expect(code, stderr).toBe(0);
    const sent = JSON.stringify(model.requests.at(-1)?.body);
    const expected = `look\n\npiped\n\nFile ${one}:\n\`\`\`\`\nA\n\`\`\`js\ncode\n\`\`\`\n\`\`\`\`\n\nFile ${two}:\n\`\`\`\näöü\n\`\`\``;
    expect(sent).toContain(JSON.stringify(expected).slice(1, -1));
  });

  test('refuses files that are not text or too large, and sends nothing', async () => {
    const home = temporaryFolder();
    const at = (name: string): string => join(home, name);
    mkdirSync(at('folder'));
    writeFileSync(at('binary'), Buffer.from([0x61, 0xff, 0xfe]));
    writeFileSync(at('zero'), 'a\0b');
    writeFileSync(at('half'), 'x'.repeat(600_000));
    writeFileSync(at('huge'), 'x'.repeat(5_000_000));
    const refusals: readonly (readonly [readonly string[], string])[] = [
      [['missing'], 'cannot be read: '],
      [['folder'], 'is a folder, not a file.'],
      [['binary'], 'is neither a text file in UTF-8 nor a PDF or an image.'],
      [['zero'], 'is neither a text file in UTF-8 nor a PDF or an image.'],
      [['huge'], 'is too large: a prompt has 1048576 characters at most.'],
      [['half', 'half'], 'at most 1048576 characters, files included'],
    ];
    for (const [names, words] of refusals) {
      const files = names.flatMap((name) => ['--file', at(name)]);
      // Without a server, the exit code would be 3 if a request were made.
      const { code, stderr } = await run(home, ['prompt', ...files, 'look']);
      expect(stderr).toContain(`--file ${at(names[0] as string)}`);
      expect(stderr).toContain(words);
      expect(code).toBe(2);
    }
  });
});

describe('--output-format', () => {
  test('stream-json prints each event as a line', async () => {
    const { home } = await serveModel(() => ({ ...says(['Hel', 'lo']), reasoning: 'A greeting.' }));
    const { code, stdout, stderr } = await run(home, ['prompt', '--output-format', 'stream-json', 'hi']);
    expect(code, stderr).toBe(0);
    const lines = linesOf(stdout);
    const reasoning = lines.find(({ type }) => type === 'reasoning.delta');
    expect(reasoning?.data?.text).toBe('A greeting.');
    const deltas = lines.filter(({ type }) => type === 'message.delta');
    expect(deltas.map(({ data }) => data?.text).join('')).toBe('Hello');
    expect(lines.at(-1)).toMatchObject({ type: 'run.complete', sessionId: expect.any(String) });
  });

  test('stream-json ends with the error', async () => {
    const { home } = await serveModel(() => ({ kind: 'error', status: 401 }));
    const { code, stdout } = await run(home, ['prompt', '--output-format=stream-json', 'hi']);
    expect(code).toBe(1);
    const lines = linesOf(stdout);
    expect(lines.at(-2)).toMatchObject({ type: 'run.failed' });
    expect(lines.at(-1)?.error).toMatchObject({ exitCode: 1, code: expect.any(String) });
  });

  test('json is the same as --json; text is the default', async () => {
    const home = temporaryFolder();
    await serve(home);
    const json = await run(home, ['prompt', '--output-format', 'json', 'help']);
    expect(JSON.parse(json.stdout)).toMatchObject({ finishReason: 'stop' });
    const text = await run(home, ['prompt', '--output-format', 'text', 'help']);
    expect(text.stdout).toBe((await run(home, ['prompt', 'help'])).stdout);
  });

  test('an error in the arguments has the same form', async () => {
    const home = temporaryFolder();
    const args = ['prompt', '--output-format', 'stream-json', '--max-steps', '0', 'x'];
    const { code, stdout } = await run(home, args);
    expect(code).toBe(2);
    expect(linesOf(stdout)).toEqual([{ error: expect.objectContaining({ code: 'usage' }) }]);
    const both = await run(home, ['prompt', '--json', '--output-format', 'text', 'x']);
    expect(both.stderr).toContain('--json and --output-format text exclude each other.');
    const unknown = await run(home, ['prompt', '--output-format', 'jsn', 'x']);
    expect(unknown.stderr).toContain('did you mean "json"?');
  });
});
