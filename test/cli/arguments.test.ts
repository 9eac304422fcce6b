// Invalid arguments are refused before any request, in one style and with a suggestion; with --json as one document.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { run, serve, temporaryFolder } from './run-cli.ts';

const run26 = 'run_01M8KV73V93D209RS88YDVZTA8';

interface Refusal {
  readonly error: { readonly code: string; readonly message: string; readonly exitCode: number };
}

describe('without a server', () => {
  // Faults that are found without a server. If the command asked one, the exit code would be 3 without a server.
  test.each([
    [['sessions', 'list', '--limit', '0'], '--limit must be a whole number from 1 to 200, not "0".'],
    [['runs', 'list', '--limit', '201'], '--limit'],
    [['webhooks', 'list', '--limit', 'many'], '--limit'],
    [['deliveries', 'list', '--limit', '-1'], '--limit'],
    [['runs', 'list', '--status', 'waitin'], 'did you mean "waiting"?'],
    [['deliveries', 'list', '--status', 'done'], 'pending, success, failed, cancelled'],
    [['events', 'tail', '--type', 'run.complet'], 'did you mean "run.complete"?'],
    [['events', 'tail', '--type', 'runs.*'], 'did you mean "run.*"?'],
    [['webhooks', 'create', 'http://127.0.0.1:1', '--event', 'tool.eror'], 'did you mean "tool.error"?'],
    [['webhooks', 'add', 'ftp://example.org'], '<url> must be a URL'],
    [['webhooks', 'add', 'http://127.0.0.1:1', '--retry-count', '101'], '--retry-count'],
    [['webhooks', 'create', 'http://127.0.0.1:1', '--timeout', '5'], '--timeout'],
    [['webhooks', 'listen', '--port', '99999'], '--port'],
    [['webhooks', 'torture', '--port', '99999'], '--port'],
    [['prompt', '--permission-mode', 'auto', 'x'], 'did you mean "auto-edit"?'],
    [['prompt', '--model', 'two words', 'x'], 'the name of a model'],
    [['prompt', '--max-steps', '0', 'x'], '--max-steps'],
    [['prompt', '--timeout', '0', 'x'], '--timeout'],
    [['prompt', '--session', run26, 'x'], `did you mean: codebuddy runs show ${run26}`],
    [['sessions', 'show', run26], 'is the id of a run'],
    [['sessions', 'export', 'x', '--format', 'md'], 'json, markdown'],
    [['keys', 'create', 'ci', '--scope', 'raed'], 'did you mean "read"?'],
    [['keys', 'create', 'ci', 'cd', '--scope', 'read'], '--scope read,prompt'],
    [
      ['status', '--url', 'localhost:3847'],
      '--url must be a URL such as http://127.0.0.1:3847, not "localhost:3847".',
    ],
    [['status', '--api-key', 'with space'], '--api-key'],
    [['serv'], 'Unknown command "serv"; did you mean "serve"?'],
    [['help', 'promt'], 'did you mean "prompt"?'],
    [['runs', 'lst'], 'Unknown command "lst"; did you mean "list"?'],
    [['runs', 'list', '--limt', '5'], 'Unknown option "--limt"; did you mean "--limit"?'],
    [['runs', 'show'], 'Missing required argument "id".'],
    [['runs', 'list', 'extra'], 'Too many arguments for "list".'],
    [
      ['serve', '--log-level', 'loud'],
      '--log-level must be one of debug, info, warn, error, silent, not "loud".',
    ],
  ] as const)('codebuddy %j', async (args, words) => {
    const home = temporaryFolder();
    const { code, stdout, stderr } = await run(home, args);
    expect(code, stderr).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toMatch(/^codebuddy: /);
    expect(stderr).toContain(words);
    expect(stderr).not.toMatch(/ '[^']*'/);
    const json = await run(home, [...args, '--json']);
    expect(json.code).toBe(2);
    const { error } = JSON.parse(json.stdout) as Refusal;
    expect(error).toMatchObject({ code: expect.stringMatching(/^(usage|settings)$/), exitCode: 2 });
    expect(error.message).toContain(words);
  });

  test('a command group without a command shows its help, and text that is too long is refused', async () => {
    const home = temporaryFolder();
    const group = await run(home, ['runs']);
    expect(group).toMatchObject({ code: 2, stdout: '' });
    expect(group.stderr).toContain(
      'codebuddy: Missing command. Use: codebuddy runs list | show | cancel | steer | resume',
    );
    const long = await run(home, ['permissions', 'deny', 'x', '--reason', 'y'.repeat(1001)]);
    expect(long).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--reason must have 0 to 1000 characters, not 1001.'),
    });
  });

  test('an unreachable server is reported as JSON with --json', async () => {
    const { code, stdout } = await run(temporaryFolder(), ['runs', 'list', '--json']);
    expect(code).toBe(3);
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'server_unreachable', exitCode: 3 } });
  });
});

