// `codebuddy init`: by flags, and with questions on a real terminal.

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { run, temporaryFolder } from './run-cli.ts';
import { hasTerminal, onTerminal } from './terminal.ts';

function fileOf(home: string): string {
  return join(home, 'api', 'config.json');
}

function contentOf(home: string): unknown {
  return JSON.parse(readFileSync(fileOf(home), 'utf8'));
}

test('without a terminal, writes the flags, and changes an existing file only with --force', async () => {
  const home = temporaryFolder();
  const none = await run(home, ['init']);
  expect(none.code).toBe(2);
  expect(none.stderr).toContain('There is no terminal to ask at. Use --workspace, --model');
  const first = await run(home, ['init', '--model', 'offline', '--workspace', 'project', '--json']);
  expect(first.code, first.stderr).toBe(0);
  expect(JSON.parse(first.stdout)).toMatchObject({ file: fileOf(home) });
  expect(contentOf(home)).toEqual({ models: 'offline', workspace: join(home, 'project') });
  const second = await run(home, ['init', '--sandbox', 'off']);
  expect(second.code).toBe(2);
  expect(second.stderr).toContain('Add --force');
  expect((await run(home, ['init', '--sandbox', 'off', '--force'])).code).toBe(0);
  expect(contentOf(home)).toEqual({ models: 'offline', workspace: join(home, 'project'), sandbox: 'off' });
  const invalid = await run(home, ['init', '--sandbox', 'on', '--force']);
  expect(invalid.code).toBe(2);
  expect(invalid.stderr).toContain('sandbox must be one of');
});

test.skipIf(!hasTerminal)('on a terminal, asks, and asks again after an invalid answer', async () => {
  const home = temporaryFolder();
  const terminal = onTerminal(home, ['init'], { CODEBUDDY_MODEL: '' });
  await terminal.saw('Model, as provider/name');
  terminal.type('offline\n');
  await terminal.saw('Permission mode');
  terminal.type('auto\n');
  await terminal.saw('permissionMode must be one of');
  await terminal.saw('Permission mode');
  terminal.type('auto-edit\n');
  await terminal.saw('sandbox');
  terminal.type('\n');
  await terminal.saw('Workspace?');
  terminal.type('\n');
  await terminal.saw('Wrote ');
  expect(await terminal.ended).toBe(0);
  expect(contentOf(home)).toEqual({ models: 'offline', permissionMode: 'auto-edit' });
});

test.skipIf(!hasTerminal)('on a terminal, leaves an existing file unless the answer is yes', async () => {
  const home = temporaryFolder();
  writeFileSync(fileOf(home), '{"port":0}');
  const no = onTerminal(home, ['init']);
  await no.saw('exists. Change it?');
  no.type('\n');
  await no.saw('Nothing was written.');
  expect(await no.ended).toBe(1);
  expect(readFileSync(fileOf(home), 'utf8')).toBe('{"port":0}');
});

test.skipIf(!hasTerminal)('Ctrl-D writes nothing', async () => {
  const home = temporaryFolder();
  const terminal = onTerminal(home, ['init']);
  await terminal.saw('Model, as provider/name');
  terminal.type('\u0004');
  await terminal.saw('Nothing was written.');
  expect(await terminal.ended).toBe(1);
  expect(existsSync(fileOf(home))).toBe(false);
});
