// What is our own fault, or nobody's: no handles left, a stop in the middle, an answer that comes too late. Numbers are those of
// WEBHOOK-FACTS.md (d).

import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it, onTestFinished } from 'vitest';
import { startReceiver } from './recording-receiver.ts';
import { startWebhooks, temporaryHome, toolStart } from './start-webhooks.ts';

const limited = fileURLToPath(new URL('./limited-process.ts', import.meta.url));

it('151: with 64 file handles a hundred webhooks are all delivered, and no attempt is spent on our own fault', async () => {
  const receiver = await startReceiver();
  // Slow enough that all would be under way at once.
  receiver.answer((_request, response) => setTimeout(() => response.end(), 300));
  const command = `ulimit -n 64 && exec "${process.execPath}" "${limited}" "${temporaryHome()}" ${receiver.url} 100`;
  const { stdout } = await promisify(execFile)('sh', ['-c', command]);
  const ended = JSON.parse(stdout) as { status: string; attempts: number }[];
  expect(ended).toHaveLength(100);
  expect(ended.filter(({ status }) => status !== 'success')).toEqual([]);
  expect(ended.filter(({ attempts }) => attempts !== 1)).toEqual([]);
  expect(new Set(receiver.requests.map(({ path }) => path)).size).toBe(100);
}, 40_000);

it('140: a stop with many in flight gives them back; the next start delivers all of them', async () => {
  const receiver = await startReceiver();
  receiver.answer(() => undefined);
  const { webhooks, home } = startWebhooks();
  for (let i = 0; i < 16; i++) await webhooks.register({ url: `${receiver.url}/${i}`, timeout: 30_000 });
  await Promise.all(Array.from({ length: 8 }, (_, i) => webhooks.emit('tool.start', toolStart(i))));
  await receiver.received(128);
  const startedAt = performance.now();
  await webhooks.close();
  // The grace, and not a request time-out more.
  expect(performance.now() - startedAt).toBeLessThan(17_000);
  receiver.answer((_request, response) => response.end());
  const next = startWebhooks({ home });
  await expect.poll(async () => (await next.webhooks.stats()).pending, { timeout: 10_000 }).toBe(0);
  const ended = await next.webhooks.getHistory({ limit: 200 });
  expect(ended.map(({ status }) => status)).toEqual(Array.from({ length: 128 }, () => 'success'));
  // The same bytes and ids as the first time.
  const byId = new Map<string, Set<string>>();
  for (const { path, headers, body } of receiver.requests) {
    const key = `${path} ${headers['webhook-id']}`;
    byId.set(key, (byId.get(key) ?? new Set()).add(body.toString()));
  }
  expect(byId.size).toBe(128);
  expect([...byId.values()].every((bodies) => bodies.size === 1)).toBe(true);
}, 40_000);

it('123: an answer after our deadline counts as none; what comes again has the same id and bytes', async () => {
  const receiver = await startReceiver();
  let late = true;
  receiver.answer((_request, response) => {
    setTimeout(() => response.end(), late ? 1500 : 0);
    late = false;
  });
  const { webhooks } = startWebhooks();
  await webhooks.register({ url: receiver.url, timeout: 1000, retryDelay: 1000 });
  const [delivery] = await webhooks.settled((await webhooks.emit('tool.start', toolStart())).deliveries);
  expect(delivery?.attemptLog.map(({ outcome }) => outcome)).toEqual(['timeout', 'success']);
  const [first, second] = receiver.requests;
  expect(second?.headers['webhook-id']).toBe(first?.headers['webhook-id']);
  expect(second?.body.equals(first?.body ?? Buffer.alloc(0))).toBe(true);
});

it('150: an answer that came while this thread was held up is no time-out', async () => {
  // In a process of its own: it must answer while this one cannot.
  const script = `require('node:http').createServer((q, r) => q.resume().on('end', () => setTimeout(() => r.end(), 100)))
    .listen(0, '127.0.0.1', function () { console.log(this.address().port); })`;
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill());
  const [port] = (await once(child.stdout, 'data')) as [Buffer];
  const { webhooks } = startWebhooks();
  await webhooks.register({
    url: `http://127.0.0.1:${String(port).trim()}/`,
    timeout: 1000,
    retryDelay: 60_000,
  });
  // The connection is there when it matters.
  await webhooks.settled((await webhooks.emit('tool.start', toolStart())).deliveries);
  const { deliveries } = await webhooks.emit('tool.start', toolStart());
  await expect.poll(async () => (await webhooks.stats()).inFlight, { interval: 1 }).toBe(1);
  await new Promise((resolve) => setTimeout(resolve, 20));
  // Held up in a place after which timers come before sockets.
  await new Promise((resolve) => setImmediate(resolve));
  const until = performance.now() + 1500;
  while (performance.now() < until);
  const read = async () => (await webhooks.getHistory()).find(({ id }) => id === deliveries[0])?.attemptLog;
  await expect.poll(async () => (await read())?.length).toBe(1);
  expect((await read())?.[0]?.outcome).toBe('success');
});

it('143: while another process holds the database, nothing is lost, nothing is sent twice, and emit says so', async () => {
  const receiver = await startReceiver();
  receiver.answer((_request, response) => setTimeout(() => response.end(), 300));
  const { webhooks, home } = startWebhooks();
  await webhooks.register({ url: receiver.url });
  const { deliveries } = await webhooks.emit('tool.start', toolStart());
  await receiver.received(1);
  const script = `const { DatabaseSync } = require('node:sqlite');
    const database = new DatabaseSync(process.argv[1]);
    database.exec('BEGIN IMMEDIATE');
    console.log('locked');
    setTimeout(() => { database.exec('COMMIT'); database.close(); }, 6500);`;
  const child = spawn(process.execPath, ['-e', script, join(home, 'api', 'codebuddy.db')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill());
  await once(child.stdout, 'data');
  await expect(webhooks.emit('tool.start', toolStart(2))).rejects.toMatchObject({
    code: 'storage_unavailable',
  });
  expect((await webhooks.settled(deliveries))[0]).toMatchObject({ status: 'success', attempts: 1 });
  const after = await webhooks.emit('tool.start', toolStart(3));
  expect((await webhooks.settled(after.deliveries))[0]?.status).toBe('success');
  expect(receiver.requests).toHaveLength(2);
}, 40_000);

it('152: a host whose logger throws gets its deliveries all the same', async () => {
  const receiver = await startReceiver();
  receiver.answer((_request, response) => response.writeHead(410).end());
  const { webhooks } = startWebhooks({
    warn() {
      throw new Error('the logger is closed');
    },
  });
  const gone = await webhooks.register({ url: `${receiver.url}/gone`, events: ['tool.start'] });
  await webhooks.emit('tool.start', toolStart());
  // It is disabled with a warning.
  await expect.poll(async () => (await webhooks.get(gone))?.state.status).toBe('disabled');
  receiver.answer((_request, response) => response.end());
  await webhooks.register({ url: `${receiver.url}/fine`, events: ['tool.start'] });
  const { deliveries } = await webhooks.emit('tool.start', toolStart(2));
  expect((await webhooks.settled(deliveries))[0]?.status).toBe('success');
});
