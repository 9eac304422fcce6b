import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { databaseSetting } from '../postgres/test-store.ts';
import { program } from '../program.ts';
import { waitFor } from '../wait-for.ts';
import { run, serve, start, temporaryFolder } from './run-cli.ts';

describe('serve', () => {
  test('prints its URL, the key file, three curl commands that work when pasted, and the docs', async () => {
    const home = join(temporaryFolder(), 'it’s home');
    mkdirSync(home);
    writeFileSync(join(home, 'hello.md'), 'hi');
    const server = start(home, ['serve', '--port', '0'], await databaseSetting(home));
    await server.saw('Ctrl-C');
    const { stdout } = server.output;
    const lines = stdout.split('\n').filter((line) => line.trim().startsWith('curl'));
    expect(lines).toHaveLength(3);
    const answers = lines.map((line) => execFileSync('sh', ['-c', line], { encoding: 'utf8' }));
    expect(JSON.parse(answers[0] as string)).toMatchObject({ status: 'ok' });
    expect(JSON.parse(answers[1] as string)).toMatchObject({ response: 'hello.md', model: 'offline' });
    expect(JSON.parse(answers[2] as string)).toMatchObject({ sessions: [{ title: 'list *.md' }] });
    expect(stdout).toMatch(/docs {7}http:\/\/127\.0\.0\.1:\d+\/docs/);
    expect(stdout).not.toContain(readFileSync(join(home, 'api', 'api-key'), 'utf8').trim());
  });

  test('makes its files private, and removes server.json when it stops', async () => {
    const home = temporaryFolder();
    chmodSync(home, 0o755);
    const server = await serve(home);
    expect(statSync(home).mode & 0o777).toBe(0o700);
    for (const file of ['api-key', 'server.json', 'codebuddy.db'])
      expect(statSync(join(home, 'api', file)).mode & 0o777, file).toBe(0o600);
    expect(JSON.parse(readFileSync(join(home, 'api', 'server.json'), 'utf8'))).toMatchObject({
      url: server.url,
      pid: server.child.pid,
    });
    expect(readFileSync(join(home, 'api', 'api-key'), 'utf8')).toMatch(/^cbk_[A-Za-z0-9_-]{43}\n$/);
    server.child.kill('SIGTERM');
    expect((await server.finished).code).toBe(0);
    expect(existsSync(join(home, 'api', 'server.json'))).toBe(false);
  });

  test('keeps the key across restarts, and makes a readable key file private', async () => {
    const home = temporaryFolder();
    const first = await serve(home);
    const key = readFileSync(join(home, 'api', 'api-key'), 'utf8');
    first.child.kill('SIGINT');
    expect((await first.finished).code).toBe(0);
    chmodSync(join(home, 'api', 'api-key'), 0o644);
    const second = await serve(home);
    expect(readFileSync(join(home, 'api', 'api-key'), 'utf8')).toBe(key);
    expect(statSync(join(home, 'api', 'api-key')).mode & 0o777).toBe(0o600);
    second.child.kill('SIGTERM');
    await second.finished;
    expect(second.output.stderr).toContain('was readable by other users');
  });

  test('refuses a home that another process uses, and names the process', async () => {
    const home = temporaryFolder();
    const server = await serve(home);
    const second = await run(home, ['serve', '--port', '0']);
    expect(second.code).toBe(1);
    expect(second.stderr).toContain(`process ${server.child.pid}`);
    expect(second.stderr.trim().split('\n')).toHaveLength(1);
    expect((await run(home, ['status'])).code).toBe(0);
  });

  test('starts after kill -9 with all acknowledged data', async () => {
    const home = temporaryFolder();
    const first = await serve(home);
    const { stdout } = await run(home, ['prompt', '--json', 'help']);
    const { sessionId } = JSON.parse(stdout) as { sessionId: string };
    first.child.kill('SIGKILL');
    await first.finished;
    expect((await run(home, ['status'])).code).toBe(3);
    await serve(home);
    expect((await run(home, ['sessions', 'show', sessionId])).stdout).toContain('offline agent');
  });

  test('reports a port in use in one line', async () => {
    const home = temporaryFolder();
    const server = await serve(home);
    const taken = await run(temporaryFolder(), ['serve', '--port', new URL(server.url).port]);
    expect(taken.code).toBe(1);
    expect(taken.stderr.trim().split('\n')).toHaveLength(1);
    expect(taken.stderr).toContain(new URL(server.url).port);
  });

  test('logs one line per request to standard error, without the key', async () => {
    const home = temporaryFolder();
    const server = await serve(home);
    await run(home, ['status']);
    server.child.kill('SIGTERM');
    await server.finished;
    const key = readFileSync(join(home, 'api', 'api-key'), 'utf8').trim();
    const lines = server.output.stderr
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines.filter(({ path }) => path === '/api/status')).toEqual([
      expect.objectContaining({
        method: 'GET',
        route: '/api/status',
        status: 200,
        requestId: expect.any(String),
        durationMs: expect.any(Number),
      }),
    ]);
    expect(server.output.stderr).not.toContain(key);
  });
});

