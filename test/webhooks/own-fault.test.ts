// Faults of this machine: no file handles left, a stop in the middle of deliveries, a blocked thread, a locked
// database.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { expect, it, onTestFinished, vi } from 'vitest';
import { WAIT_LIMIT_MS, waitFor } from '../wait-for.ts';
import { startReceiver } from './recording-receiver.ts';
import { startEngineBench } from './start-engine.ts';
import { startWebhooks, temporaryHome, toolStart } from './start-webhooks.ts';

const limited = fileURLToPath(new URL('./limited-process.ts', import.meta.url));

it('delivers to all webhooks with too few file handles, without spending attempts', async () => {
  const receiver = await startReceiver();
  // All requests would be open at the same time.
  const held = receiver.hold();
  const count = 60;
  const command = `ulimit -n 64 && exec "${process.execPath}" "${limited}" "${temporaryHome()}" ${receiver.url} ${count}`;
  const child = spawn('sh', ['-c', command], { stdio: ['ignore', 'pipe', 'pipe'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  const output = text(child.stdout);
  let warnings = '';
  child.stderr.on('data', (chunk) => {
    warnings += chunk;
  });
  await waitFor(
    'the last file handle to be in use',
    () => warnings.includes('EMFILE'),
    () => warnings,
  );
  receiver.answer((_request, response) => response.end());
  for (const response of held) response.end();
  const ended = JSON.parse(await output) as { status: string; attempts: number }[];
  expect(ended).toHaveLength(count);
  expect(ended.filter(({ status }) => status !== 'success')).toEqual([]);
  expect(ended.filter(({ attempts }) => attempts !== 1)).toEqual([]);
  expect(new Set(receiver.requests.map(({ path }) => path)).size).toBe(count);
});

it('a stop returns open requests to the queue after its grace, and the next start delivers them', async () => {
  const receiver = await startReceiver();
  receiver.hold();
  const { log, open } = await startEngineBench();
  const engine = await open();
  for (let i = 0; i < 16; i++)
    await engine.create({ url: `${receiver.url}/${i}`, timeout: 60_000, events: ['tool.*'] });
  await log.append(Array.from({ length: 8 }, (_, i) => ({ type: 'tool.start', data: toolStart(i) })));
  await receiver.received(128);
  await engine.close(100);
  receiver.answer((_request, response) => response.end());
  const next = await open();
  const items = await waitFor('the end of all deliveries', async () => {
    const page = await next.listDeliveries({ limit: 200 });
    return page.items.every(({ status }) => status !== 'pending') && page.items;
  });
  expect(items).toHaveLength(128);
  // The stop did not wait for the timeouts of the requests, so none was recorded.
  for (const { status, attemptLog } of items)
    expect([status, ...attemptLog.map(({ outcome }) => outcome)]).toEqual(['success', 'success']);
  const bodies = new Map<string, Set<string>>();
  for (const { path, headers, body } of receiver.requests) {
    const key = `${path} ${headers['webhook-id']}`;
    bodies.set(key, (bodies.get(key) ?? new Set()).add(body.toString()));
  }
  expect(bodies.size).toBe(128);
  expect([...bodies.values()].filter(({ size }) => size !== 1)).toEqual([]);
});

it('an answer after the timeout does not count; the retry has the same id and bytes', async () => {
  const receiver = await startReceiver();
  const held = receiver.hold();
  const { webhooks } = startWebhooks();
  // The retry must not be late, too.
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  await webhooks.register({ url: receiver.url, timeout: 1000, retryDelay: 3_600_000 });
  const { deliveries } = await webhooks.emit('tool.start', toolStart());
  await receiver.received(1);
  vi.advanceTimersByTime(1000);
  await expect.poll(async () => (await webhooks.getHistory())[0]?.attemptLog.length).toBe(1);
  held[0]?.end();
  receiver.answer((_request, response) => response.end());
  await webhooks.retry(deliveries[0] ?? '');
  const [delivery] = await webhooks.settled(deliveries);
  expect(delivery?.attemptLog.map(({ outcome }) => outcome)).toEqual(['timeout', 'success']);
  const [first, second] = receiver.requests;
  expect(second?.headers['webhook-id']).toBe(first?.headers['webhook-id']);
  expect(second?.body.equals(first?.body ?? Buffer.alloc(0))).toBe(true);
});

it('an answer that came while this thread was blocked is not a timeout', async () => {
  const home = temporaryHome();
  const answered = join(home, 'answered');
  // In a separate process: it answers while this thread is blocked.
  const script = `
    const { createServer } = require('node:http');
    const { writeFileSync } = require('node:fs');
    let count = 0;
    createServer((request, response) => request.resume().on('end', () => {
      if (++count === 1) return response.end();
      console.log('received');
      process.stdin.once('data', () => response.end(() => writeFileSync(${JSON.stringify(answered)}, '')));
    })).listen(0, '127.0.0.1', function () { console.log(this.address().port); });`;
  const child = spawn(process.execPath, ['-e', script], { stdio: ['pipe', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill());
  const [port] = (await once(child.stdout, 'data')) as [Buffer];
  const { webhooks } = startWebhooks({ home });
  const timeout = 2000;
  await webhooks.register({
    url: `http://127.0.0.1:${String(port).trim()}/`,
    timeout,
    retryDelay: 3_600_000,
  });
  // The next request uses the same connection.
  await webhooks.settled((await webhooks.emit('tool.start', toolStart())).deliveries);
  const received = once(child.stdout, 'data');
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  const { deliveries } = await webhooks.emit('tool.start', toolStart());
  await received;
  await new Promise((resolve) => child.stdin.write('answer\n', resolve));
  // Block in the phase of the event loop after which timers run before sockets.
  await new Promise((resolve) => setImmediate(resolve));
  const startedAt = performance.now();
  const isAnswered = (): boolean => performance.now() > startedAt + 200 && existsSync(answered);
  while (!isAnswered() && performance.now() < startedAt + WAIT_LIMIT_MS);
  vi.advanceTimersByTime(timeout);
  vi.useRealTimers();
  const [delivery] = await webhooks.settled(deliveries);
  expect(delivery?.attemptLog.map(({ outcome }) => outcome)).toEqual(['success']);
});

it('while another process locks the database, emit says so; nothing is lost or sent twice', async () => {
  const receiver = await startReceiver();
  const held = receiver.hold();
  const { home, log, open } = await startEngineBench({ store: { busyTimeoutMs: 50 } });
  const engine = await open();
  await engine.create({ url: receiver.url, events: ['tool.*'], timeout: 60_000 });
  await log.append([{ type: 'tool.start', data: toolStart() }]);
  await receiver.received(1);
  const script = `const { DatabaseSync } = require('node:sqlite');
    const database = new DatabaseSync(process.argv[1]);
    database.exec('BEGIN IMMEDIATE');
    console.log('locked');
    process.stdin.once('data', () => { database.exec('COMMIT'); database.close(); process.exit(); });`;
  const child = spawn(process.execPath, ['-e', script, join(home, 'codebuddy.db')], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill());
  await once(child.stdout, 'data');
  const refused = { code: 'storage_unavailable' };
  await expect(log.append([{ type: 'tool.start', data: toolStart(2) }])).rejects.toMatchObject(refused);
  // The answer cannot be recorded now.
  for (const response of held) response.end();
  receiver.answer((_request, response) => response.end());
  await expect(log.append([{ type: 'tool.start', data: toolStart(3) }])).rejects.toMatchObject(refused);
  child.stdin.write('unlock\n');
  await once(child, 'close');
  await log.append([{ type: 'tool.start', data: toolStart(4) }]);
  await waitFor(
    'the end of both deliveries',
    async () => (await engine.stats()).pending === 0,
    () => engine.stats(),
  );
  expect((await engine.listDeliveries({ limit: 10 })).items).toMatchObject([
    { status: 'success', attempts: 1 },
    { status: 'success', attempts: 1 },
  ]);
  expect(receiver.requests).toHaveLength(2);
});

it('a host application whose logger throws still gets its deliveries', async () => {
  const receiver = await startReceiver();
  receiver.answer((_request, response) => response.writeHead(410).end());
  const { webhooks } = startWebhooks({
    warn() {
      throw new Error('the logger is closed');
    },
  });
  const gone = await webhooks.register({ url: `${receiver.url}/gone`, events: ['tool.start'] });
  await webhooks.emit('tool.start', toolStart());
  // Disabling it warns.
  await expect.poll(async () => (await webhooks.get(gone))?.state.status).toBe('disabled');
  receiver.answer((_request, response) => response.end());
  await webhooks.register({ url: `${receiver.url}/fine`, events: ['tool.start'] });
  const { deliveries } = await webhooks.emit('tool.start', toolStart(2));
  expect((await webhooks.settled(deliveries))[0]?.status).toBe('success');
});
