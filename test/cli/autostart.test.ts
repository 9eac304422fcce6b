// A command starts a server if none is running; `codebuddy stop` ends it.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { waitFor } from '../wait-for.ts';
import { type Finished, run, serve, temporaryFolder } from './run-cli.ts';

/** A config folder whose server is stopped after the test. */
function autostartHome(config: Readonly<Record<string, unknown>> = {}): string {
  const home = temporaryFolder();
  writeFileSync(join(home, 'api', 'config.json'), JSON.stringify({ port: 0, ...config }));
  onTestFinished(async () => void (await run(home, ['stop'])));
  return home;
}

function runStarting(home: string, args: readonly string[]): Promise<Finished> {
  return run(home, args, { env: { CODEBUDDY_AUTOSTART: 'true' } });
}

test('a command starts the server and says so; codebuddy stop ends it', async () => {
  const home = autostartHome();
  const first = await runStarting(home, ['prompt', 'help']);
  expect(first.code, first.stderr).toBe(0);
  expect(first.stdout).toContain('offline agent');
  expect(first.stderr.split('\n')[0]).toBe(
    `codebuddy: No server is running; starting one in ${home}. To stop it: codebuddy stop. Its log: codebuddy logs.`,
  );
  // It keeps running, and its log is private.
  const second = await run(home, ['sessions', 'list']);
  expect(second).toMatchObject({ code: 0, stderr: '' });
  expect(statSync(join(home, 'api', 'server.log')).mode & 0o077).toBe(0);
  const { pid } = JSON.parse((await run(home, ['status', '--json'])).stdout) as { pid: number };
  const stopped = await run(home, ['stop', '--json']);
  expect(JSON.parse(stopped.stdout)).toEqual({ stopped: true, pid });
  expect((await run(home, ['status'])).code).toBe(3);
  expect(await run(home, ['stop'])).toMatchObject({ code: 0, stdout: `No server is running for ${home}.\n` });
});

test('commands that run at the same time start one server', async () => {
  const home = autostartHome();
  const all = await Promise.all([1, 2, 3].map(() => runStarting(home, ['keys', 'list'])));
  for (const { code, stderr } of all) expect(code, stderr).toBe(0);
  expect(all.filter(({ stderr }) => stderr.includes('starting one'))).toHaveLength(1);
});

test('the lock of a killed command is ignored', async () => {
  const home = autostartHome();
  // No process has this pid.
  writeFileSync(join(home, 'api', 'server.starting'), '2147483646');
  const { code, stderr } = await runStarting(home, ['keys', 'list']);
  expect(code, stderr).toBe(0);
});

test.skipIf(process.platform !== 'linux')('a server that is a zombie does not count', async () => {
  const home = autostartHome();
  // A program that does not wait for its child.
  const parent = spawn('sh', ['-c', 'sleep 600 & echo $!; exec sleep 600'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void parent.kill());
  const [line] = await once(parent.stdout, 'data');
  const pid = Number(String(line));
  const statOf = (id: number | undefined): string => readFileSync(`/proc/${id}/stat`, 'utf8');
  await waitFor('the shell to be replaced', () => statOf(parent.pid).includes('(sleep)'));
  process.kill(pid, 'SIGKILL');
  await waitFor('the process to be a zombie', () => statOf(pid).includes(') Z'));
  writeFileSync(
    join(home, 'api', 'server.json'),
    JSON.stringify({
      url: 'http://127.0.0.1:1',
      pid,
      startedAt: new Date(0).toISOString(),
      version: '0.0.0',
    }),
  );
  const { code, stderr } = await runStarting(home, ['keys', 'list']);
  expect(code, stderr).toBe(0);
});

test('no server is started with --no-autostart, by the setting, with --url, or by status', async () => {
  const home = autostartHome();
  for (const args of [
    ['keys', 'list', '--no-autostart'],
    ['keys', 'list', '--url', 'http://127.0.0.1:1'],
    ['status'],
  ]) {
    const { code, stderr } = await runStarting(home, args);
    expect(code, stderr).toBe(3);
    expect(stderr).not.toContain('starting one');
  }
  expect((await run(home, ['keys', 'list'])).code).toBe(3);
  const off = autostartHome({ autostart: false });
  const { code, stderr } = await run(off, ['keys', 'list'], { env: { CODEBUDDY_AUTOSTART: '' } });
  expect(code, stderr).toBe(3);
});

test('if the default port is in use, the server takes another one', async () => {
  // It may already be in use on this machine.
  const blocker = createServer().listen(3847, '127.0.0.1');
  await new Promise((resolve) => blocker.once('listening', resolve).once('error', resolve));
  onTestFinished(() => void blocker.close());
  const home = temporaryFolder();
  onTestFinished(async () => void (await run(home, ['stop'])));
  const { code, stderr } = await runStarting(home, ['keys', 'list']);
  expect(code, stderr).toBe(0);
  const { url } = JSON.parse(readFileSync(join(home, 'api', 'server.json'), 'utf8')) as { url: string };
  expect(new URL(url).port).not.toBe('3847');
});

test('a server that does not start is an error with its reason', async () => {
  const blocker = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => blocker.once('listening', resolve));
  onTestFinished(() => void blocker.close());
  const { port } = blocker.address() as { port: number };
  const home = autostartHome({ port });
  const { code, stderr } = await runStarting(home, ['keys', 'list']);
  expect(code, stderr).toBe(3);
  expect(stderr).toContain(`The server did not start. Port ${port} on 127.0.0.1 is in use`);
  expect(readFileSync(join(home, 'api', 'server.log'), 'utf8')).toContain(`Port ${port}`);
});

test('invalid settings are reported before anything is started', async () => {
  const home = autostartHome({ port: 'many' });
  const { code, stderr } = await runStarting(home, ['keys', 'list']);
  expect(code).toBe(2);
  expect(stderr).toContain('config.json port must be');
  writeFileSync(join(home, 'api', 'config.json'), '{}');
});

test('stop ends a server that was started by hand', async () => {
  const home = temporaryFolder();
  const server = await serve(home);
  const { code, stdout } = await run(home, ['stop']);
  expect({ code, stdout }).toEqual({ code: 0, stdout: `Stopped (pid ${server.child.pid}).\n` });
  expect((await server.finished).code).toBe(0);
});
