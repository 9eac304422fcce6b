// The watcher's promise, tried on real files: every change of a file by any program is reported once.

import { execFile, execFileSync, spawn, spawnSync } from 'node:child_process';
import {
  appendFileSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { AgentOptions } from '../../src/agent/agent-options.ts';
import { createFeedbackGuard, type FeedbackGuard } from '../../src/agent/file-watch/feedback-guard.ts';
import type { FileChange } from '../../src/agent/file-watch/file-change.ts';
import { type FileWatcherOptions, startFileWatcher } from '../../src/agent/file-watch/file-watcher.ts';
import { createUnsettledFiles } from '../../src/agent/file-watch/unsettled-files.ts';
import { waitFor } from '../wait-for.ts';
import { startAgent, temporaryFolder } from './start-agent.ts';

interface Watching {
  readonly root: string;
  readonly errors: readonly string[];
  /** The reports about each path, in their order. */
  readonly told: ReadonlyMap<string, readonly string[]>;
  /**
   * Waits until the reports are as expected; the error lists missing and surplus ones. `inSteps`: another process, which
   * may be stopped meanwhile, creates the files and then writes them, so each may be reported a second time.
   */
  settled(
    wanted: Readonly<Record<string, readonly string[]>>,
    options?: { readonly inSteps?: boolean },
  ): Promise<void>;
}

async function watch(
  prepare: (root: string) => void = () => undefined,
  options: Partial<FileWatcherOptions> = {},
): Promise<Watching> {
  const root = options.root ?? realpathSync(temporaryFolder());
  prepare(root);
  const told = new Map<string, string[]>();
  const errors: string[] = [];
  const watcher = startFileWatcher({
    root,
    onChanges(changes) {
      for (const { path, change } of changes) {
        const before = told.get(path);
        if (before === undefined) told.set(path, [change]);
        else before.push(change);
      }
    },
    onError: (error) => errors.push(String(error)),
    ...options,
  });
  onTestFinished(() => watcher.close());
  await watcher.ready;
  return {
    root,
    errors,
    told,
    async settled(wanted, { inSteps = false } = {}) {
      const reports = (path: string): string | undefined => {
        const all = told.get(path)?.join();
        return inSteps ? all?.replace(/^create,modify$/, 'create') : all;
      };
      const difference = (): string =>
        Object.entries(wanted)
          .filter(([path, changes]) => reports(path) !== changes.join())
          .slice(0, 5)
          .map(
            ([path, changes]) =>
              `${path}: ${told.get(path)?.join() ?? 'nothing'} instead of ${changes.join()}`,
          )
          .join('; ');
      await waitFor('the wanted changes', () => difference() === '', difference);
      // A last change is reported after all others, and after any surplus ones.
      writeFileSync(join(root, 'last'), 'last');
      await waitFor('the last change', () => told.has('last'));
      rmSync(join(root, 'last'));
      await waitFor('the last deletion', () => told.get('last')?.length === 2);
      told.delete('last');
      expect(difference()).toBe('');
      const others = [...told.keys()].filter((path) => !(path in wanted));
      expect(others.slice(0, 5)).toEqual([]);
      told.clear();
    },
  };
}

function git(folder: string, ...args: string[]): void {
  execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@t', ...args], { cwd: folder, stdio: 'pipe' });
}

const all = (paths: readonly string[], ...changes: string[]): Record<string, readonly string[]> =>
  Object.fromEntries(paths.map((path) => [path, changes]));

/** `npm run test:soak` sets more. */
const count = Number(process.env.WATCH_FILES ?? 1000);

describe('new folders', () => {
  test.each([0, 1, 20, 100, 400])(
    'a file created %i ms after four nested folders is reported',
    async (ms) => {
      const { root, settled } = await watch();
      execFileSync('mkdir', ['-p', 'a/b/c/d'], { cwd: root });
      await delay(ms);
      writeFileSync(join(root, 'a/b/c/d/x.txt'), 'x');
      await settled({ 'a/b/c/d/x.txt': ['create'] });
      appendFileSync(join(root, 'a/b/c/d/x.txt'), 'y');
      await settled({ 'a/b/c/d/x.txt': ['modify'] });
      mkdirSync(join(root, 'a/b/c/d/e/f'), { recursive: true });
      writeFileSync(join(root, 'a/b/c/d/e/f/y.txt'), 'y');
      await settled({ 'a/b/c/d/e/f/y.txt': ['create'] });
    },
  );

  test('many files in many of them are reported under load, and so are later changes', async () => {
    const { root, settled } = await watch();
    const busy = spawn(process.execPath, ['-e', 'for (;;);']);
    onTestFinished(() => void busy.kill());
    const paths = Array.from({ length: count }, (_, i) => `t${i % 10}/d${i % 100}/f${i}`);
    for (const path of paths) {
      mkdirSync(join(root, path, '..'), { recursive: true });
      writeFileSync(join(root, path), path);
    }
    await settled(all(paths, 'create'));
    const some = paths.slice(0, count / 5);
    for (const path of some) writeFileSync(join(root, path), 'changed');
    await settled(all(some, 'modify'));
    rmSync(join(root, 't1'), { recursive: true });
    await settled(
      all(
        paths.filter((path) => path.startsWith('t1/')),
        'delete',
      ),
    );
  });

  test('moving, replacing, moving out and back in is followed', async () => {
    const outside = realpathSync(temporaryFolder());
    const { root, settled } = await watch((folder) => {
      for (const name of ['one', 'two']) {
        mkdirSync(join(folder, name, 'deep'), { recursive: true });
        writeFileSync(join(folder, name, 'deep/f'), name);
      }
    });
    const path = (name: string): string => join(root, name);
    renameSync(path('one'), path('three'));
    renameSync(path('two'), path('one'));
    // "one" is another folder now, with a file that has another content.
    await settled({ 'one/deep/f': ['modify'], 'two/deep/f': ['delete'], 'three/deep/f': ['create'] });
    writeFileSync(path('one/deep/g'), '');
    writeFileSync(path('three/deep/g'), '');
    await settled({ 'one/deep/g': ['create'], 'three/deep/g': ['create'] });
    renameSync(path('three'), join(outside, 'three'));
    await settled({ 'three/deep/f': ['delete'], 'three/deep/g': ['delete'] });
    writeFileSync(join(outside, 'three/deep/h'), '');
    renameSync(join(outside, 'three'), path('four'));
    await settled(all(['four/deep/f', 'four/deep/g', 'four/deep/h'], 'create'));
    writeFileSync(path('four/deep/f'), 'changed');
    await settled({ 'four/deep/f': ['modify'] });
    for (let round = 0; round < 3; round++) {
      rmSync(path('four'), { recursive: true });
      await settled(
        all(round === 0 ? ['four/deep/f', 'four/deep/g', 'four/deep/h'] : ['four/deep/f'], 'delete'),
      );
      mkdirSync(path('four/deep'), { recursive: true });
      writeFileSync(path('four/deep/f'), String(round));
      await settled({ 'four/deep/f': ['create'] });
    }
    rmSync(path('four'), { recursive: true });
    writeFileSync(path('four'), 'a file now');
    await settled({ 'four/deep/f': ['delete'], four: ['create'] });
  });

  test('a git checkout is reported completely, and so are later changes', async () => {
    const paths = Array.from({ length: count }, (_, i) => `big/a${i % 40}/b${i % 200}/f${i}`);
    const { root, settled } = await watch((folder) => {
      git(folder, 'init', '-q', '-b', 'main');
      writeFileSync(join(folder, 'main.txt'), '');
      git(folder, 'add', '-A');
      git(folder, 'commit', '-qm', 'main');
      git(folder, 'checkout', '-qb', 'big');
      for (const path of paths) {
        mkdirSync(join(folder, path, '..'), { recursive: true });
        writeFileSync(join(folder, path), path);
      }
      git(folder, 'add', '-A');
      git(folder, 'commit', '-qm', 'big');
      git(folder, 'checkout', '-q', 'main');
    });
    const checkout = (branch: string): Promise<unknown> =>
      new Promise((resolve) => execFile('git', ['checkout', '-q', branch], { cwd: root }, resolve));
    await checkout('big');
    await settled(all(paths, 'create'), { inSteps: true });
    for (const path of paths.slice(-200)) writeFileSync(join(root, path), 'later');
    await settled(all(paths.slice(-200), 'modify'));
    git(root, 'checkout', '-q', '.');
    await settled(all(paths.slice(-200), 'modify'));
    await checkout('main');
    await settled(all(paths, 'delete'));
  });
});

test.runIf(process.platform === 'linux')('more changes than the system queues are reported', async () => {
  const { root, settled } = await watch((folder) => {
    for (let i = 0; i < 100; i++) mkdirSync(join(folder, `d${i}`));
    for (const name of ['left', 'right']) writeFileSync(join(folder, name), '');
  });
  // The event loop is blocked meanwhile, so nothing takes hints out of the queue. The files alternate, since two equal
  // hints in a row are merged.
  const files = ['left', 'right'].map((name) => openSync(join(root, name), 'a'));
  const limit = Number(readFileSync('/proc/sys/fs/inotify/max_queued_events', 'utf8'));
  for (let i = 0; i <= limit; i++) writeSync(files[i % 2] as number, 'x');
  for (const file of files) closeSync(file);
  // The queue is full, so there are no hints for these.
  const paths = Array.from({ length: 1000 }, (_, i) => `d${i % 100}/f${i}`);
  for (const path of paths) writeFileSync(join(root, path), 'x');
  await settled({ ...all(['left', 'right'], 'modify'), ...all(paths, 'create') });
});

const unshare = ['unshare', '--user', '--map-root-user', 'sh', '-c'];
const setLimit = 'echo 5 > /proc/sys/user/max_inotify_watches';
const canLimit = spawnSync(unshare[0] as string, [...unshare.slice(1), setLimit]).status === 0;
if (!canLimit) console.warn('SKIPPED: the test with a limit on watches, since this system lets us set none');
test.skipIf(!canLimit)('folders that the system cannot watch are polled, with one warning', async () => {
  const root = realpathSync(temporaryFolder());
  for (let i = 0; i < 20; i++) mkdirSync(join(root, `d${i}`));
  const program = `
    const { startFileWatcher } = await import(${JSON.stringify(join(import.meta.dirname, '../../src/agent/file-watch/file-watcher.ts'))});
    const watcher = startFileWatcher({ root: ${JSON.stringify(root)}, pollMs: 100,
      onChanges: (changes) => { for (const { change, path } of changes) console.log(change, path); },
      onError: (error) => console.log(String(error)) });
    await watcher.ready;
    console.log('ready');
    setInterval(() => undefined, 1000);`;
  const command = `${setLimit} && exec "$0" --input-type=module -e "$1"`;
  const child = spawn(unshare[0] as string, [...unshare.slice(1), command, process.execPath, program]);
  onTestFinished(() => void child.kill());
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (said += chunk));
  await waitFor(
    'the warning',
    () => said.includes('ready'),
    () => said,
  );
  for (let i = 0; i < 20; i++) writeFileSync(join(root, `d${i}/f`), '');
  mkdirSync(join(root, 'd3/new/deep'), { recursive: true });
  writeFileSync(join(root, 'd3/new/deep/f'), '');
  await waitFor(
    'what the process says',
    () => said.match(/create .*\n/g)?.length === 21,
    () => said,
  );
  expect(said).toContain('create d3/new/deep/f');
  expect(said.match(/cannot watch more folders.*ENOSPC/g)).toHaveLength(1);
});