describe('commands that talk to a server', () => {
  test('find it and its key on their own, and print text or JSON', async () => {
    const home = temporaryFolder();
    writeFileSync(join(home, 'a.md'), 'alpha');
    const server = await serve(home);
    expect(await run(home, ['prompt', 'read a.md'])).toMatchObject({ code: 0, stdout: 'alpha\n' });
    expect(await run(home, ['prompt', '-'], { input: 'read a.md' })).toMatchObject({
      code: 0,
      stdout: 'alpha\n',
    });
    expect(JSON.parse((await run(home, ['status', '--json'])).stdout)).toMatchObject({
      url: server.url,
      running: true,
    });
    expect((await run(home, ['tools', 'list'])).stdout).toContain('read_file');
    expect(
      JSON.parse((await run(home, ['tools', 'run', 'read_file', 'path=a.md', 'offset=1', '--json'])).stdout),
    ).toMatchObject({ content: 'alpha' });
    expect(
      JSON.parse((await run(home, ['tools', 'run', 'bash', '--params', '{"command":"exit 7"}'])).stdout),
    ).toMatchObject({ exitCode: 7 });
    const { sessions } = JSON.parse((await run(home, ['sessions', 'list', '--json'])).stdout) as {
      sessions: { id: string }[];
    };
    expect(sessions).toHaveLength(2);
    const id = sessions[0]?.id ?? '';
    expect((await run(home, ['prompt', '--session', id, 'help'])).code).toBe(0);
    expect(JSON.parse((await run(home, ['sessions', 'show', id, '--json'])).stdout).messages).toHaveLength(5);
    expect((await run(home, ['sessions', 'delete', id])).stdout).toContain(id);
    expect((await run(home, ['sessions', 'show', id])).code).toBe(1);
    expect(JSON.parse((await run(home, ['openapi'])).stdout)).toMatchObject({ openapi: '3.1.0' });
  });

  test('create keys that have their scopes until they are revoked', async () => {
    const home = temporaryFolder();
    await serve(home);
    const { key, id } = JSON.parse(
      (await run(home, ['keys', 'create', 'ci', '--scope', 'read', '--json'])).stdout,
    ) as { key: string; id: string };
    expect((await run(home, ['status', '--api-key', key])).code).toBe(0);
    expect(await run(home, ['prompt', 'help', '--api-key', key])).toMatchObject({
      code: 4,
      stderr: expect.stringContaining('insufficient_scope'),
    });
    const listed = await run(home, ['keys', 'list']);
    expect(listed.stdout).toContain(id);
    expect(listed.stdout).not.toContain(key);
    expect((await run(home, ['keys', 'revoke', id])).code).toBe(0);
    expect((await run(home, ['status', '--api-key', key])).code).toBe(4);
    expect((await run(home, ['keys', 'create', 'x', '--scope', 'everything'])).code).toBe(2);
  });

  test.each([
    [[], 0],
    [['--version'], 0],
    [['prompt', '--help'], 0],
    [['status'], 3],
    [['bogus'], 2],
    [['prompt'], 2],
    [['prompt', '--bogus', 'x'], 2],
    [['tools', 'run', 'x', 'no-pair'], 2],
    [['tools', 'run', 'x', '--params', '{'], 2],
    [['events', 'tail', '--after', 'x'], 2],
    [['prompt', ' '], 2],
    [['serve', '--port', '70000'], 2],
    [['serve', '--model', 'nonsense'], 2],
    [['serve', '--model', 'nowhere/x'], 2],
    [['serve', '--database', 'mysql://x/y'], 2],
    [['status', '--url', 'http://127.0.0.1:9'], 3],
  ] as const)('codebuddy %j ends with %i', async (args, code) => {
    const result = await run(temporaryFolder(), args);
    expect(result.code, result.stdout + result.stderr).toBe(code);
    if (code !== 0) expect(result.stderr).not.toBe('');
  });

  test('end with 4 without a valid key', async () => {
    const home = temporaryFolder();
    await serve(home);
    expect((await run(home, ['status', '--api-key', 'cbk_wrong'])).code).toBe(4);
    expect((await run(temporaryFolder(), ['status', '--url', 'http://127.0.0.1:1'])).code).toBe(3);
  });

  test('show examples in their help', async () => {
    const home = temporaryFolder();
    expect((await run(home, ['help', 'serve'])).stdout).toContain('--workspace');
    expect((await run(home, ['--help', 'status'])).stdout).toContain('doctor');
    for (const args of [
      ['--help'],
      ['serve', '--help'],
      ['prompt', '--help'],
      ['tools', 'run', '--help'],
      ['events', 'tail', '--help'],
    ]) {
      expect((await run(home, args)).stdout, args.join(' ')).toMatch(
        /Examples?:\n {2}codebuddy|Examples:\n {2}\w+/,
      );
    }
  });

  test('Ctrl-C on a prompt cancels its run and ends with 130', async () => {
    const home = temporaryFolder();
    await serve(home);
    const prompt = start(home, ['prompt', 'run echo started; sleep 300']);
    const tail = start(home, ['events', 'tail', '--after', '0', '--json']);
    await tail.saw('"tool.start"');
    prompt.child.kill('SIGINT');
    expect((await prompt.finished).code).toBe(130);
    await tail.saw('"run.cancelled"');
  });

  test('a reader that closes the pipe early causes no error', async () => {
    const home = temporaryFolder();
    await serve(home);
    const listing = start(home, ['openapi']);
    listing.child.stdout.destroy();
    const { code, stderr } = await listing.finished;
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });
});

