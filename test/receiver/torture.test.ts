// Each behaviour of the table does what its description says, seen on a raw socket; and the receiver outlives whatever a sender does to it.

import { createHash } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib';
import { expect, it, onTestFinished } from 'vitest';
import { startTorture, type TortureOptions } from '../../src/receiver/torture.ts';
import { behaviours } from '../../src/receiver/torture-behaviours.ts';

async function start(options: TortureOptions = {}) {
  const torture = await startTorture(options);
  onTestFinished(() => torture.close());
  return torture;
}

interface Seen {
  /** Latin-1. */
  readonly text: string;
  readonly bytes: Buffer;
  /** How the connection ended: with FIN, with RST, or not while we looked. */
  readonly end: 'fin' | 'rst' | 'open';
}

interface VisitOptions {
  readonly ms?: number;
  /** Looks no longer once so much has come, or this, or all that Content-Length says. */
  readonly most?: number;
  readonly until?: RegExp | 'complete';
  readonly body?: string;
}

function post(path: string, body = '{}'): string {
  return `POST ${path} HTTP/1.1\r\nHost: torture\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
}

/** What comes back for what is sent. */
function exchange(
  port: number,
  sent: string,
  { ms = 250, most = 4_000_000, until }: VisitOptions = {},
): Promise<Seen> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let length = 0;
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    const finish = (end: Seen['end']): void => {
      clearTimeout(timer);
      socket.destroy();
      const bytes = Buffer.concat(chunks);
      resolve({ text: bytes.toString('latin1'), bytes, end });
    };
    const timer = setTimeout(() => finish('open'), ms);
    socket.on('data', (chunk) => {
      chunks.push(chunk);
      length += chunk.length;
      if (length >= most || (until !== undefined && has(Buffer.concat(chunks).toString('latin1'), until)))
        finish('open');
    });
    socket.once('end', () => finish('fin')).once('error', () => finish('rst'));
    socket.write(sent, 'latin1');
  });
}

function has(text: string, until: RegExp | 'complete'): boolean {
  if (until !== 'complete') return until.test(text);
  const [head = ''] = text.split('\r\n\r\n', 1);
  const length = Number(/^content-length: (\d+)/im.exec(head)?.[1] ?? Number.NaN);
  return text.length >= head.length + 4 + length;
}

const visit = (port: number, path: string, options: VisitOptions = {}): Promise<Seen> =>
  exchange(port, post(path, options.body), options);

async function stillAnswers(port: number): Promise<void> {
  expect((await visit(port, '/ok', { ms: 5000, most: 40 })).text).toMatch(okAnswer);
}

interface Expectation extends VisitOptions {
  /** In place of the table's path. */
  readonly path?: string;
  readonly text: RegExp | ((seen: Seen) => void);
  readonly end?: Seen['end'];
}

const okAnswer = /^HTTP\/1\.1 200 OK\r\nContent-Length: 2\r\n\r\nok$/;
const nothing = /^$/;
/** At least so many bytes come, and more would. */
const atLeast =
  (count: number, head: RegExp): Expectation['text'] =>
  ({ bytes, text }) => {
    expect(text.slice(0, 200)).toMatch(head);
    expect(bytes.length).toBeGreaterThanOrEqual(count);
  };
const unpacked =
  (unpack: (bytes: Buffer) => Buffer): Expectation['text'] =>
  ({ bytes }) => {
    const body = bytes.subarray(bytes.indexOf('\r\n\r\n') + 4);
    expect(body.length).toBeLessThan(100_000);
    expect(unpack(body).length).toBe(64 * 1024 * 1024);
  };
const repeated =
  (line: string, least: number): Expectation['text'] =>
  ({ text }) =>
    expect(text.split(line).length - 1).toBeGreaterThanOrEqual(least);

const expected: Readonly<Record<string, Expectation>> = {
  '/ok': { text: okAnswer },
  '/status/*': { path: '/status/099', text: /^HTTP\/1\.1 099 Answer\r\n/ },
  '/status-none': { text: /^HTTP\/1\.1 {2}\r\n/, end: 'fin' },
  '/redirect/*': { path: '/redirect/307?to=%2Fok', text: /^HTTP\/1\.1 307 Moved\r\nLocation: \/ok\r\n/ },
  '/refresh': { text: /\r\nRefresh: 0; url=/ },
  '/retry-after/*': {
    path: '/retry-after/429?value=1e9',
    text: /^HTTP\/1\.1 429 Later\r\nRetry-After: 1e9\r\n/,
  },
  '/retry-after-many': { text: repeated('\r\nRetry-After: ', 10) },
  '/control/*': {
    path: '/control/disable?status=200',
    text: /^HTTP\/1\.1 200 Answer\r\nwebhook-delivery: disable\r\n/,
  },
  '/flaky': { text: okAnswer },
  '/down/*': { path: '/down/1', text: /^HTTP\/1\.1 503 / },
  '/silent': { text: nothing, end: 'open' },
  '/slow/*': { path: '/slow/50', text: okAnswer },
  '/close': { text: nothing, end: 'fin' },
  '/reset': { text: nothing, end: 'rst' },
  '/reset/headers': { text: /^HTTP\/1\.1 200 OK\r\nContent-Le$/, end: 'rst' },
  '/reset/body': { text: /\r\n\r\nhalf$/, end: 'rst' },
  '/fin/unread': { text: atLeast(64 * 1024, /Connection: close/), end: 'fin' },
  '/fin/gzip': { text: /Content-Encoding: gzip/, end: 'fin' },
  '/drip/head': { ms: 1300, text: /^H$/ },
  '/drip/headers': { ms: 700, text: repeated('X-Drip: 1\r\n', 2) },
  '/drip/body': { ms: 700, text: /\r\n\r\n\.{2,}$/ },
  '/drip/103': { ms: 700, text: repeated('HTTP/1.1 103 Early Hints\r\n', 2) },
  '/drip/102': { ms: 700, text: repeated('HTTP/1.1 102 Processing\r\n', 2) },
  '/continue-flood': {
    ms: 3000,
    most: 20_000 * 25 + 30,
    text: repeated('HTTP/1.1 100 Continue\r\n', 20_000),
  },
  '/upgrade': { text: /^HTTP\/1\.1 101 /, end: 'fin' },
  '/endless/headers': { text: ({ text }) => expect(text).not.toContain('\r\n\r\n') },
  '/headers/1mb': { most: 1_000_000, text: atLeast(1_000_000, /^HTTP\/1\.1 200/) },
  '/headers/10k': { text: repeated('\r\nX-', 10_000) },
  '/headers/folded': { text: /X-Fold: a\r\n b\r\n/ },
  // biome-ignore lint/suspicious/noControlCharactersInRegex: it is what the behaviour is about.
  '/headers/nul': { text: /X-Nul: a\u0000b\r\n/ },
  '/endless/body': { text: atLeast(4_000_000, /^HTTP\/1\.1 200 OK\r\n\r\nx/), ms: 3000 },
  '/endless/chunks': { text: atLeast(4_000_000, /\r\n\r\n4000\r\nx/), ms: 3000 },
  '/body/1gb': { text: atLeast(4_000_000, /Content-Length: 1073741824/), ms: 3000 },
  '/length/huge': { text: /Content-Length: 100000000000\r\n\r\nok$/ },
  '/length/short': { text: /Content-Length: 1\r\n\r\nokokok$/ },
  '/length/long': { text: /Content-Length: 50\r\n\r\nok$/, end: 'fin' },
  '/length/twice': { text: /Content-Length: 2\r\nContent-Length: 3\r\n/ },
  '/length/negative': { text: /Content-Length: -2\r\n/ },
  '/length/chunked': { text: /Content-Length: 2\r\nTransfer-Encoding: chunked\r\n/ },
  '/bomb/gzip': { ms: 10_000, until: 'complete', text: unpacked(gunzipSync) },
  '/bomb/br': { ms: 10_000, until: 'complete', text: unpacked(brotliDecompressSync) },
  '/bomb/zstd': { ms: 10_000, until: 'complete', text: unpacked(zstdDecompressSync) },
  '/bomb/layers': { text: repeated('gzip', 2000) },
  '/encoding/lie': { text: /Content-Encoding: gzip\r\n[\s\S]*not gzip/ },
  '/chunk/bad': { text: /chunked\r\n\r\nzzz\r\n/ },
  '/chunk/extension': { most: 1_000_100, text: atLeast(1_000_000, /\r\n\r\n2;x=y/) },
  '/chunk/trailers': { text: repeated('X-T: ', 100) },
  '/http/0.9': { text: /^ok$/, end: 'fin' },
  '/http/1.0': { text: /^HTTP\/1\.0 200 OK\r\n\r\nok$/, end: 'fin' },
  '/http/rtsp': { text: /^RTSP\/1\.0 200/ },
  '/http/ssh': { text: /^SSH-2\.0-/ },
  '/http/icy': { text: /^ICY 200/ },
  '/http/tls': { text: ({ bytes }) => expect(bytes.toString('hex')).toBe('15030300020228') },
  '/204/body': { text: /^HTTP\/1\.1 204 [\s\S]*ok$/ },
  '/early/200': { text: okAnswer },
  '/early/413': { text: /^HTTP\/1\.1 413 /, end: 'fin' },
  '/twice': { text: /^HTTP\/1\.1 200 [\s\S]*okHTTP\/1\.1 500 Second/ },
  '/inject': { text: /^HTTP\/1\.1 200 [\s\S]*okHTTP\/1\.1 500 Injected/ },
  '/keep-alive/*': { path: '/keep-alive/20', text: okAnswer, end: 'fin' },
  '/keep-alive-0': { text: /Keep-Alive: timeout=0\r\n/, end: 'fin' },
  '/keep-alive-long': { text: /Keep-Alive: timeout=999999\r\n/, end: 'open' },
  '/connection-close': { text: /Connection: close\r\n/, end: 'fin' },
  // biome-ignore lint/suspicious/noControlCharactersInRegex: it is what the behaviour is about.
  '/body/ansi': { text: /\u001b\[31mred/ },
  '/body/html': { text: /<script>/ },
  '/body/binary': { text: ({ bytes }) => expect(bytes.subarray(-4).toString('hex')).toBe('fffe0080') },
  '/body/4096': {
    text({ bytes }) {
      const body = bytes.subarray(bytes.indexOf('\r\n\r\n') + 4);
      expect(body.subarray(4095, 4097).toString('utf8')).toBe('é');
    },
  },
  '/once/*': { path: '/once/410', text: /^HTTP\/1\.1 410 / },
  '/storm': { text: /^HTTP\/1\.1 502 / },
  '/304/body': { text: /^HTTP\/1\.1 304 [\s\S]*ok$/ },
  '/read/slow': { text: okAnswer },
  '/read/never': { text: nothing, end: 'open' },
};

it('every behaviour is looked at here', () => {
  expect(Object.keys(expected)).toEqual(behaviours.map(({ path }) => path));
});

it.each(behaviours.map(({ path, description }) => [path, description] as const))('%s: %s', async (path) => {
  const { port } = await start();
  const { path: asked = path, text, end, ...options } = expected[path] as Expectation;
  const isSeen = text instanceof RegExp && end === undefined && text.source !== '^$';
  const seen = await visit(port, asked, { ...options, ...(isSeen ? { until: text } : {}) });
  if (typeof text === 'function') text(seen);
  else expect(seen.text).toMatch(text);
  if (end !== undefined) expect(seen.end, seen.text.slice(0, 200)).toBe(end);
  await stillAnswers(port);
});

it('what changes with the count does so', async () => {
  const { port } = await start();
  const statuses = async (path: string): Promise<string[]> => {
    const all: string[] = [];
    for (let i = 0; i < 4; i++) all.push((await visit(port, path, { ms: 5000, most: 12 })).text.slice(9, 12));
    return all;
  };
  expect(await statuses('/flaky')).toEqual(['200', '500', '200', '500']);
  expect(await statuses('/down/2')).toEqual(['503', '503', '200', '200']);
  expect(await statuses('/once/410')).toEqual(['410', '200', '200', '200']);
  expect(await statuses('/storm')).toEqual(['502', '504', '502', '504']);
  expect(await statuses('/retry-after/503?value=1')).toEqual(['503', '200', '200', '200']);
});

it('what is early does not wait for the body, the rest does', async () => {
  const { port } = await start();
  const half = (path: string) => exchange(port, post(path, 'xxxx').slice(0, -2));
  expect((await half('/early/200')).text).toMatch(okAnswer);
  expect((await half('/early/413')).text).toContain(' 413 ');
  expect((await half('/ok')).text).toBe('');
});

it('a sender that asks whether it may send is told so', async () => {
  const { port } = await start();
  const sent = post('/ok').replace('\r\n\r\n{}', '\r\nExpect: 100-continue\r\n\r\n');
  expect((await exchange(port, sent)).text).toBe('HTTP/1.1 100 Continue\r\n\r\n');
});

it('notes method, path, headers, connection, time and a hash of the body', async () => {
  const heard: string[] = [];
  const { port, requests, connections } = await start({ onRequest: ({ path }) => heard.push(path) });
  const before = Date.now();
  await exchange(port, post('/ok?a=b', 'hello') + post('/nowhere', 'again'));
  await exchange(port, 'PUT /ok HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n');
  expect(requests).toMatchObject([
    { method: 'POST', path: '/ok?a=b', connection: 1, bodySha256: hash('hello') },
    { method: 'POST', path: '/nowhere', connection: 1, bodySha256: hash('again') },
    { method: 'PUT', path: '/ok', connection: 2, bodySha256: hash('hello') },
  ]);
  expect(requests[0]?.headers).toMatchObject({ host: 'torture', 'content-length': '5' });
  expect(requests.every(({ at }) => at >= before && at <= Date.now())).toBe(true);
  expect(heard).toEqual(['/ok?a=b', '/nowhere', '/ok']);
  expect(connections()).toBe(2);
});

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

it('GET / lists the table, a path that is not in it too', async () => {
  const { port } = await start();
  const { text } = await exchange(port, 'GET / HTTP/1.1\r\n\r\n');
  expect(text).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
  for (const { path, description } of behaviours) expect(text).toContain(`${path.padEnd(22)} ${description}`);
  expect((await visit(port, '/nowhere')).text).toMatch(/^HTTP\/1\.1 404 Not Found\r\n/);
});

it.each([
  ['a path that is no URL', post('//')],
  ['a path that cannot be decoded', post('/status/%')],
  ['a path that cannot be decoded as UTF-8', post('/retry-after/%ff?value=%ff%')],
  ['an absolute path', post('http://x:99999/')],
  ['a time that no timer can hold', post('/slow/1e99') + post('/slow/-1') + post('/keep-alive/1e99')],
  ['a header named __proto__', 'POST /ok HTTP/1.1\r\n__proto__: x\r\nconstructor: y\r\n\r\n'],
  ['no request', '\r\n\r\n\r\n\r\n'],
  ['TLS', '\u0016\u0003\u0001\u0002\u0000\u0001\u0000\u0001\u00fc\u0003\u0003'],
  ['a negative length', 'POST /ok HTTP/1.1\r\nContent-Length: -1\r\n\r\nxx'],
  ['a head without an end', `POST /ok HTTP/1.1\r\nX: ${'x'.repeat(400_000)}`],
  ['a thousand requests at once', post('/ok').repeat(1000)],
  ['every behaviour on one connection', behaviours.map(({ path }) => post(path)).join('')],
])('outlives %s', async (_what, sent) => {
  const { port } = await start();
  await exchange(port, sent);
  await stillAnswers(port);
});

it('outlives senders that reset in the middle of everything', async () => {
  const { port } = await start();
  for (const { path } of behaviours) {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => undefined);
    await new Promise((resolve) => socket.write(post(path), resolve));
    socket.resetAndDestroy();
  }
  await stillAnswers(port);
});

it('a sender that reads nothing does not fill its memory', async () => {
  const { port } = await start();
  const sockets: Socket[] = [];
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
  });
  const before = process.memoryUsage().rss;
  for (const path of [
    '/endless/body',
    '/endless/chunks',
    '/endless/headers',
    '/chunk/trailers',
    '/body/1gb',
  ]) {
    const socket = connect(port, '127.0.0.1').pause();
    socket.on('error', () => undefined);
    sockets.push(socket);
    socket.write(post(path));
  }
  // Hundreds of turns later everything that would be poured has been.
  for (let i = 0; i < 300; i++) await stillAnswers(port);
  expect(process.memoryUsage().rss - before).toBeLessThan(100 * 1024 * 1024);
});

it('a slow reader takes a large request in its time, one that never reads takes little of it', async () => {
  const { port, requests } = await start();
  const body = 'x'.repeat(512 * 1024);
  const startedAt = performance.now();
  expect((await visit(port, '/read/slow', { body, ms: 5000, most: 40 })).text).toMatch(okAnswer);
  expect(performance.now() - startedAt).toBeGreaterThan(500);
  expect(requests.at(-1)?.bodySha256).toBe(hash(body));
  expect((await visit(port, '/read/never', { body })).end).toBe('open');
  expect(requests.at(-1)?.bodySha256).toBeUndefined();
});

it('close ends what is open, and nothing is left that keeps a process alive', async () => {
  const torture = await startTorture();
  const visits = ['/silent', '/drip/103', '/endless/body', '/slow/60000', '/read/never'].map((path) =>
    visit(torture.port, path, { ms: 10_000, most: Number.POSITIVE_INFINITY }),
  );
  await expect.poll(() => torture.requests.length).toBe(5);
  await torture.close();
  expect((await Promise.all(visits)).map(({ end }) => end)).not.toContain('open');
  await expect
    .poll(() => process.getActiveResourcesInfo().filter((kind) => kind.startsWith('TCP')), { timeout: 5000 })
    .toEqual([]);
});