describe('ignore files outside the workspace', () => {
  async function prepared(isInside: boolean): Promise<{ workspace: string; environment: NodeJS.ProcessEnv }> {
    const base = realpathSync(temporaryFolder());
    const home = join(base, 'home');
    const repository = join(base, 'repository');
    const workspace = isInside ? join(repository, 'packages/one') : repository;
    mkdirSync(workspace, { recursive: true });
    mkdirSync(join(home, 'git'), { recursive: true });
    git(repository, 'init', '-q');
    writeFileSync(join(home, '.gitconfig'), '[core]\n\texcludesFile = ~/my-ignore\n');
    writeFileSync(join(home, 'my-ignore'), '*.user\n');
    writeFileSync(join(repository, '.git/info/exclude'), '*.local\n!kept.user\n');
    if (isInside) {
      writeFileSync(join(repository, '.gitignore'), '*.outer\n/packages/one/gen/\n!kept.local\n');
      writeFileSync(join(repository, 'packages/.gitignore'), '!kept.outer\n');
    }
    const environment = { PATH: process.env.PATH, HOME: home, GIT_CONFIG_NOSYSTEM: '1' };
    return { workspace, environment };
  }

  test.each([
    [false, ['kept.user', 'a.outer', 'kept.outer', 'gen/a', 'a.txt']],
    [true, ['kept.user', 'kept.local', 'kept.outer', 'a.txt']],
  ])('are respected by the watcher and by glob; in a larger repository: %s', async (isInside, wanted) => {
    const { workspace, environment } = await prepared(isInside);
    mkdirSync(join(workspace, 'gen'));
    const { settled } = await watch(() => undefined, { root: workspace, environment });
    const names = ['a.user', 'kept.user', 'a.local', 'a.outer', 'kept.outer', 'gen/a', 'a.txt'];
    if (isInside) names.push('kept.local');
    for (const name of names) writeFileSync(join(workspace, name), '');
    await settled(all(wanted, 'create'));
    const { agent } = await startAgent({
      workspace,
      environment,
      models: ['offline'],
    } as Partial<AgentOptions>);
    const { files } = (await agent.tools.execute(
      'glob',
      { pattern: '*' },
      { signal: new AbortController().signal },
    )) as { files: string[] };
    expect(files.filter((name) => name !== '.gitignore').sort()).toEqual([...wanted].sort());
  });

  test('that exclude the whole workspace are ignored', async () => {
    const base = realpathSync(temporaryFolder());
    git(base, 'init', '-q');
    writeFileSync(join(base, '.gitignore'), 'build/\n');
    mkdirSync(join(base, 'build/work'), { recursive: true });
    const { root, settled } = await watch(() => undefined, { root: join(base, 'build/work') });
    writeFileSync(join(root, 'a'), '');
    await settled({ a: ['create'] });
  });
});