describe('events tail', () => {
  test('shows events of other clients as they happen', async () => {
    const home = temporaryFolder();
    await serve(home);
    const tail = start(home, ['events', 'tail', '--after', '0', '--type', 'run.*']);
    await run(home, ['prompt', 'help']);
    await tail.saw('run.complete');
    expect(tail.output.stdout).not.toContain('message.user');
    tail.child.kill('SIGINT');
    expect((await tail.finished).code).toBe(130);
  });

  test('survives a restart of the server without gaps or duplicates', async () => {
    const home = temporaryFolder();
    const first = await serve(home);
    const tail = start(home, ['events', 'tail', '--after', '0', '--json']);
    await run(home, ['prompt', 'help']);
    await tail.saw('"run.complete"');
    first.child.kill('SIGTERM');
    await first.finished;
    // At another port.
    await serve(home);
    const { runId } = JSON.parse((await run(home, ['prompt', '--json', 'list'])).stdout) as { runId: string };
    const readAll = () =>
      tail.output.stdout
        .split('\n')
        .slice(0, -1)
        .map((line) => JSON.parse(line) as { type: string; runId?: string; sequence: number });
    await waitFor(
      'the end of the second run',
      () => readAll().some((event) => event.type === 'run.complete' && event.runId === runId),
      readAll,
    );
    const sequences = readAll().map(({ sequence }) => sequence);
    expect(sequences).toEqual(sequences.map((_, index) => index + 1));
  });
});