describe('with a server', () => {
  test('keys create accepts the name before and after the scopes', async () => {
    const home = temporaryFolder();
    await serve(home);
    for (const words of [
      ['--scope', 'read', 'prompt', 'ci'],
      ['ci', '--scope', 'read', 'prompt'],
      ['ci', '--scope', 'read,prompt'],
      ['--scope', 'read', '--scope', 'prompt', 'ci'],
      ['--scope=read,prompt', 'ci'],
    ]) {
      const { stdout, stderr } = await run(home, ['keys', 'create', ...words, '--json']);
      expect(JSON.parse(stdout), stderr).toMatchObject({ name: 'ci', scopes: ['read', 'prompt'] });
    }
    expect(JSON.parse((await run(home, ['keys', 'create', 'x', '--json'])).stdout)).toMatchObject({
      scopes: ['read'],
    });
  });

  test('exit code 4 is for the key, 2 for refused arguments, 1 for other errors', async () => {
    const home = temporaryFolder();
    await serve(home);
    const { stdout: key } = await run(home, ['keys', 'create', 'ci', '--scope', 'read']);
    for (const [args, code, word] of [
      [['tools', 'run', 'read_file', 'path=../secret'], 1, 'outside_workspace'],
      [['prompt', 'help', '--api-key', key.trim()], 4, 'insufficient_scope'],
      [['status', '--api-key', 'cbk_wrong'], 4, 'unauthorized'],
      [['tools', 'run', 'read_file', 'path=missing'], 1, 'file_not_found'],
      [['tools', 'run', 'no_such_tool'], 1, 'tool_not_found'],
      [['tools', 'run', 'read_file', 'paht=x'], 2, 'validation_failed'],
      [['webhooks', 'add', 'http://127.0.0.1:1', '--secret', 'x'], 2, 'validation_failed'],
      [['sessions', 'show', 'ses_unknown'], 1, 'session_not_found'],
    ] as const) {
      const text = await run(home, args);
      expect(text.code, text.stderr).toBe(code);
      expect(text.stderr).toContain(`(${word})`);
      const json = await run(home, [...args, '--json']);
      expect(json.code).toBe(code);
      expect(JSON.parse(json.stdout)).toMatchObject({ error: { code: word, exitCode: code } });
    }
  });

  test('`tools run` fails if the command fails, and prints its result', async () => {
    const home = temporaryFolder();
    await serve(home);
    const failed = await run(home, ['tools', 'run', 'bash', 'command=exit 7', '--json']);
    expect(failed.code, failed.stderr).toBe(1);
    expect(JSON.parse(failed.stdout)).toMatchObject({ exitCode: 7 });
    expect(failed.stderr).toContain('exit code 7');
    expect((await run(home, ['tools', 'run', 'bash', 'command=exit 0'])).code).toBe(0);
  });

  test('almost right names and ids get a suggestion', async () => {
    const home = temporaryFolder();
    await serve(home);
    expect((await run(home, ['tools', 'run', 'read_fil', 'path=x'])).stderr).toContain(
      'did you mean "read_file"?',
    );
    const { sessionId, runId } = JSON.parse((await run(home, ['prompt', '--json', 'help'])).stdout) as {
      sessionId: string;
      runId: string;
    };
    expect((await run(home, ['sessions', 'show', sessionId.slice(0, 12)])).stderr).toContain(
      `did you mean "${sessionId}"?`,
    );
    expect((await run(home, ['runs', 'show', runId.slice(0, -1)])).stderr).toContain(
      `did you mean "${runId}"?`,
    );
    expect((await run(home, ['prompt', '--session', sessionId.slice(0, 12), 'help'])).stderr).toContain(
      `did you mean "${sessionId}"?`,
    );
  });

  test('times are shown in the local time zone', async () => {
    const home = temporaryFolder();
    await serve(home);
    await run(home, ['prompt', 'help']);
    const env = { TZ: 'Asia/Kolkata' };
    const zone = /\d\d:\d\d:\d\d(\.\d{3})?\+05:30/;
    const { sessions } = JSON.parse((await run(home, ['sessions', 'list', '--json'])).stdout) as {
      sessions: { id: string; updatedAt: string }[];
    };
    const [session] = sessions;
    for (const args of [
      ['sessions', 'list'],
      ['sessions', 'show', session?.id as string],
      ['runs', 'list'],
    ])
      expect((await run(home, args, { env })).stdout, args.join(' ')).toMatch(zone);
    // The printed time is the same moment.
    const shown = /\S+\+05:30/.exec((await run(home, ['sessions', 'list'], { env })).stdout)?.[0] as string;
    expect(new Date(shown).getTime()).toBe(
      Math.floor(Date.parse(session?.updatedAt as string) / 1000) * 1000,
    );
    await run(home, ['keys', 'create', 'ci']);
    expect((await run(home, ['keys', 'list'], { env })).stdout).toMatch(zone);
  });

  test('an export with --json prints the file name, and never overwrites a file', async () => {
    const home = temporaryFolder();
    await serve(home);
    const { sessionId } = JSON.parse((await run(home, ['prompt', '--json', 'help'])).stdout) as {
      sessionId: string;
    };
    const file = join(home, 'session.md');
    const args = ['sessions', 'export', sessionId, '--format', 'markdown', '--json'];
    expect((await run(home, args)).code).toBe(2);
    expect(JSON.parse((await run(home, [...args, '--output', file])).stdout)).toEqual({ written: file });
    writeFileSync(file, 'mine');
    const again = await run(home, [...args, '--output', file]);
    expect(again.code).toBe(1);
    expect(again.stderr).toContain('the file already exists');
  });
});
