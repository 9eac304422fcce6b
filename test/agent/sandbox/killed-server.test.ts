// A sandboxed command ends with its server, even if the server is killed while bubblewrap starts.

import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { waitFor } from '../../wait-for.ts';
import { temporaryFolder } from '../start-agent.ts';
import { hasBubblewrap } from './real-bubblewrap.ts';
import { standIn } from './stand-in.ts';

const serverEntry = fileURLToPath(new URL('../left-process.ts', import.meta.url));

const startsBubblewrap = hasBubblewrap
  ? `exec ${execFileSync('sh', ['-c', 'command -v bwrap'], { encoding: 'utf8' }).trim()} "$@"`
  : '';

/** Processes whose command line names the folder. */
function processesOf(folder: string): readonly number[] {
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      return readFileSync(`/proc/${name}/cmdline`, 'utf8').includes(folder) ? [Number(name)] : [];
    } catch {
      return [];
    }
  });
}

/** Starts a server that runs one command. `scripts` stand in for bubblewrap at its first starts. */
function startServer(command: string, scripts: readonly string[] = []) {
  const folder = temporaryFolder();
  const [workspace, stateFolder] = [join(folder, 'workspace'), join(folder, 'state')];
  for (const path of [workspace, stateFolder]) mkdirSync(path);
  const { folder: first } = standIn(startsBubblewrap, scripts);
  const server = spawn(process.execPath, [serverEntry, workspace, stateFolder, command, 'sandbox'], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, PATH: `${first}${delimiter}${process.env.PATH}` },
  });
  const exited = once(server, 'exit');
  // A failing test must not leave processes either.
  onTestFinished(() => {
    for (const pid of processesOf(workspace)) process.kill(pid, 'SIGKILL');
  });
  return {
    workspace,
    async kill() {
      server.kill('SIGKILL');
      await exited;
    },
  };
}

const noneLeft = (workspace: string): Promise<boolean> =>
  waitFor(
    'all processes to end',
    () => processesOf(workspace).length === 0,
    () => processesOf(workspace).map((pid) => readFileSync(`/proc/${pid}/status`, 'utf8')),
  );

describe.skipIf(!hasBubblewrap)('a killed server leaves no process', () => {
  it.each([
    ['a trial start', []],
    ['the start of a command', [startsBubblewrap]],
  ])('of %s', async (_what, before) => {
    const mark = join(temporaryFolder(), 'started');
    // bubblewrap starts when the server, its parent, is gone.
    const held = `touch ${mark}; while [ -e /proc/$PPID ]; do sleep 0.02; done; ${startsBubblewrap}`;
    const server = startServer('sleep 1000', [...before, held]);
    await waitFor('bubblewrap to be started', () => existsSync(mark));
    await server.kill();
    await noneLeft(server.workspace);
  });

  it('of a start whose process has left the group and does not know that bubblewrap has ended', async () => {
    const mark = join(temporaryFolder(), 'started');
    const left = `setsid sh -c 'touch ${mark}; kill -STOP $$' sh "$@" & wait`;
    const server = startServer('sleep 1000', [left]);
    await waitFor('the process to be started', () => existsSync(mark));
    await server.kill();
    await noneLeft(server.workspace);
  });

  it('of a running command', async () => {
    const server = startServer('touch running; sleep 1000');
    await waitFor('the command to run', () => existsSync(join(server.workspace, 'running')));
    expect(processesOf(server.workspace).length).toBeGreaterThan(1);
    await server.kill();
    await noneLeft(server.workspace);
  });
});
