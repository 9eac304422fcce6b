import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { defaultSandboxLimits } from '../../src/agent/tools/sandbox/sandbox-limits.ts';
import { createRedactor, secretVariables } from '../../src/base/redaction.ts';
import { loadSettings } from '../../src/config/load-settings.ts';
import { readOrCreateLocalKey } from '../../src/config/local-key.ts';
import { readServerFile, removeServerFile, writeServerFile } from '../../src/config/server-file.ts';

function temporaryHome(config?: unknown): string {
  const home = mkdtempSync(join(tmpdir(), 'codebuddy-config-'));
  onTestFinished(() => rmSync(home, { recursive: true, force: true }));
  mkdirSync(join(home, 'api'));
  if (config !== undefined)
    writeFileSync(
      join(home, 'api', 'config.json'),
      typeof config === 'string' ? config : JSON.stringify(config),
    );
  return home;
}

describe('settings', () => {
  test('flags override the environment, which overrides the file, which overrides the default; each value has its origin', () => {
    const home = temporaryHome({ port: 1, host: 'localhost', logLevel: 'warn' });
    const environment = { CODEBUDDY_HOME: home, CODEBUDDY_PORT: '2', CODEBUDDY_HOST: '::1' };
    const { settings, origins } = loadSettings({ flags: { port: '3' }, environment, cwd: '/somewhere' });
    expect(settings).toMatchObject({
      home,
      port: 3,
      host: '::1',
      logLevel: 'warn',
      workspace: '/somewhere',
      database: { kind: 'sqlite', path: join(home, 'api', 'codebuddy.db') },
      retentionDays: 90,
    });
    expect(origins).toMatchObject({
      home: 'CODEBUDDY_HOME',
      port: '--port',
      host: 'CODEBUDDY_HOST',
      logLevel: 'config.json logLevel',
      workspace: 'default',
    });
  });

  test('the sandbox mode comes from flag, variable or file, its limits and paths from the file', () => {
    const home = temporaryHome({
      sandbox: 'off',
      sandboxLimits: { processes: 100, memoryMb: 512 },
      sandboxHide: ['~/vault', '/srv/keys'],
      sandboxShow: ['~/.npmrc'],
    });
    const load = (environment: NodeJS.ProcessEnv, flags = {}) =>
      loadSettings({ flags, environment: { CODEBUDDY_HOME: home, ...environment } }).settings;
    expect(load({})).toMatchObject({
      sandbox: 'off',
      sandboxLimits: { processes: 100, memoryMb: 512 },
      sandboxHide: ['~/vault', '/srv/keys'],
      sandboxShow: ['~/.npmrc'],
    });
    expect(load({ CODEBUDDY_SANDBOX: 'required' }).sandbox).toBe('required');
    expect(load({ CODEBUDDY_SANDBOX: 'required' }, { sandbox: 'auto' }).sandbox).toBe('auto');
    const { settings } = loadSettings({ environment: { CODEBUDDY_HOME: temporaryHome() } });
    expect(settings.sandbox).toBe('auto');
    // Declared twice: for the settings, and for hosts that use the agent alone.
    expect(settings.sandboxLimits).toEqual(defaultSandboxLimits);
  });

  test.each([
    [{ sandbox: 'yes' }, 'config.json sandbox must be one of required, auto, off, not "yes".'],
    [{ sandboxLimits: { processes: 0 } }, 'sandboxLimits'],
    [{ sandboxLimits: { memoryMb: '8192' } }, 'sandboxLimits'],
    [{ sandboxLimits: { memory: 5 } }, 'sandboxLimits'],
    [{ sandboxHide: ['relative'] }, 'sandboxHide'],
    [{ sandboxShow: '~/.npmrc,secrets' }, 'sandboxShow'],
  ])('%j is refused, with the accepted values', (config, words) => {
    const environment = { CODEBUDDY_HOME: temporaryHome(config) };
    expect(() => loadSettings({ environment })).toThrow(words);
  });

  test('an empty variable counts as unset; paths are relative to the current folder', () => {
    const home = temporaryHome();
    const { settings } = loadSettings({
      environment: {
        CODEBUDDY_HOME: home,
        CODEBUDDY_PORT: '',
        CODEBUDDY_WORKSPACE: 'sub',
        DATABASE_URL: 'sqlite:data/x.db',
      },
      cwd: '/somewhere',
    });
    expect(settings).toMatchObject({
      port: 3847,
      workspace: '/somewhere/sub',
      database: { kind: 'sqlite', path: '/somewhere/data/x.db' },
    });
  });

  test.each<[{ flags?: Record<string, string | string[]>; environment?: Record<string, string> }, RegExp]>([
    [{ flags: { port: '65536' } }, /^--port must be a whole number from 0 to 65535 .*, not "65536"\.$/],
    [{ flags: { port: '1e3' } }, /^--port/],
    [{ environment: { CODEBUDDY_PORT: 'x' } }, /^CODEBUDDY_PORT must be .* not "x"\.$/],
    [{ environment: { CODEBUDDY_HOST: 'a b' } }, /^CODEBUDDY_HOST/],
    [{ environment: { CODEBUDDY_API_KEY: 'short' } }, /^CODEBUDDY_API_KEY/],
    [{ environment: { CODEBUDDY_MODEL: 'x' } }, /^CODEBUDDY_MODEL must be "offline", .* not "x"\.$/],
    [
      { environment: { DATABASE_URL: 'mysql://h/d' } },
      /^DATABASE_URL must be a path, .* postgres:.* not "mysql:\/\/h\/d"\.$/,
    ],
    [{ flags: { logLevel: 'loud' } }, /^--log-level must be one of debug, info, .* not "loud"\.$/],
    [{ flags: { enableCors: 'example.org' } }, /^--cors/],
    [{ flags: { allowedHosts: ['a b'] } }, /^--allowed-host/],
  ])('%j is refused, with the place, the value and the accepted values', (options, message) => {
    const home = temporaryHome();
    expect(() =>
      loadSettings({ flags: { home, ...options.flags }, environment: options.environment ?? {} }),
    ).toThrowError(message);
  });

  test.each([
    ['{', /is not JSON/],
    ['[]', /must contain a JSON object/],
    [{ prot: 1 }, /unknown field "prot"/],
    [{ __proto__: null, port: '1.5' }, /^config.json port/],
    [{ cors: 'yes' }, /^config.json cors/],
    [{ retentionDays: 0 }, /^config.json retentionDays/],
  ])('a config.json of %j is refused', (config, message) => {
    const home = temporaryHome(config);
    expect(() => loadSettings({ flags: { home }, environment: {} })).toThrowError(message);
  });

  test('a URL of PostgreSQL is a database, by flag, either variable or file', () => {
    const url = 'postgres://me:hunter2@host:5433/db?max=20&prepare=false';
    const shared = { kind: 'postgres', url };
    const load = (environment: NodeJS.ProcessEnv, flags = {}, config: object = {}) =>
      loadSettings({ flags: { home: temporaryHome(config), ...flags }, environment });
    expect(load({}, { database: url }).settings.database).toEqual(shared);
    expect(load({ DATABASE_URL: url }).settings.database).toEqual(shared);
    expect(load({}, {}, { database: url }).settings.database).toEqual(shared);
    const both = load({ DATABASE_URL: 'other.db', CODEBUDDY_DATABASE_URL: url });
    expect(both.settings.database).toEqual(shared);
    expect(both.origins.database).toBe('CODEBUDDY_DATABASE_URL');
    const socket = 'postgresql:///db?host=/run/postgresql';
    expect(load({ DATABASE_URL: socket }).settings.database).toEqual({ kind: 'postgres', url: socket });
  });

  test.each([
    ['postgres://h/d?max=1', /^--database must be a valid database URL: it must have a max from 2 to 1000/],
    ['postgres://h/d?prepare=no', /prepare=true or prepare=false/],
    ['postgres://h:x/d', /it must look like postgres:/],
    ['postgres://me:a/b@h/d', /it must look like postgres:/],
    ['postgres://me:1/b@h/d', /percent-encoded/],
    ['postgres://me:secret@a:5432,b:5432/d?target_session_attrs=read-write', /must have one host/],
    ['postgres://a,b/d', /must have one host/],
    ['postgres:///d?host=a,b', /must have one host/],
  ])('%s is refused as a database', (database, message) => {
    const home = temporaryHome();
    expect(() => loadSettings({ flags: { home, database }, environment: {} })).toThrowError(message);
  });

  test('the URL of a node is one that others can use', () => {
    const load = (nodeUrl: string) =>
      loadSettings({ flags: { home: temporaryHome(), nodeUrl }, environment: {} }).settings.nodeUrl;
    expect(load('http://10.0.0.5:3847/')).toBe('http://10.0.0.5:3847');
    for (const bad of ['10.0.0.5:3847', 'ftp://h', 'http://me:secret@h'])
      expect(() => load(bad)).toThrowError(/^--node-url must be a URL such as/);
  });

  test('origins for CORS', () => {
    const home = temporaryHome();
    const load = (enableCors: string | boolean) =>
      loadSettings({ flags: { home, enableCors }, environment: {} }).settings.enableCors;
    expect(load(true)).toBe(true);
    expect(load('https://a.example,http://localhost:3000')).toEqual([
      'https://a.example',
      'http://localhost:3000',
    ]);
  });
});

