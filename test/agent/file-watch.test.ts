// The file watcher on real files: each change is reported once and soon, and unchanged files are not reported.

import { execFileSync } from 'node:child_process';
import {
  lstatSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { FileChange } from '../../src/agent/file-watch/file-change.ts';
import { type FileWatcher, startFileWatcher } from '../../src/agent/file-watch/file-watcher.ts';
import { versionOf } from '../../src/agent/tools/file-version.ts';
import { waitFor } from '../wait-for.ts';
import { startAgent, temporaryFolder } from './start-agent.ts';

interface Watching {
  readonly root: string;
  readonly changes: readonly FileChange[];
  readonly errors: readonly unknown[];
  readonly hold: FileWatcher['hold'];
  write(path: string, content?: string): void;
  /** The changes reported since the last call: at least `atLeast`, and all that come before a last one made here. */
  told(atLeast?: number): Promise<readonly string[]>;
}

async function watch(prepare: (root: string) => void = () => undefined): Promise<Watching> {
  const root = realpathSync(temporaryFolder());
  prepare(root);
  const changes: FileChange[] = [];
  const errors: unknown[] = [];
  const watcher = startFileWatcher({
    root,
    onChanges: (some) => changes.push(...some),
    onError: (error) => errors.push(error),
  });
  onTestFinished(() => watcher.close());
  await watcher.ready;
  let seen = 0;
  return {
    root,
    changes,
    errors,
    hold: watcher.hold,
    write(path, content = path) {
      mkdirSync(join(root, path, '..'), { recursive: true });
      writeFileSync(join(root, path), content);
    },
    async told(atLeast = 0) {
      await waitFor(`${atLeast} changes`, () => changes.length - seen >= atLeast);
      // A deletion is reported later than any other change, so surplus reports come before it.
      const last = 'last-change';
      const isTold = (change: FileChange['change']) =>
        changes.slice(seen).some((one) => one.path === last && one.change === change);
      writeFileSync(join(root, last), last);
      await waitFor('the last change', () => isTold('create'));
      rmSync(join(root, last));
      await waitFor('the last deletion', () => isTold('delete'));
      const news = changes.slice(seen).filter(({ path }) => path !== last);
      seen = changes.length;
      return news.map(({ change, path }) => `${change} ${path}`);
    },
  };
}

describe('a change', () => {
  it('is reported once', async () => {
    const { write, root, changes, told } = await watch((folder) =>
      writeFileSync(join(folder, 'old.txt'), '1'),
    );
    for (const [act, wanted] of [
      [() => write('new.txt', '12345'), 'create'],
      [() => write('old.txt', '22'), 'modify'],
      [() => write('new.txt', '123456'), 'modify'],
      [() => write('another.txt'), 'create'],
      [() => rmSync(join(root, 'old.txt')), 'delete'],
    ] as const) {
      const before = changes.length;
      act();
      await waitFor('the report', () => changes.length > before);
      expect(changes.at(-1)?.change).toBe(wanted);
    }
    expect(changes[0]).toEqual({ change: 'create', path: 'new.txt', bytes: 5 });
    expect(await told(5)).toHaveLength(5);
  });

  it('by save-and-rename is one modification; short-lived files are not reported', async () => {
    const { write, root, told } = await watch((folder) => writeFileSync(join(folder, 'a.txt'), '1'));
    write('.a.txt.swp', 'new');
    renameSync(join(root, '.a.txt.swp'), join(root, 'a.txt'));
    expect(await told(1)).toEqual(['modify a.txt']);
  });

  it('of a folder name is reported for each of its files', async () => {
    const { root, told } = await watch((folder) => {
      mkdirSync(join(folder, 'src/deep'), { recursive: true });
      for (const name of ['src/a.ts', 'src/deep/b.ts']) writeFileSync(join(folder, name), name);
    });
    renameSync(join(root, 'src'), join(root, 'lib'));
    expect([...(await told(4))].sort()).toEqual([
      'create lib/a.ts',
      'create lib/deep/b.ts',
      'delete src/a.ts',
      'delete src/deep/b.ts',
    ]);
    rmSync(join(root, 'lib'), { recursive: true });
    expect([...(await told(2))].sort()).toEqual(['delete lib/a.ts', 'delete lib/deep/b.ts']);
  });

  it('in folders created at the same moment is not missed', async () => {
    const { write, told } = await watch();
    for (let i = 0; i < 20; i++) write(`new/${i}/deep/er/file.txt`);
    expect(await told(20)).toHaveLength(20);
  });

  it('that leaves a file as it was is not reported', async () => {
    const { root, told } = await watch((folder) => {
      writeFileSync(join(folder, 'a.txt'), '1');
      utimesSync(join(folder, 'a.txt'), 1000, 1000);
    });
    utimesSync(join(root, 'a.txt'), 1000, 1000);
    expect(await told()).toEqual([]);
  });

  it('by a tool is not reported twice; the next one is reported', async () => {
    const { root, write, hold, told } = await watch();
    const release = hold('ours.txt');
    write('ours.txt');
    release(versionOf(lstatSync(join(root, 'ours.txt'), { bigint: true })));
    expect(await told()).toEqual([]);
    write('ours.txt', 'by another');
    expect(await told(1)).toEqual(['modify ours.txt']);
  });

  it('behind a link out of the workspace is not reported', async () => {
    const outside = realpathSync(temporaryFolder());
    const { root, told } = await watch();
    symlinkSync(outside, join(root, 'link'));
    writeFileSync(join(outside, 'x.txt'), 'x');
    expect(await told()).toEqual([]);
  });
});

describe('.gitignore', () => {
  it('is respected, nested ones too, and .git is always ignored', async () => {
    const { write, told } = await watch((folder) => {
      mkdirSync(join(folder, 'sub'));
      mkdirSync(join(folder, '.git'));
      mkdirSync(join(folder, 'node_modules'));
      writeFileSync(join(folder, '.gitignore'), 'node_modules/\n*.log\n');
      writeFileSync(join(folder, 'sub/.gitignore'), '!keep.log\nlocal.*\n');
    });
    for (const path of [
      'node_modules/x.js',
      'a.log',
      'sub/b.log',
      'sub/keep.log',
      'sub/local.txt',
      '.git/index',
      'c.txt',
    ])
      write(path);
    expect([...(await told(2))].sort()).toEqual(['create c.txt', 'create sub/keep.log']);
  });

  it('takes effect when it changes', async () => {
    const { write, told } = await watch((folder) => {
      mkdirSync(join(folder, 'out'));
      writeFileSync(join(folder, '.gitignore'), 'out/\n');
    });
    write('.gitignore', 'tmp/\n');
    expect(await told(1)).toEqual(['modify .gitignore']);
    write('out/x.txt');
    write('tmp/y.txt');
    expect(await told(1)).toEqual(['create out/x.txt']);
  });

  it('is in force when its change is reported', async () => {
    const root = realpathSync(temporaryFolder());
    mkdirSync(join(root, 'out'));
    writeFileSync(join(root, '.gitignore'), 'out/\n');
    const seen: string[] = [];
    const watcher = startFileWatcher({
      root,
      onChanges(changes) {
        for (const { change, path } of changes) {
          seen.push(`${change} ${path}`);
          if (path === '.gitignore') writeFileSync(join(root, 'out', 'x.txt'), 'x');
        }
      },
    });
    onTestFinished(() => watcher.close());
    await watcher.ready;
    writeFileSync(join(root, '.gitignore'), 'tmp/\n');
    await waitFor('the new file', () => seen.includes('create out/x.txt'));
    expect(seen).toEqual(['modify .gitignore', 'create out/x.txt']);
  });
});

it('files of the server are not reported', async () => {
  const root = realpathSync(temporaryFolder());
  mkdirSync(join(root, 'home'));
  const changes: FileChange[] = [];
  const watcher = startFileWatcher({
    root,
    except: [join(root, 'home'), join(root, 'my.db-wal')],
    onChanges: (some) => changes.push(...some),
  });
  onTestFinished(() => watcher.close());
  await watcher.ready;
  for (const path of ['home/x', 'my.db-wal', 'told.txt']) writeFileSync(join(root, path), 'x');
  await waitFor('the report', () => changes.length > 0);
  expect(changes.map(({ path }) => path)).toEqual(['told.txt']);
});

it('deleting the workspace is reported as an error', async () => {
  const { root, errors } = await watch((folder) => writeFileSync(join(folder, 'a.txt'), ''));
  rmSync(root, { recursive: true });
  await waitFor('the report', () => errors.length > 0);
  expect(String(errors[0])).toMatch(/is gone/);
});

it('a git checkout of many files is reported completely', async () => {
  // `npm run test:soak` sets more.
  const total = Number(process.env.WATCH_FILES ?? 1000);
  const changed = total / 10;
  const { root, told } = await watch((folder) => {
    const git = (...args: string[]) =>
      execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@t', ...args], {
        cwd: folder,
        stdio: 'pipe',
      });
    git('init', '-q');
    for (let i = 0; i < total; i++) {
      if (i % 100 === 0) mkdirSync(join(folder, `d${i / 100}`));
      writeFileSync(join(folder, `d${Math.floor(i / 100)}/f${i}`), `one ${i}`);
    }
    git('add', '-A');
    git('commit', '-qm', 'one');
    git('checkout', '-qb', 'two');
    for (let i = 0; i < changed; i++)
      writeFileSync(join(folder, `d${Math.floor(i / 100)}/f${i}`), `two, longer ${i}`);
    git('commit', '-qam', 'two');
    git('checkout', '-q', '-');
  });
  await told();
  // The watcher has its turn when git has ended: it would report a file that git leaves missing for 100 ms as deleted.
  execFileSync('git', ['checkout', '-q', 'two'], { cwd: root });
  const news = await told(changed);
  expect(new Set(news).size).toBe(changed);
  expect(news).toHaveLength(changed);
});