describe('a file written from the event stream', () => {
  /** Writes the result of `line` for each event of a file; `isDone` returns true when the end should be checked. */
  async function follow(line: (event: { id: string; timestamp: string; type: string }) => string): Promise<{
    workspace: string;
    warnings: string[];
    paths: () => Promise<readonly (string | undefined)[]>;
  }> {
    const warnings: string[] = [];
    const running = await startAgent({ watch: true, warn: (message) => warnings.push(message) });
    const { log, workspace } = running;
    const controller = new AbortController();
    const following = (async () => {
      for await (const item of log.subscribe({ signal: controller.signal }))
        if (item.kind === 'event') appendFileSync(join(workspace, 'events.log'), line(item.event));
    })();
    onTestFinished(async () => {
      controller.abort();
      await following;
    });
    return {
      workspace,
      warnings,
      // Without the file that starts it, which is written until the watcher has seen it.
      paths: async () =>
        (await log.read({ limit: 200 }))
          .map(({ data }) => (data as { path?: string }).path)
          .filter((path) => path !== 'start'),
    };
  }

  test.each([
    ['as JSON', (event: object) => `${JSON.stringify(event)}\n`],
    [
      'as `events tail` prints it',
      (event: { timestamp: string }) => `${event.timestamp.slice(11, 23)} file\n`,
    ],
  ])('%s does not cause events forever, and other files are still reported', async (_, line) => {
    const { workspace, warnings, paths } = await follow(line);
    await waitFor('the warning', async () => {
      if (!existsSync(join(workspace, 'events.log'))) writeFileSync(join(workspace, 'start'), '');
      return warnings.length > 0;
    });
    expect(warnings.join()).toMatch(/events\.log is written from the events about it/);
    const before = await paths();
    expect(before.length).toBeLessThan(20);
    // The loop has ended: the event of another file is written to events.log, too, and causes no further event.
    const others = ['other.txt', 'another.txt', 'last.txt'];
    for (const name of others) {
      writeFileSync(join(workspace, name), 'x');
      await waitFor(name, async () => (await paths()).includes(name));
    }
    expect(await paths()).toEqual([...before, ...others]);
  });
});