describe('secrets', () => {
  test('do not appear in errors', () => {
    const home = temporaryHome();
    const message = (environment: Record<string, string>): string => {
      try {
        loadSettings({ flags: { home }, environment });
      } catch (error) {
        return String(error);
      }
      return 'no error';
    };
    expect(message({ CODEBUDDY_API_KEY: 'my secret' })).toMatch(
      /: CODEBUDDY_API_KEY must be 16 to 512 printable ASCII characters without spaces\.$/,
    );
    for (const url of [
      'mysql://me:hunter2@host/db',
      'postgres://me:hunter2@host:port/db',
      'postgres://me:a#hunter2@host/db',
      'postgres://me:12/hunter2@host/db',
      'postgres://host/db?password=hunter2&max=0',
    ]) {
      const text = message({ DATABASE_URL: url });
      expect(text).toContain('DATABASE_URL must be');
      expect(text).not.toContain('hunter2');
    }
  });

  test('a redactor hides the password of a database, and leaves its user and options readable', () => {
    const { redact } = createRedactor(
      secretVariables({ DATABASE_URL: 'postgres://codebuddy:hunter%2F22@host/db?sslmode=require' }),
    );
    expect(redact('codebuddy: sslmode require, hunter/22, hunter%2F22')).toBe(
      'codebuddy: sslmode require, [redacted], [redacted]',
    );
  });
});

