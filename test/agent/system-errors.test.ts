// Refusals of the operating system: real mounts, full disks, exhausted handles, folders of other users. A file is
// changed completely or not at all, and the error names the errno.

import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, chownSync, linkSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { explainSystemError } from '../../src/agent/tools/system-errors.ts';
import { temporaryFolder } from './start-agent.ts';

interface Outcome {
  readonly result?: Record<string, unknown>;
  readonly code?: string;
  readonly status?: number;
  readonly message?: string;
}

const isRoot = process.getuid?.() === 0;
// Mounts are created in a separate namespace; an ordinary user needs a user namespace for it.
const unshare = ['unshare', ...(isRoot ? [] : ['--user', '--map-root-user']), '--mount'];
const canMount =
  spawnSync(unshare[0] as string, [...unshare.slice(1), 'mount', '-t', 'tmpfs', 'none', '/mnt']).status === 0;
if (!canMount) console.warn('SKIPPED: tests with mounts, since this system lets us make none');

/**
 * `setup` is shell code that runs in the workspace, in the namespace; `after` likewise, and its output is the last
 * line.
 */
function run(
  workspace: string,
  calls: readonly (readonly [string, Record<string, unknown>])[],
  { setup = 'true', after = 'true', isMounting = false, ...task }: Record<string, unknown> = {},
): { readonly outcomes: readonly Outcome[]; readonly after: string } {
  const script = `cd "$1" && ${String(setup)} && "$2" "$3" && echo && ${String(after)}`;
  const command = [
    ...(isMounting === true ? unshare : []),
    'sh',
    '-c',
    script,
    'sh',
    workspace,
    process.execPath,
    join(import.meta.dirname, 'tool-process.ts'),
  ];
  const input = JSON.stringify({ workspace, calls, ...task });
  const output = execFileSync(command[0] as string, command.slice(1), { encoding: 'utf8', input });
  const [results = '', rest = ''] = output.split('\n\n');
  return { outcomes: results.split('\n').map((line) => JSON.parse(line) as Outcome), after: rest.trim() };
}

const edit = (path: string): readonly [string, Record<string, unknown>] => [
  'edit_file',
  { path, oldText: 'one', newText: 'two' },
];

describe.skipIf(!canMount)('on mounted file systems', () => {
  test('a file that is a mount point is written in place', () => {
    const workspace = temporaryFolder();
    writeFileSync(join(workspace, 'f'), 'one and more');
    const { outcomes, after } = run(workspace, [edit('f'), ['write_file', { path: 'f', content: 'whole' }]], {
      isMounting: true,
      setup: 'mount --bind f f',
      after: 'ls -A && cat f',
    });
    expect(outcomes[0]).toMatchObject({ result: { replacements: 1 } });
    expect(outcomes[1]).toMatchObject({ result: { created: false } });
    expect(after).toBe('f\nwhole');
  });

  test('a writable file in a read-only folder is written in place', () => {
    const workspace = temporaryFolder();
    mkdirSync(join(workspace, 'd'));
    writeFileSync(join(workspace, 'd/f'), 'one');
    writeFileSync(join(workspace, 'd/g'), 'one');
    writeFileSync(join(workspace, 'writable'), 'one');
    const { outcomes, after } = run(
      workspace,
      [edit('d/f'), edit('d/g'), ['write_file', { path: 'd/new', content: '' }]],
      {
        isMounting: true,
        setup: 'mount --bind d d && mount -o remount,bind,ro d && mount --bind writable d/f',
        after: 'cat d/f d/g',
      },
    );
    expect(outcomes[0]).toMatchObject({ result: { replacements: 1 } });
    expect(outcomes[1]).toMatchObject({
      code: 'tool_failed',
      status: 422,
      message: expect.stringContaining('EROFS'),
    });
    expect(outcomes[2]).toMatchObject({ code: 'tool_failed', message: expect.stringContaining('EROFS') });
    expect(after).toBe('twoone');
  });

  test('a full disk leaves the old content', () => {
    const workspace = temporaryFolder();
    const long = 'x'.repeat(300_000);
    const { outcomes, after } = run(
      workspace,
      [
        ['write_file', { path: 'd/f', content: long }],
        ['write_file', { path: 'd/g', content: long }],
        ['edit_file', { path: 'd/f', oldText: 'one', newText: long }],
        ['write_file', { path: 'd/new', content: long }],
      ],
      {
        isMounting: true,
        setup:
          'mkdir d && mount -t tmpfs -o size=128k none d && echo one > d/f && echo one > d/g && ln d/g d/h',
        after: 'ls -A d && cat d/f d/g',
      },
    );
    for (const outcome of outcomes)
      expect(outcome).toMatchObject({ code: 'tool_failed', message: expect.stringContaining('ENOSPC') });
    expect(after).toBe('f\ng\nh\none\none');
  });

  test('a device file is refused', () => {
    const workspace = temporaryFolder();
    writeFileSync(join(workspace, 'f'), 'one');
    const { outcomes } = run(workspace, [edit('f'), ['write_file', { path: 'f', content: '' }]], {
      isMounting: true,
      setup: 'mount --bind /dev/full f',
    });
    for (const outcome of outcomes)
      expect(outcome).toMatchObject({
        code: 'tool_failed',
        message: expect.stringContaining('not a regular file'),
      });
  });
});

