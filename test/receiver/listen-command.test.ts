// `codebuddy webhooks listen` and `torture` as processes beside a server.

import { readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { localKeyPath } from '../../src/config/local-key.ts';
import { type Running, run, type Server, serve, start, temporaryFolder } from '../cli/run-cli.ts';
import { freePort } from '../free-port.ts';

interface Line {
  readonly listening?: string;
  readonly webhookId?: string;
  readonly missed?: number | null;
  readonly name?: string;
  readonly events?: readonly string[];
  readonly type?: string;
  readonly sequence?: number;
  readonly verified?: boolean;
  readonly latencyMs?: number;
}

const linesOf = ({ output }: Running): Line[] =>
  output.stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));

/** Run a tool, which causes events. */
async function runTool({ url }: Server, home: string): Promise<void> {
  const response = await fetch(`${url}/api/tools/list_directory`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'x-api-key': readFileSync(localKeyPath(home), 'utf8').trim(),
    },
    body: '{}',
  });
  expect(response.status, await response.text()).toBe(200);
}

/** Start a listener and wait for its first line. */
async function listen(home: string, args: readonly string[] = []) {
  const running = start(home, ['webhooks', 'listen', '--json', ...args]);
  await running.saw('"listening"');
  const events = (): Line[] => linesOf(running).slice(1);
  const [first] = linesOf(running);
  return { ...running, first: first as Line, events };
}

async function stop({ child, finished }: Running): Promise<void> {
  child.kill('SIGTERM');
  const { code, stderr } = await finished;
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
}

it('a listener gets events; the next one gets missed events first, at the same address with the same secret', async () => {
  const home = temporaryFolder();
  const server = await serve(home);
  const first = await listen(home, ['--port', `${await freePort()}`]);
  await runTool(server, home);
  await expect.poll(() => first.events().map(({ type }) => type)).toContain('tool.complete');
  expect(first.first.missed).toBeNull();
  expect(first.events().every(({ verified }) => verified)).toBe(true);
  const kept = readFileSync(join(home, 'api', 'listen.json'), 'utf8');
  expect(statSync(join(home, 'api', 'listen.json')).mode & 0o777).toBe(0o600);
  await stop(first);

  await runTool(server, home);
  const second = await listen(home);
  await runTool(server, home);
  const heard = (): number => second.events().filter(({ type }) => type === 'tool.complete').length;
  await expect.poll(heard).toBe(2);
  expect(second.first.missed).toBeGreaterThanOrEqual(2);
  expect(second.first).toMatchObject({ listening: first.first.listening, webhookId: first.first.webhookId });
  expect(readFileSync(join(home, 'api', 'listen.json'), 'utf8')).toBe(kept);
  const sequences = [...first.events(), ...second.events()].map(({ sequence = 0 }) => sequence);
  expect(sequences).toEqual([...sequences].sort((left, right) => left - right));
  expect(new Set(sequences).size).toBe(sequences.length);
  await stop(second);
});

it('after SIGKILL the next listener gets missed events, even if its port is in use', async () => {
  const home = temporaryFolder();
  const server = await serve(home);
  const port = await freePort();
  const first = await listen(home, ['--event', 'tool.complete', '--name', 'ci', '--port', `${port}`]);
  first.child.kill('SIGKILL');
  await first.finished;
  await runTool(server, home);
  const squatter = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve) => squatter.listen(port, '127.0.0.1', resolve));
  onTestFinished(() => new Promise<void>((resolve) => squatter.close(() => resolve())));
  const second = await listen(home, ['--name', 'ci']);
  await expect.poll(() => second.events().map(({ type }) => type)).toEqual(['tool.complete']);
  expect(second.first.webhookId).toBe(first.first.webhookId);
  expect(second.first.listening).not.toBe(first.first.listening);
  await stop(second);
});

it('text output shows deliveries and how to remove the listener; --forget removes it', async () => {
  const home = temporaryFolder();
  const server = await serve(home);
  const running = start(home, ['webhooks', 'listen', '--name', 'mine', '--event', 'tool.complete']);
  await running.saw('Listening at http://127.0.0.1:');
  await runTool(server, home);
  await running.saw('verified');
  expect(running.output.stdout).toMatch(/\d+ ms {2}verified/);
  running.child.kill('SIGINT');
  const { code, stderr } = await running.finished;
  expect(code).toBe(0);
  expect(stderr).toContain('webhooks listen --name "mine" --forget');

  await runTool(server, home);
  const again = start(home, ['webhooks', 'listen', '--name', 'mine']);
  await again.saw('Delivering 1 missed event.');
  again.child.kill('SIGINT');
  await again.finished;

  const list = async (): Promise<unknown[]> =>
    JSON.parse((await run(home, ['webhooks', 'list', '--json'])).stdout).webhooks;
  expect(await list()).toHaveLength(1);
  expect(await run(home, ['webhooks', 'listen', '--name', 'mine', '--forget'])).toMatchObject({
    code: 0,
    stdout: 'Removed listener "mine".\n',
  });
  expect(await list()).toEqual([]);
  expect((await run(home, ['webhooks', 'listen', '--name', 'mine', '--forget'])).code).toBe(2);
});

