// `codebuddy config`: shows settings with their origins and changes config.json.

import { readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { run, serve, temporaryFolder } from './run-cli.ts';

function fileOf(home: string): string {
  return join(home, 'api', 'config.json');
}

function contentOf(home: string): unknown {
  return JSON.parse(readFileSync(fileOf(home), 'utf8'));
}

describe('set and unset', () => {
  test('keep the other fields, and store values as serve reads them', async () => {
    const home = temporaryFolder();
    writeFileSync(fileOf(home), JSON.stringify({ $schema: 'x', model: 'offline', watch: false }));
    for (const [field, value] of [
      ['port', '0'],
      ['host', '127.0.0.1'],
      ['workspace', 'project'],
      ['models', '["offline"]'],
      ['permissions', '{"allow": ["bash(npm test)"]}'],
      ['cors', 'https://example.org'],
    ] as const) {
      const { code, stderr } = await run(home, ['config', 'set', field, value]);
      expect(code, stderr).toBe(0);
    }
    expect(contentOf(home)).toEqual({
      $schema: 'x',
      watch: false,
      port: 0,
      host: '127.0.0.1',
      // The command runs in the home.
      workspace: join(home, 'project'),
      models: ['offline'],
      permissions: { allow: ['bash(npm test)'] },
      cors: 'https://example.org',
    });
    expect(statSync(fileOf(home)).mode & 0o077).toBe(0);
    expect((await run(home, ['config', 'unset', 'models'])).code).toBe(0);
    expect(contentOf(home)).not.toHaveProperty('models');
    expect(readdirSync(join(home, 'api')).filter((name) => name.endsWith('.tmp'))).toEqual([]);
    await run(home, ['config', 'unset', 'workspace']);
    await serve(home);
  });

  test.each([
    [['port', 'many'], 'config.json port must be a whole number from 0 to 65535'],
    [['prot', '1'], 'did you mean "port"?'],
    [['permissionMode', 'auto'], 'config.json permissionMode must be one of'],
    [['watch', '1'], 'config.json watch must be true or false'],
    [['permissions', '{"allow": ["bash("]}'], 'bash('],
    [['allowedTargets', '10.0.0.0/99'], '10.0.0.0/99'],
    [['constructor', '1'], 'has no field "constructor"'],
    [['home', '/tmp'], 'has no field "home"'],
  ])('refuse %j and leave the file', async (args, words) => {
    const home = temporaryFolder();
    writeFileSync(fileOf(home), '{"watch":false}');
    const { code, stdout, stderr } = await run(home, ['config', 'set', ...args]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(words);
    expect(readFileSync(fileOf(home), 'utf8')).toBe('{"watch":false}');
  });

  test('refuse a file that is not JSON, and change the target of a link', async () => {
    const home = temporaryFolder();
    writeFileSync(fileOf(home), '{');
    const broken = await run(home, ['config', 'set', 'port', '0']);
    expect(broken.code).toBe(2);
    expect(readFileSync(fileOf(home), 'utf8')).toBe('{');
    const other = temporaryFolder();
    const target = join(other, 'target.json');
    writeFileSync(target, '{}');
    symlinkSync(target, fileOf(other));
    expect((await run(other, ['config', 'set', 'port', '0'])).code).toBe(0);
    expect(JSON.parse(readFileSync(target, 'utf8'))).toEqual({ port: 0 });
  });

  test('mention a variable that takes precedence, and a running server', async () => {
    const home = temporaryFolder();
    await serve(home);
    const { code, stderr } = await run(home, ['config', 'set', 'logLevel', 'warn'], {
      env: { CODEBUDDY_LOG_LEVEL: 'error' },
    });
    expect(code).toBe(0);
    expect(stderr).toContain('CODEBUDDY_LOG_LEVEL is set and overrides config.json.');
    expect(stderr).toContain('at its next start');
  });
});

describe('get and list', () => {
  test('show the value and its origin, and no secrets', async () => {
    const home = temporaryFolder();
    const provider = { baseURL: 'http://127.0.0.1:1', apiKey: 'very-secret' };
    writeFileSync(fileOf(home), JSON.stringify({ port: 0, providers: { local: provider } }));
    expect(await run(home, ['config', 'get', 'port'])).toMatchObject({
      code: 0,
      stdout: '0\n',
      stderr: 'from: config.json port\n',
    });
    const env = { CODEBUDDY_PORT: '7' };
    expect(JSON.parse((await run(home, ['config', 'get', 'port', '--json'], { env })).stdout)).toMatchObject({
      name: 'port',
      value: 7,
      origin: 'CODEBUDDY_PORT',
    });
    expect((await run(home, ['config', 'get', 'cors'])).stdout).toBe('false\n');
    const list = await run(home, ['config', 'list']);
    expect(list.stdout).toMatch(/^port +0 +config\.json port$/m);
    expect(list.stdout).toMatch(/^autostart +false +CODEBUDDY_AUTOSTART$/m);
    const all = list.stdout + (await run(home, ['config', 'get', 'providers'])).stdout;
    expect(all).toContain('local');
    expect(all).not.toContain('very-secret');
  });

  test('list names invalid settings', async () => {
    const home = temporaryFolder();
    writeFileSync(fileOf(home), '{"port": "many"}');
    const { code, stdout, stderr } = await run(home, ['config', 'list', '--json']);
    expect(code).toBe(2);
    expect(stderr).toContain('config.json port must be');
    expect(JSON.parse(stdout)).toMatchObject({ faults: [expect.stringContaining('port')] });
  });
});