test('a file that was empty when it was seen is looked at again, even if that look came back late', () => {
  const { isUnsettled, close } = createUnsettledFiles(() => undefined);
  onTestFinished(close);
  const [at, time] = [performance.now() - 5000, BigInt(Date.now() - 5010)];
  const stats = { mtimeMs: time, birthtimeMs: time };
  const seen = { kind: 'file', version: '1', bytes: 0, stats, at } as const;
  expect(isUnsettled('f', false, undefined, seen)).toBe(true);
  expect(isUnsettled('f', false, undefined, { ...seen, at: at + 1000 })).toBe(false);
});

describe('without events in its content', () => {
  function start(): {
    guard: FeedbackGuard;
    released: FileChange[];
    warnings: string[];
    pass: (ms: number) => void;
  } {
    let time = 1_000_000;
    const timers = new Map<() => void, number>();
    const released: FileChange[] = [];
    const warnings: string[] = [];
    const guard = createFeedbackGuard({
      isEcho: async () => false,
      onRelease: (changes) => released.push(...changes),
      warn: (message) => warnings.push(message),
      now: () => time,
      setTimer(ms, work) {
        timers.set(work, time + ms);
        return () => timers.delete(work);
      },
    });
    return {
      guard,
      released,
      warnings,
      pass(ms) {
        time += ms;
        for (const [work, due] of [...timers]) if (due <= time && timers.delete(work)) work();
      },
    };
  }

  test.each(['modify', 'create'] as const)(
    'a file that changes after each of its events is reported less and less (%s)',
    async (change) => {
      const { guard, released, warnings, pass } = start();
      let told = 0;
      let time = 0;
      // One that reacts in 50 ms to each event of it, for an hour.
      let isReacting = true;
      for (let count = 0; time < 3_600_000; count++) {
        if (isReacting) {
          const path = change === 'modify' ? 'd/log' : `d/log${count}`;
          const now = (await guard.admit([{ change, path, bytes: count }])).length;
          told += now;
          isReacting = now > 0;
        }
        pass(50);
        time += 50;
        if (released.length > 0) {
          told += released.splice(0).length;
          isReacting = true;
        }
      }
      expect(told).toBeGreaterThan(100);
      expect(told).toBeLessThan(130);
      expect(warnings).toHaveLength(1);
    },
  );

  test('a file that is written all the time is reported every two seconds', async () => {
    const { guard, released, warnings, pass } = start();
    let told = 0;
    for (let time = 0; time < 60_000; time += 50) {
      told += (await guard.admit([{ change: 'modify', path: 'log', bytes: time }])).length;
      pass(50);
    }
    pass(2000);
    expect(told + released.length).toBeGreaterThanOrEqual(120);
    expect(released.at(-1)?.bytes).toBe(59_950);
    expect(warnings).toEqual([]);
  });

  test('no delayed change is lost', async () => {
    const { guard, released, pass } = start();
    const told: FileChange[] = [];
    for (let count = 0; count < 200; count++) {
      told.push(...(await guard.admit([{ change: 'create', path: `d/${count}`, bytes: 1 }])));
      if (count === 199) {
        await guard.admit([{ change: 'modify', path: 'd/199', bytes: 2 }]);
        expect(await guard.admit([{ change: 'delete', path: 'd/198' }])).toEqual([]);
      }
      pass(20);
    }
    pass(10_000);
    told.push(...released);
    expect(new Set(told.map(({ path }) => path)).size).toBe(199);
    expect(told.find(({ path }) => path === 'd/199')).toEqual({ change: 'create', path: 'd/199', bytes: 2 });
  });
});
