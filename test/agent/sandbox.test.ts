// Commands in bubblewrap: what is asked of it, and, where it is installed, that it keeps its word.

import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createSandbox } from '../../src/agent/tools/sandbox.ts';
import { startAgent, temporaryFolder } from './start-agent.ts';

/** A `bwrap` that notes its arguments and runs what comes after `--`. */
function standIn(script: string): { readonly path: string; readonly seen: () => readonly string[] } {
  const folder = temporaryFolder();
  const log = join(folder, 'seen');
  writeFileSync(join(folder, 'bwrap'), `#!/bin/sh\nprintf '%s\\n' "$*" >> ${log}\n${script}\n`);
  chmodSync(join(folder, 'bwrap'), 0o755);
  return {
    path: `${folder}${delimiter}${process.env.PATH}`,
    seen: () => (existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n') : []),
  };
}

const passOn = 'while [ "$1" != "--" ]; do shift; done; shift; exec "$@"';

describe('where bubblewrap works', () => {
  it.each([
    [false, '--unshare-all --die-with-parent'],
    [true, '--unshare-all --share-net --die-with-parent'],
  ])(
    'commands run in it: the workspace writable, the rest read-only, secrets hidden, network %s',
    async (network, words) => {
      const { path, seen } = standIn(passOn);
      const hidden = temporaryFolder();
      const { tool, workspace } = await startAgent({
        models: ['offline'],
        environment: { PATH: path },
        ownFiles: [hidden],
        sandbox: { network },
      });
      expect(
        await tool('bash', { command: 'echo "it is $((6*7))"; echo $BASH_VERSION | cut -c1' }),
      ).toMatchObject({
        exitCode: 0,
        stdout: expect.stringContaining('it is 42'),
      });
      const last = seen().at(-1) ?? '';
      expect(last).toContain('--ro-bind / /');
      expect(last).toContain(`--bind ${workspace} ${workspace}`);
      expect(last).toContain(`--tmpfs ${hidden}`);
      expect(last).toContain(words);
      expect(last).toContain(`--chdir ${workspace}`);
      // The first was to see whether it works.
      expect(seen()).toHaveLength(2);
    },
  );

  it('a workspace in a hidden folder stays visible', async () => {
    const { path, seen } = standIn(passOn);
    const folder = temporaryFolder();
    const { tool } = await startAgent({
      folder,
      models: ['offline'],
      environment: { PATH: path },
      ownFiles: [folder],
      sandbox: { network: false },
    });
    await tool('bash', { command: 'true' });
    expect(seen().at(-1)).not.toContain(`--tmpfs ${folder}`);
  });
});

describe('where it does not', () => {
  it('commands run without it, and why is told', async () => {
    const { path } = standIn('echo "No permissions to create new namespace" >&2; exit 1');
    const options = { workspace: temporaryFolder(), hidden: [], network: false, environment: { PATH: path } };
    expect(await createSandbox(options).trouble()).toBe(
      'bubblewrap does not work here: No permissions to create new namespace',
    );
    const nowhere = temporaryFolder();
    expect(await createSandbox({ ...options, environment: { PATH: nowhere } }).trouble()).toBe(
      'bubblewrap (bwrap) is not installed',
    );
    const { tool } = await startAgent({
      models: ['offline'],
      environment: { PATH: path },
      sandbox: { network: false },
    });
    expect(await tool('bash', { command: 'echo still' })).toMatchObject({ stdout: 'still\n' });
  });
});

function isInstalled(): boolean {
  try {
    execFileSync('bwrap', ['--ro-bind', '/', '/', '--unshare-all', 'true'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

// Skipped where bubblewrap is not installed: there is no package of it on npm.
describe.skipIf(!isInstalled())('real bubblewrap', () => {
  it('lets a command write the workspace and nothing else, see no secrets and no network', async () => {
    const hidden = temporaryFolder();
    writeFileSync(join(hidden, 'api-key'), 'secret');
    const { tool, outside, workspace } = await startAgent({
      models: ['offline'],
      ownFiles: [hidden],
      sandbox: { network: false },
    });
    mkdirSync(outside, { recursive: true });
    const run = async (command: string) =>
      (await tool('bash', { command })) as { exitCode: number; stdout: string };
    expect((await run('echo x > inside.txt')).exitCode).toBe(0);
    expect(existsSync(join(workspace, 'inside.txt'))).toBe(true);
    expect((await run(`echo x > ${join(outside, 'y')}`)).exitCode).not.toBe(0);
    expect((await run(`cat ${join(hidden, 'api-key')}`)).stdout).toBe('');
    expect((await run('cat /proc/net/dev | grep -v lo: | tail -n +3 | wc -l')).stdout.trim()).toBe('0');
  });
});
