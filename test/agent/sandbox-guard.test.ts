// Files that a command in the sandbox leaves behind never run outside it, tried with the real bubblewrap and the real
// git. The payload of an attack only writes a mark in a temporary folder.

import { execFileSync, spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { AgentOptions } from '../../src/agent/agent-options.ts';
import { WAIT_LIMIT_MS, waitFor } from '../wait-for.ts';
import { startAgent, temporaryFolder } from './start-agent.ts';

function works(program: string, args: readonly string[]): boolean {
  return spawnSync(program, args, { stdio: 'ignore' }).status === 0;
}

const canSandbox =
  works('bwrap', ['--ro-bind', '/', '/', '--unshare-all', 'true']) && works('git', ['--version']);
// Printed, since nothing else shows that these promises are not tested.
if (!canSandbox)
  process.stderr.write('SKIPPED: bubblewrap or git does not work here; nothing of sandbox-guard is tested\n');

interface Guarded {
  readonly workspace: string;
  readonly folder: string;
  /** Runs a command in the sandbox. */
  readonly run: (command: string) => Promise<{
    readonly exitCode: number;
    readonly stdout: string;
    readonly stderr: string;
    readonly runsLater?: readonly { path: string; change: string; runBy: string; action: string }[];
  }>;
  /** Runs git on the host, as the user's shell or editor would. */
  readonly git: (args: readonly string[], cwd?: string) => string;
  /** Exists after something planted has run on the host. */
  readonly mark: string;
  readonly agent: Awaited<ReturnType<typeof startAgent>>['agent'];
}

/** Runs git as the user's shell or editor would. */
function gitIn(folder: string, args: readonly string[], cwd: string): string {
  const env = { PATH: process.env.PATH, HOME: folder, GIT_CONFIG_NOSYSTEM: '1', GIT_TERMINAL_PROMPT: '0' };
  return spawnSync('git', args, { cwd, env, encoding: 'utf8' }).stdout;
}

/** A repository of one commit, which each test copies. */
const template = realpathSync(mkdtempSync(join(tmpdir(), 'codebuddy-test-')));
beforeAll(() => {
  const git = (...args: readonly string[]): string => gitIn(template, args, template);
  git('init', '-q', '-b', 'main');
  git('config', 'user.email', 'a@example.org');
  git('config', 'user.name', 'A');
  git('config', 'extensions.worktreeConfig', 'true');
  writeFileSync(join(template, 'a.txt'), 'a\n');
  git('add', '.');
  git('commit', '-qm', 'one');
  return () => rmSync(template, { recursive: true, force: true });
});

/** A workspace with the repository, and an agent whose commands run in bubblewrap. */
async function guarded(
  options: Partial<AgentOptions> = {},
  prepare?: (at: Guarded) => void,
): Promise<Guarded> {
  const folder = realpathSync(temporaryFolder());
  const workspace = join(folder, 'workspace');
  cpSync(template, workspace, { recursive: true });
  const mark = join(folder, 'mark');
  const git = (args: readonly string[], cwd = workspace): string => gitIn(folder, args, cwd);
  const early = { workspace, folder, git, mark } as Guarded;
  prepare?.(early);
  const { tool, agent } = await startAgent({
    folder,
    models: ['offline'],
    environment: { PATH: process.env.PATH, HOME: folder },
    // A busy machine may be slow to start bubblewrap.
    sandbox: { network: false, probeTimeoutMs: WAIT_LIMIT_MS },
    stateFolder: join(folder, 'state'),
    ...options,
  });
  const run: Guarded['run'] = async (command) => (await tool('bash', { command })) as never;
  return { ...early, run, agent };
}

/** Commands that the user and the editor run in daily work. */
function useGit({ git }: Pick<Guarded, 'git'>, cwd?: string): void {
  for (const command of [
    'status',
    'diff',
    'log -p -1',
    'branch -a',
    'add -A',
    'stash list',
    'ls-files -m',
    'commit -qm later',
  ])
    git(command.split(' '), cwd);
}

const evil = (mark: string): string => `#!/bin/sh\\necho ran >> ${mark}\\n`;

describe.skipIf(!canSandbox)('after a command in the sandbox, git on the host runs nothing planted', () => {
  const plantMonitor = (file: string, mark: string): string =>
    `printf '[core]\\n\\tfsmonitor = "echo ran >> ${mark}; false"\\n\\tbare = false\\n\\trepositoryformatversion = 0\\n' >> ${file}`;

  it.each<[string, (mark: string) => string]>([
    ['git config', (mark) => `git config core.fsmonitor 'echo ran >> ${mark}; false'`],
    ['a write of .git/config', (mark) => plantMonitor('.git/config', mark)],
    [
      'another config moved over it',
      (mark) => `cp .git/config c; ${plantMonitor('c', mark)}; mv -f c .git/config; ln -f c .git/config`,
    ],
    [
      '.git renamed and copied back',
      (mark) => `mv .git x; cp -r x .git; ${plantMonitor('.git/config', mark)}`,
    ],
    [
      '.git removed and made again',
      (mark) => `rm -rf .git; git init -q; ${plantMonitor('.git/config', mark)}`,
    ],
    ['a hook', (mark) => `printf '${evil(mark)}' > .git/hooks/pre-commit; chmod +x .git/hooks/pre-commit`],
    [
      'the folder of hooks replaced',
      (mark) =>
        `mv .git/hooks h; mkdir -p .git/hooks; printf '${evil(mark)}' > .git/hooks/post-index-change; chmod +x .git/hooks/*`,
    ],
    [
      'core.hooksPath',
      (mark) =>
        `mkdir hooks; printf '${evil(mark)}' > hooks/pre-commit; chmod +x hooks/*; git config core.hooksPath hooks`,
    ],
    ['config.worktree', (mark) => plantMonitor('.git/config.worktree', mark)],
    [
      '.git/commondir that leads to a copy',
      (mark) => `cp -r .git copy; ${plantMonitor('copy/config', mark)}; echo ../copy > .git/commondir`,
    ],
    [
      '.git/commondir, absolute',
      (mark) => `mkdir c; cp -r .git/. c; ${plantMonitor('c/config', mark)}; echo "$PWD/c" > .git/commondir`,
    ],
    [
      'info replaced, with a driver',
      (mark) =>
        `mv .git/info i; mkdir .git/info; echo '* filter=x diff=x' > .git/info/attributes; ${plantMonitor('.git/config', mark)}`,
    ],
    [
      'a bare layout in the workspace itself',
      (mark) =>
        `rm -f .git/HEAD; cp -r .git/objects .git/refs .; echo 'ref: refs/heads/main' > HEAD; ${plantMonitor('config', mark)}; echo '[core] worktree = .' >> config`,
    ],
  ])('%s', async (_, attack) => {
    const at = await guarded();
    await at.run(attack(at.mark));
    useGit(at);
    expect(existsSync(at.mark)).toBe(false);
    expect(existsSync(join(at.workspace, '.git', 'commondir'))).toBe(false);
  });

  it.each<[string, (mark: string) => string, string]>([
    ['a new repository', (mark) => `git init -q sub; ${plantMonitor('sub/.git/config', mark)}`, 'sub'],
    [
      'a new repository with a hook',
      (mark) =>
        `git init -q sub; mkdir -p sub/.git/hooks; printf '${evil(mark)}' | tee sub/.git/hooks/pre-commit sub/.git/hooks/post-index-change; chmod +x sub/.git/hooks/*; cd sub; git config user.name a; git config user.email b; echo x > x`,
      'sub',
    ],
    [
      'a bare layout',
      (mark) =>
        `git init -q --bare sub; ${plantMonitor('sub/config', mark)}; echo '[core] worktree = .' >> sub/config`,
      'sub',
    ],
    [
      'a bare layout in node_modules',
      (mark) =>
        `mkdir -p node_modules/a; git init -q --bare node_modules/a/b; ${plantMonitor('node_modules/a/b/config', mark)}; echo '[core] worktree = .' >> node_modules/a/b/config`,
      'node_modules/a/b',
    ],
    [
      'a .git file that leads to a planted folder',
      (mark) =>
        `git init -q --bare evil; ${plantMonitor('evil/config', mark)}; mkdir sub; echo 'gitdir: ../evil' > sub/.git`,
      'sub',
    ],
    [
      'a folder with commondir only',
      (mark) =>
        `mkdir -p sub/.git evil/worktrees/x; cp -r .git/objects .git/refs evil/; ${plantMonitor('evil/config', mark)}; cp .git/HEAD evil/worktrees/x/; echo ../.. > evil/worktrees/x/commondir; rm -r sub/.git; echo 'gitdir: ../evil/worktrees/x' > sub/.git`,
      'sub',
    ],
    [
      'an include',
      () =>
        `git init -q sub; printf '[core]\\n\\tfsmonitor = "echo ran >> ../../mark; false"\\n' > i; printf '[include]\\n\\tpath = ../../i\\n' >> sub/.git/config`,
      'sub',
    ],
    [
      'a worktree of the repository',
      (mark) =>
        `git worktree add -q sub; ${plantMonitor('.git/worktrees/sub/config.worktree', mark)}; mkdir c; cp -r .git/. c; ${plantMonitor('c/config', mark)}; echo "$PWD/c" > .git/worktrees/sub/commondir`,
      'sub',
    ],
    [
      'a submodule',
      (mark) =>
        `mkdir -p .git/modules/sub sub; cp -r .git/HEAD .git/objects .git/refs .git/modules/sub/; ${plantMonitor('.git/modules/sub/config', mark)}; echo 'gitdir: ../.git/modules/sub' > sub/.git`,
      'sub',
    ],
  ])('below the workspace: %s', async (_, attack, folder) => {
    const at = await guarded();
    const { runsLater } = await at.run(attack(at.mark));
    useGit(at, join(at.workspace, folder));
    useGit(at);
    expect(existsSync(at.mark)).toBe(false);
    expect(runsLater?.some(({ action }) => action === 'removed')).toBe(true);
  });

  it('an existing nested repository keeps its configuration, however its folders are moved', async () => {
    const at = await guarded({}, ({ git, workspace }) => {
      mkdirSync(join(workspace, 'sub', 'repo'), { recursive: true });
      git(['init', '-q'], join(workspace, 'sub', 'repo'));
      git(['config', 'alias.mine', '!true'], join(workspace, 'sub', 'repo'));
    });
    await at.run(
      `mv sub s2; cp -r s2 sub; ${plantMonitor('sub/repo/.git/config', at.mark)}; ${plantMonitor('s2/repo/.git/config', at.mark)}`,
    );
    for (const name of ['sub', 's2']) useGit(at, join(at.workspace, name, 'repo'));
    expect(existsSync(at.mark)).toBe(false);
    expect(readFileSync(join(at.workspace, 's2', 'repo', '.git', 'config'), 'utf8')).toContain('mine');
  });
});

describe.skipIf(!canSandbox)('a command cannot write a file that runs later', () => {
  const paths = [
    '.npmrc',
    '.envrc',
    '.vscode/tasks.json',
    '.github/workflows/ci.yml',
    '.gitlab-ci.yml',
    '.mcp.json',
    '.claude/settings.json',
    '.yarnrc.yml',
    'Jenkinsfile',
    'x.code-workspace',
    'sub/.vscode/settings.json',
    'sub/.npmrc',
    '.NPMRC',
  ];
  /** Writes the file, moves `.github` away and writes it again. */
  const attack = (path: string, index: number): string =>
    `mkdir -p "$(dirname ${path})"; echo planted > ${path}; mv .github github-${index}; mkdir -p "$(dirname ${path})"; echo planted > ${path}`;

  it('if it does not exist', async () => {
    const at = await guarded();
    await at.run(paths.map(attack).join('\n'));
    for (const path of paths) expect(existsSync(join(at.workspace, path)), path).toBe(false);
  });

  it('if it exists, also if its folder is moved and copied back', async () => {
    const at = await guarded({}, ({ workspace }) => {
      for (const path of paths) {
        mkdirSync(join(workspace, path, '..'), { recursive: true });
        writeFileSync(join(workspace, path), 'mine');
      }
    });
    const moves = paths.map(
      (path, index) =>
        `${attack(path, index)}; mv sub sub-${index}; mkdir sub; cp -r sub-${index}/. sub; echo planted >> ${path}`,
    );
    await at.run(moves.join('\n'));
    for (const path of paths) {
      const file = join(at.workspace, path);
      expect(existsSync(file) ? readFileSync(file, 'utf8') : '', path).not.toContain('planted');
    }
  });

  it('if the setting protectedPaths names it', async () => {
    const at = await guarded({ protectedPaths: ['deploy/**'] }, ({ workspace }) => {
      mkdirSync(join(workspace, 'deploy'));
      writeFileSync(join(workspace, 'deploy', 'run.sh'), 'mine');
    });
    expect((await at.run('echo planted > deploy/run.sh')).exitCode).not.toBe(0);
    expect((await at.run('echo planted > deploy/new.sh')).exitCode).not.toBe(0);
    expect(readdirSync(join(at.workspace, 'deploy'))).toEqual(['run.sh']);
  });

  it('through a link to it', async () => {
    const at = await guarded({}, ({ workspace }) => {
      mkdirSync(join(workspace, 'config'));
      writeFileSync(join(workspace, 'config', 'npmrc'), 'mine');
      symlinkSync('config/npmrc', join(workspace, '.npmrc'));
    });
    await at.run('echo planted > .npmrc; echo planted > config/npmrc; rm .npmrc; echo planted > .npmrc');
    expect(readFileSync(join(at.workspace, 'config', 'npmrc'), 'utf8')).toBe('mine');
    expect(existsSync(join(at.workspace, '.npmrc'))).toBe(false);
  });

  it('unless a rule names it', async () => {
    const permissions = {
      allow: ['write_file(.npmrc)', 'write_file(.git/config)', 'write_file(.vscode/**)'],
      deny: [],
    };
    const at = await guarded({ permissions });
    const { runsLater, exitCode } = await at.run(
      'echo a=b > .npmrc && git remote add o /x && mkdir .vscode && echo {} > .vscode/settings.json',
    );
    expect(exitCode).toBe(0);
    expect(readFileSync(join(at.workspace, '.npmrc'), 'utf8')).toBe('a=b\n');
    expect(at.git(['remote'])).toBe('o\n');
    expect(existsSync(join(at.workspace, '.vscode', 'settings.json'))).toBe(true);
    expect(runsLater ?? []).toEqual([]);
  });

  it('and a file that was taken away is kept and named in the result', async () => {
    const at = await guarded();
    const { runsLater } = await at.run('echo planted > .yarnrc.yml');
    expect(runsLater).toEqual([
      { path: '.yarnrc.yml', change: 'created', action: 'removed', runBy: expect.stringContaining('yarn') },
    ]);
    const kept = join(at.folder, 'state', 'taken-away');
    const [place = ''] = readdirSync(kept);
    expect(readFileSync(join(kept, place, '.yarnrc.yml'), 'utf8')).toBe('planted\n');
  });
});

describe.skipIf(!canSandbox)('ordinary work succeeds', () => {
  it('with git: add, commit, branch, merge, tag, stash, worktrees, new repositories', async () => {
    const at = await guarded();
    const { exitCode, stderr, runsLater } = await at.run(
      [
        'set -e',
        'echo b > b.txt; git add -A; git commit -qm two',
        'git checkout -qb side; echo c > c.txt; git add .; git commit -qm three',
        'git checkout -q main; echo d >> a.txt; git commit -qam four; git merge -q side -m merge; git tag v1',
        'echo e >> a.txt; git stash -q; git stash pop -q; git gc -q',
        'git worktree add -q ../workspace/wt; cd wt; echo f > f.txt; git add -A; git commit -qm five; cd ..',
        'git init -q new; cd new; git config user.name x; echo x > x; git add .',
      ].join('\n'),
    );
    expect(stderr).toBe('');
    expect(exitCode).toBe(0);
    expect(runsLater ?? []).toEqual([]);
    expect(at.git(['log', '--oneline', 'main']).trim().split('\n')).toHaveLength(5);
    expect(at.git(['ls-files'])).not.toContain('.npmrc');
    expect(at.git(['status', '--short', 'a.txt'])).toBe(' M a.txt\n');
  });

  it.skipIf(!works('npm', ['--version']))('with npm: scripts, and packages of this machine', async () => {
    const at = await guarded({}, ({ workspace }) => {
      mkdirSync(join(workspace, 'lib'));
      writeFileSync(
        join(workspace, 'lib', 'package.json'),
        '{"name":"lib","version":"1.0.0","bin":"./b.js"}',
      );
      writeFileSync(join(workspace, 'lib', 'b.js'), '#!/usr/bin/env node\nconsole.log("lib runs")\n', {
        mode: 0o755,
      });
      writeFileSync(
        join(workspace, 'package.json'),
        '{"name":"x","version":"1.0.0","scripts":{"test":"lib"}}',
      );
    });
    const { exitCode, stdout, runsLater } = await at.run(
      'export npm_config_cache=/tmp/c; npm install --offline --no-audit ./lib && npm test',
    );
    expect([exitCode, stdout]).toEqual([0, expect.stringContaining('lib runs')]);
    // These run by design, so they are reported and stay.
    expect(runsLater?.map(({ path, action }) => [path, action])).toEqual([
      ['package-lock.json', 'told'],
      ['package.json', 'told'],
    ]);
  });

  it('no placeholder is left, even after commands that ran at the same time', async () => {
    const at = await guarded();
    const before = readdirSync(at.workspace).sort();
    const inGit = readdirSync(join(at.workspace, '.git')).sort();
    const results = await Promise.all(
      [1, 2, 3, 4].map(async (n) =>
        // Each waits for the others, so that all run at the same time.
        at.run(
          `touch started-${n}; while [ $(ls started-* | wc -l) -lt 4 ]; do sleep 0.02; done; echo planted > .envrc; echo planted > .git/hooks/x; true`,
        ),
      ),
    );
    for (const n of [1, 2, 3, 4]) rmSync(join(at.workspace, `started-${n}`));
    expect(results.every(({ stderr }) => stderr.includes('.envrc'))).toBe(true);
    expect(readdirSync(at.workspace).sort()).toEqual(before);
    expect(readdirSync(join(at.workspace, '.git')).sort()).toEqual(inGit);
    expect(at.git(['status', '--short'])).toBe('');
  });

  it('a placeholder that the user fills meanwhile stays', async () => {
    const at = await guarded();
    const running = at.run('while [ ! -e go ]; do sleep 0.05; done');
    await waitFor('the placeholder', () => existsSync(join(at.workspace, '.vscode')));
    writeFileSync(join(at.workspace, '.vscode', 'settings.json'), '{}');
    writeFileSync(join(at.workspace, 'go'), '');
    await running;
    expect(readFileSync(join(at.workspace, '.vscode', 'settings.json'), 'utf8')).toBe('{}');
  });
});

describe.skipIf(!canSandbox)('after a crash', () => {
  it('the next start removes the files that a command left', async () => {
    const at = await guarded();
    // The state that kill -9 leaves: the command's files and the journal are there, and nothing has been removed.
    void at
      .run(
        'git init -q sub; echo "[core] fsmonitor = x" >> sub/.git/config; cp -r .git c; echo ../c > .git/commondir; echo > .yarnrc.yml; touch done; sleep 600',
      )
      .catch(() => undefined);
    await waitFor('the files of the command', () => existsSync(join(at.workspace, 'done')));
    const journals = join(at.folder, 'state', 'commands');
    const kept = readdirSync(journals).map(
      (name) => [name, readFileSync(join(journals, name), 'utf8')] as const,
    );
    expect(kept).toHaveLength(1);
    const warnings: string[] = [];
    const other = realpathSync(temporaryFolder());
    mkdirSync(join(other, 'state', 'commands'), { recursive: true });
    for (const [name, text] of kept) writeFileSync(join(other, 'state', 'commands', name), text);
    symlinkSync(at.workspace, join(other, 'workspace'));
    await startAgent({
      folder: other,
      models: ['offline'],
      stateFolder: join(other, 'state'),
      warn: (message) => warnings.push(message),
    });
    expect(warnings.join('\n')).toContain('.git/commondir');
    expect(existsSync(join(at.workspace, '.git', 'commondir'))).toBe(false);
    expect(existsSync(join(at.workspace, 'sub', '.git', 'config'))).toBe(false);
    expect(existsSync(join(at.workspace, '.yarnrc.yml'))).toBe(false);
    expect(existsSync(join(at.workspace, '.envrc'))).toBe(false);
    expect(readdirSync(join(other, 'state', 'commands'))).toEqual([]);
  });
});

describe('without a sandbox', () => {
  it('the result of a command names the files that run later', async () => {
    const { tool, write } = await startAgent();
    write('Makefile', 'all:\n');
    const { runsLater } = await tool('bash', {
      command: 'echo >> Makefile; echo > .npmrc; echo > plain.txt',
    });
    expect(runsLater).toEqual([
      { path: '.npmrc', change: 'created', action: 'told', runBy: expect.any(String) },
      { path: 'Makefile', change: 'modified', action: 'told', runBy: expect.any(String) },
    ]);
  });
});

it('the payload of an attack writes its mark if the user plants it', () => {
  const folder = realpathSync(temporaryFolder());
  const mark = join(folder, 'mark');
  execFileSync('git', ['init', '-q'], { cwd: folder });
  execFileSync('git', ['config', 'core.fsmonitor', `echo ran >> ${mark}; false`], { cwd: folder });
  spawnSync('git', ['status'], { cwd: folder });
  expect(existsSync(mark)).toBe(true);
});