it('changes by tools are reported once, with their call; other changes without one', async () => {
  const { tool, write, events, workspace } = await startAgent({ watch: true });
  // The first reported change proves that the watcher has started.
  await waitFor('changes are seen', async () => {
    write('probe.txt', String(performance.now()));
    return (await events()).some(({ type }) => type.startsWith('file.'));
  });
  await tool('write_file', { path: 'by-tool.txt', content: 'x' });
  write('by-hand.txt', 'y');
  await waitFor('the report', async () =>
    (await events()).some(({ data }) => (data as { path?: string }).path === 'by-hand.txt'),
  );
  // A last change is reported after all others.
  write('last.txt', 'z');
  await waitFor('the report', async () =>
    (await events()).some(({ data }) => (data as { path?: string }).path === 'last.txt'),
  );
  const files = (await events())
    .filter(({ type }) => type.startsWith('file.'))
    .map(({ data }) => data as { path: string; tool?: string });
  expect(files.filter(({ path }) => path === 'by-tool.txt')).toEqual([
    { path: 'by-tool.txt', bytes: 1, tool: 'write_file', callId: expect.any(String) },
  ]);
  expect(files.filter(({ path }) => path === 'by-hand.txt')).toEqual([{ path: 'by-hand.txt', bytes: 1 }]);
  expect(readFileSync(join(workspace, 'by-tool.txt'), 'utf8')).toBe('x');
});

it('a .gitignore that is a pipe, a device or a huge file blocks nothing', async () => {
  const { told, write } = await watch((root) => {
    for (const name of ['a', 'b', 'c', 'd', 'e', 'f']) {
      mkdirSync(join(root, name));
      execFileSync('mkfifo', [join(root, name, '.gitignore')]);
    }
    mkdirSync(join(root, 'zero'));
    symlinkSync('/dev/zero', join(root, 'zero', '.gitignore'));
    mkdirSync(join(root, 'huge'));
    execFileSync('truncate', ['-s', '3G', join(root, 'huge', '.gitignore')]);
    writeFileSync(join(root, '.gitignore'), '*.log\n');
  });
  write('a/seen.txt');
  write('a/unseen.log');
  expect(await told(1)).toEqual(['create a/seen.txt']);
});