if (!isRoot) console.warn('SKIPPED: tests with the files of another user, since only root can make them');
describe.skipIf(!isRoot)('as an ordinary user', () => {
  const user = 65_534;

  test('a writable file in a read-only folder is written in place', () => {
    const workspace = temporaryFolder();
    chmodSync(workspace, 0o755);
    const path = join(workspace, 'f');
    writeFileSync(path, 'one');
    chownSync(path, user, user);
    const { outcomes } = run(workspace, [edit('f')], { user });
    expect(outcomes[0]).toMatchObject({ result: { replacements: 1 } });
    expect(readFileSync(path, 'utf8')).toBe('two');
  });

  test('a file of another user keeps its owner, or is refused', () => {
    const workspace = temporaryFolder();
    chmodSync(workspace, 0o777);
    for (const name of ['open', 'closed']) writeFileSync(join(workspace, name), 'one');
    chmodSync(join(workspace, 'open'), 0o666);
    chmodSync(join(workspace, 'closed'), 0o644);
    const { outcomes } = run(workspace, [edit('open'), edit('closed')], { user });
    expect(outcomes[0]).toMatchObject({ result: { replacements: 1 } });
    expect(statSync(join(workspace, 'open')).uid).toBe(0);
    expect(outcomes[1]).toMatchObject({ code: 'tool_failed', message: expect.stringContaining('EACCES') });
    expect(readFileSync(join(workspace, 'closed'), 'utf8')).toBe('one');
  });

  test('root gives an edited file back to its owner', () => {
    const workspace = temporaryFolder();
    const path = join(workspace, 'f');
    writeFileSync(path, 'one');
    chownSync(path, user, user);
    chmodSync(path, 0o4755);
    run(workspace, [edit('f')]);
    expect(readFileSync(path, 'utf8')).toBe('two');
    expect(statSync(path)).toMatchObject({ uid: user, gid: user });
    expect(statSync(path).mode & 0o7777).toBe(0o4755);
  });
});

test('every tool answers 503 without free file handles, and changes nothing', () => {
  const workspace = temporaryFolder();
  writeFileSync(join(workspace, 'f'), 'one');
  linkSync(join(workspace, 'f'), join(workspace, 'g'));
  const { outcomes } = run(
    workspace,
    [
      edit('f'),
      ['read_file', { path: 'f' }],
      ['write_file', { path: 'f', content: 'x' }],
      ['list_directory', {}],
      ['bash', { command: 'true' }],
    ],
    { setup: 'ulimit -n 100', useUpHandles: true },
  );
  for (const outcome of outcomes)
    expect(outcome).toMatchObject({
      code: 'resources_exhausted',
      status: 503,
      message: expect.stringMatching(/EMFILE|EAGAIN/),
    });
  expect(readFileSync(join(workspace, 'f'), 'utf8')).toBe('one');
});

test.each(Object.keys(constants.errno))('%s has a message, and a status other than 500', (errno) => {
  const error = Object.assign(new Error(`${errno}: secret, open '/home/secret'`), { code: errno });
  const explained = explainSystemError('"f"', error);
  expect(explained?.code).toMatch(/^(tool_failed|resources_exhausted)$/);
  expect(explained?.message).toContain(`(${errno})`);
  expect(explained?.message).not.toContain('secret');
});