describe('the files of the config folder', () => {
  test('a key is created once, for its owner only, and leaves no temporary file', () => {
    const home = temporaryHome();
    const { key, path } = readOrCreateLocalKey(home);
    expect(key).toMatch(/^cbk_[A-Za-z0-9_-]{43}$/);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readOrCreateLocalKey(home).key).toBe(key);
    expect(readdirSync(join(home, 'api'))).toEqual(['api-key']);
  });

  test('a key file without a key is refused, not overwritten', () => {
    const home = temporaryHome();
    writeFileSync(join(home, 'api', 'api-key'), 'x\n');
    expect(() => readOrCreateLocalKey(home)).toThrowError(/contains no API key/);
    expect(readFileSync(join(home, 'api', 'api-key'), 'utf8')).toBe('x\n');
  });

  test('server.json of an ended process is ignored, and no other process removes it', () => {
    const home = temporaryHome();
    const content = {
      url: 'http://127.0.0.1:1',
      pid: process.pid,
      startedAt: new Date().toISOString(),
      version: '1',
    };
    writeServerFile(home, content);
    expect(readServerFile(home)).toEqual(content);
    removeServerFile(home);
    expect(readServerFile(home)).toBeUndefined();
    writeServerFile(home, { ...content, pid: 2 ** 30 });
    expect(readServerFile(home)).toBeUndefined();
    removeServerFile(home);
    expect(readdirSync(join(home, 'api'))).toEqual(['server.json']);
    writeFileSync(join(home, 'api', 'server.json'), '{"half":');
    expect(readServerFile(home)).toBeUndefined();
  });

  test('a home that cannot be created is refused with a clear message', async () => {
    const home = temporaryHome('{}');
    const { ensureHome } = await import('../../src/config/home-folder.ts');
    mkdirSync(join(home, 'a'));
    writeFileSync(join(home, 'file'), '');
    expect(() => ensureHome(join(home, 'file', 'sub'))).toThrowError(/config folder .* cannot be used/);
    if (process.platform === 'linux')
      expect(() => ensureHome('/proc/nope/home')).toThrowError(
        'The config folder /proc/nope/home cannot be used: no folder can be created there (ENOENT)',
      );
  });
});