it('a second listener has its own webhook and stops alone', async () => {
  const home = temporaryFolder();
  const server = await serve(home);
  const first = await listen(home);
  const second = await listen(home);
  expect(second.first.webhookId).not.toBe(first.first.webhookId);
  expect([first.first.name, second.first.name]).toEqual(['local listener', 'local listener 2']);
  await runTool(server, home);
  const types = ({ events }: { events: () => Line[] }) => events().map(({ type }) => type);
  for (const listener of [first, second]) await expect.poll(() => types(listener)).toContain('tool.complete');
  await stop(first);
  const before = second.events().length;
  await runTool(server, home);
  await expect.poll(() => types(second).slice(before)).toContain('tool.complete');
  // Its name is free again, and its webhook kept the missed events.
  const again = await listen(home);
  expect(again.first).toMatchObject({ webhookId: first.first.webhookId, name: 'local listener' });
  await expect.poll(() => types(again)).toContain('tool.complete');
  await stop(again);
  await stop(second);
});

it('the event filter is shown and kept until another is given', async () => {
  const home = temporaryFolder();
  await serve(home);
  const first = await listen(home, ['--event', 'tool.complete', '--event', 'run.*']);
  expect(first.first.events).toEqual(['tool.complete', 'run.*']);
  await stop(first);
  const running = start(home, ['webhooks', 'listen']);
  await running.saw("Events: tool.complete, run.* (as before; for all events: --event '*')");
  running.child.kill('SIGINT');
  await running.finished;
  const all = start(home, ['webhooks', 'listen', '--event', '*']);
  await all.saw('Events: all\n');
  all.child.kill('SIGINT');
  await all.finished;
});

it('a webhook that was given another URL is not disabled at the end', async () => {
  const home = temporaryFolder();
  await serve(home);
  const running = start(home, ['webhooks', 'listen']);
  await running.saw('Press Ctrl-C to stop');
  const id = /whk_\w+/.exec(running.output.stdout)?.[0] ?? '';
  expect((await run(home, ['webhooks', 'update', id, '--to', 'http://127.0.0.1:9998/'])).code).toBe(0);
  running.child.kill('SIGINT');
  expect((await running.finished).stderr).toContain('now sends to http://127.0.0.1:9998/');
  const { stdout } = await run(home, ['webhooks', 'show', id, '--json']);
  expect(JSON.parse(stdout)).toMatchObject({ enabled: true });
});

it('unsigned requests are shown as not verified, without control characters', async () => {
  const home = temporaryFolder();
  await serve(home);
  const running = start(home, ['webhooks', 'listen']);
  await running.saw('Press Ctrl-C to stop');
  const url = /http:\/\/127\.0\.0\.1:\d+\//.exec(running.output.stdout)?.[0] ?? '';
  for (const body of ['{"type":{"toString":1}}', '{"type":"x","timestamp":"2026-01-01T\\u001b[2J"}', 'no']) {
    expect((await fetch(url, { method: 'POST', body })).status).toBe(401);
  }
  await running.saw('NOT VERIFIED');
  running.child.kill('SIGINT');
  expect((await running.finished).code).toBe(0);
});

it('a listener ends with code 0 if the server stopped first', async () => {
  const home = temporaryFolder();
  const server = await serve(home);
  const running = await listen(home);
  server.child.kill('SIGTERM');
  await server.finished;
  running.child.kill('SIGINT');
  const { code, stderr } = await running.finished;
  expect(stderr).toContain('Could not disable webhook');
  expect(code).toBe(0);
});

it('torture prints its address, the behaviours and each request', async () => {
  const running = start(temporaryFolder(), ['webhooks', 'torture', '--port', '0']);
  await running.saw('Press Ctrl-C to stop');
  const url = /http:\/\/127\.0\.0\.1:\d+/.exec(running.output.stdout)?.[0] ?? '';
  expect(running.output.stdout).toContain('/drip/103');
  const answer = await fetch(`${url}/status/418`, {
    method: 'POST',
    body: '{}',
    headers: { 'webhook-id': 'evt_1' },
  });
  expect(answer.status).toBe(418);
  await running.saw('evt_1');
  running.child.kill('SIGINT');
  expect((await running.finished).code).toBe(0);
});
