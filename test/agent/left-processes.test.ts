// Programs leave no processes behind: neither processes that left their group, nor after the server was killed.

import { spawn } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createCallMarks } from '../../src/agent/processes/call-marks.ts';
import { waitFor } from '../wait-for.ts';
import { misbehaving, startMcp } from './mcp-start.ts';
import { startAgent, temporaryFolder } from './start-agent.ts';

const childEntry = fileURLToPath(new URL('left-process.ts', import.meta.url));
let count = 0;

/** A unique sleep time that identifies the process. */
function uniqueSeconds(): string {
  const seconds = `${100_000 + process.pid}.${++count}`;
  // A failing test must not leave processes either.
  onTestFinished(() => {
    for (const pid of running(seconds)) process.kill(pid, 'SIGKILL');
  });
  return seconds;
}

function running(seconds: string): readonly number[] {
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      return readFileSync(`/proc/${name}/cmdline`, 'utf8') === `sleep\0${seconds}\0` ? [Number(name)] : [];
    } catch {
      return [];
    }
  });
}

/** Starts it, waits until it sleeps, and returns a function that ends it. */
async function startAndCancel(commandFor: (seconds: string) => string, sleepers = 1): Promise<string> {
  const seconds = uniqueSeconds();
  const { tool } = await startAgent();
  const stop = new AbortController();
  const done = tool('bash', { command: commandFor(seconds) }, stop.signal);
  done.catch(() => undefined);
  await waitFor('it sleeps', () => running(seconds).length >= sleepers);
  stop.abort();
  await expect(done).rejects.toThrow();
  return seconds;
}

const isLinux = process.platform === 'linux';
if (!isLinux) console.warn('SKIPPED: processes that left their group can be found on Linux only');
describe.skipIf(!isLinux)('a command', () => {
  it.each([
    ['a child in a session of its own', (s: string) => `setsid sleep ${s} & sleep 100`, 1],
    ['one whose parent has ended', (s: string) => `(setsid sleep ${s} &) ; sleep 100`, 1],
    ['one that dropped its environment', (s: string) => `env -i setsid sleep ${s} & sleep 100`, 1],
    [
      'a process that starts others on and on',
      (s: string) =>
        `setsid sh -c 'for i in $(seq 300); do setsid sleep ${s} & sleep 0.02; done' & sleep 100`,
      5,
    ],
  ])('that is cancelled leaves no process: %s', async (_what, command, sleepers) => {
    const seconds = await startAndCancel(command, sleepers);
    expect(running(seconds)).toEqual([]);
  });

  it('that ends, or reaches its time limit, leaves no process', async () => {
    const seconds = uniqueSeconds();
    const { tool } = await startAgent();
    const result = await tool('bash', { command: `setsid sleep ${seconds} & sleep 0.3; echo started` });
    expect(result).toMatchObject({ exitCode: 0, stdout: 'started\n' });
    expect(result).not.toHaveProperty('leftRunning');
    expect(running(seconds)).toEqual([]);
    expect(
      await tool('bash', { command: `setsid sleep ${seconds} & sleep 100`, timeoutMs: 500 }),
    ).toMatchObject({ timedOut: true });
    expect(running(seconds)).toEqual([]);
  });

  it('does not end processes of another command', async () => {
    const [first, second] = [uniqueSeconds(), uniqueSeconds()];
    const { tool } = await startAgent();
    const stop = new AbortController();
    const long = tool('bash', { command: `setsid sleep ${first} & sleep 100` }, stop.signal);
    long.catch(() => undefined);
    await waitFor('it sleeps', () => running(first).length === 1);
    await tool('bash', { command: `setsid sleep ${second} & true` });
    expect(running(first)).toHaveLength(1);
    stop.abort();
    await expect(long).rejects.toThrow();
    expect(running(first)).toEqual([]);
  });
});

describe.skipIf(!isLinux)('a server that was killed', () => {
  it('leaves processes that the next start ends; a running server keeps its own', async () => {
    const folder = temporaryFolder();
    const [workspace, stateFolder] = [join(folder, 'workspace'), join(folder, 'state')];
    for (const path of [workspace, stateFolder]) mkdirSync(path);
    const seconds = uniqueSeconds();
    const child = spawn(
      process.execPath,
      [childEntry, workspace, stateFolder, `setsid sleep ${seconds} & sleep ${seconds}`],
      { stdio: 'inherit' },
    );
    onTestFinished(() => void child.kill('SIGKILL'));
    await waitFor('both sleep', () => running(seconds).length === 2);
    expect(await createCallMarks({ stateFolder }).recover()).toBe(0);
    expect(running(seconds)).toHaveLength(2);

    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await gone;
    expect(running(seconds)).toHaveLength(2);
    const warnings: string[] = [];
    await startAgent({ folder, stateFolder, warn: (message) => warnings.push(message) });
    expect(running(seconds)).toEqual([]);
    expect(warnings.join('\n')).toMatch(/processes left running by an earlier server were ended/);
    expect(readdirSync(join(stateFolder, 'processes'))).toEqual([]);
  });
});

describe.skipIf(!isLinux)('an MCP server', () => {
  it('that is closed leaves no process, even outside its group', async () => {
    const seconds = uniqueSeconds();
    const { command, args } = misbehaving('plain');
    const { mcp } = await startMcp({
      daemon: { command: 'sh', args: ['-c', `setsid sleep ${seconds} & exec "$0" "$@"`, command, ...args] },
    });
    await mcp.list();
    await waitFor('its daemon sleeps', () => running(seconds).length === 1);
    await mcp.close();
    expect(running(seconds)).toEqual([]);
  });
});