describe('doctor', () => {
  test('shows each setting with its origin, before, while and after a server runs', async () => {
    const home = temporaryFolder();
    writeFileSync(join(home, 'api', 'config.json'), '{"logLevel":"warn","port":0}');
    const before = JSON.parse(
      (await run(home, ['doctor', '--json'], { env: { CODEBUDDY_PORT: '0' } })).stdout,
    ) as {
      settings: { name: string; value: unknown; origin: string }[];
      checks: { name: string; ok: boolean; detail: string }[];
    };
    const origins = Object.fromEntries(before.settings.map(({ name, origin }) => [name, origin]));
    expect(origins).toMatchObject({
      home: 'CODEBUDDY_HOME',
      port: 'CODEBUDDY_PORT',
      logLevel: 'config.json logLevel',
      host: 'default',
    });
    expect(before.checks.filter(({ ok }) => !ok)).toEqual([]);
    const server = await serve(home);
    expect((await run(home, ['doctor'])).stdout).toContain(`pid ${server.child.pid}`);
    server.child.kill('SIGTERM');
    await server.finished;
    expect((await run(home, ['doctor'])).stdout).toMatch(/ok +database +.*events so far/);
  });

  test('ends with 1 and reports each problem', async () => {
    const home = temporaryFolder();
    writeFileSync(
      join(home, 'api', 'codebuddy.db'),
      'this is no database, it only looks like a file of some length',
    );
    const { code, stdout } = await run(home, ['doctor', '--workspace', join(home, 'missing')]);
    expect(code).toBe(1);
    expect(stdout).toMatch(/FAIL +workspace/);
    expect(stdout).toMatch(/FAIL +database/);
  });
});

describe('on a terminal', () => {
  const script = '/usr/bin/script';

  test.skipIf(!existsSync(script))(
    'colours work, and text from the server cannot control the terminal',
    async () => {
      const home = temporaryFolder();
      writeFileSync(join(home, 'evil.txt'), 'before\u001b[2Jafter\n');
      await serve(home);
      const env = { ...process.env, CODEBUDDY_HOME: home, NO_COLOR: '', CODEBUDDY_API_KEY: '' };
      const shown = execFileSync(
        script,
        ['-qec', `'${process.execPath}' '${program}' prompt 'read evil.txt'`, '/dev/null'],
        {
          encoding: 'utf8',
          env,
          stdio: ['ignore', 'pipe', 'pipe'],
        },
      );
      expect(shown).toContain('\u001b[2m· read_file');
      expect(shown).toContain('before\\x1b[2Jafter');
      expect(shown).not.toContain('\u001b[2J');
    },
  );
});

describe('an old Node', () => {
  const old = ['/usr/local/bin/node', '/usr/bin/node'].find((path) => {
    if (!existsSync(path)) return false;
    const [major = 0, minor = 0] = execFileSync(path, ['-p', 'process.versions.node'], { encoding: 'utf8' })
      .split('.')
      .map(Number);
    return major < 22 || (major === 22 && minor < 19);
  });

  test.skipIf(old === undefined)('gets a clear message with the remedy', () => {
    const bin = fileURLToPath(new URL('../../bin/codebuddy.js', import.meta.url));
    let failure: { status?: number; stderr?: string } = {};
    try {
      execFileSync(old as string, [bin, 'serve'], { encoding: 'utf8', stdio: 'pipe' });
    } catch (error) {
      failure = error as typeof failure;
    }
    expect(failure.status).toBe(1);
    expect(failure.stderr).toMatch(
      /^codebuddy needs Node\.js 22\.19 or newer; this is v[\d.]+\.\n.*npm start.*\n$/,
    );
  });
});
