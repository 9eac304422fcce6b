// Each behaviour does what its description says, seen on a raw socket, and the receiver survives whatever a sender
// does.

import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib';
import { expect, it, onTestFinished } from 'vitest';
import { startTorture, type TortureOptions } from '../../src/receiver/torture.ts';
import { behaviours } from '../../src/receiver/torture-behaviours.ts';
import { WAIT_LIMIT_MS } from '../wait-for.ts';

async function start(options: TortureOptions = {}) {
  const torture = await startTorture(options);
  onTestFinished(() => torture.close());
  return torture;
}

interface Seen {
  /** Latin-1. */
  readonly text: string;
  readonly bytes: Buffer;
  /** The end of the connection: FIN, RST, or still open when the exchange was over. */
  readonly end: 'fin' | 'rst' | 'open';
}

interface ExchangeOptions {
  /** The exchange is over once this many bytes have arrived. */
  readonly most?: number;
  /** The exchange is over once this holds. @default when the connection ends */
  readonly until?: (seen: Seen) => boolean;
  /** Afterwards, keep reading while this runs, such as another exchange. */
  readonly meanwhile?: () => Promise<unknown>;
}

function post(path: string, body = '{}'): string {
  return `POST ${path} HTTP/1.1\r\nHost: torture\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
}

/** Sends bytes and returns the answer. */
function exchange(
  port: number,
  sent: string,
  { most = 4_000_000, until = () => false, meanwhile = async () => undefined }: ExchangeOptions = {},
): Promise<Seen> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let length = 0;
    let isOver = false;
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    const seen = (end: Seen['end']): Seen => {
      const bytes = Buffer.concat(chunks);
      return { text: bytes.toString('latin1'), bytes, end };
    };
    const finish = (end: Seen['end']): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(seen(end));
    };
    const timer = setTimeout(() => finish('open'), WAIT_LIMIT_MS);
    const look = (): void => {
      if (isOver || (length < most && !until(seen('open')))) return;
      isOver = true;
      void meanwhile().then(() => finish('open'));
    };
    socket.on('data', (chunk) => {
      chunks.push(chunk);
      length += chunk.length;
      look();
    });
    socket.once('end', () => finish('fin')).once('error', () => finish('rst'));
    socket.write(sent, 'latin1');
    socket.once('connect', look);
  });
}

/** True when the whole body of Content-Length has arrived. */
function isComplete({ text }: Seen): boolean {
  const [head = ''] = text.split('\r\n\r\n', 1);
  const length = Number(/^content-length: (\d+)/im.exec(head)?.[1] ?? Number.NaN);
  return text.length >= head.length + 4 + length;
}

const visit = (port: number, path: string, options: ExchangeOptions = {}, body?: string): Promise<Seen> =>
  exchange(port, post(path, body), options);

/** Used if no answer is expected: an exchange that begins now shows that the receiver had the time to answer. */
const soon = (port: number): ExchangeOptions => ({
  until: () => true,
  meanwhile: () => stillAnswers(port),
});

async function stillAnswers(port: number): Promise<void> {
  expect((await visit(port, '/ok', { until: isComplete })).text).toMatch(okAnswer);
}

interface Expectation {
  /** In place of the table's path. */
  readonly path?: string;
  readonly text: RegExp | ((seen: Seen) => void);
  /** @default any end after the text */
  readonly end?: Seen['end'];
  readonly most?: number;
  /** The text is not checked before this holds. */
  readonly until?: (seen: Seen) => boolean;
}

function check({ text }: Expectation, seen: Seen): void {
  if (typeof text === 'function') text(seen);
  else expect(seen.text).toMatch(text);
}

function passes(expectation: Expectation, seen: Seen): boolean {
  if (expectation.until?.(seen) === false) return false;
  try {
    check(expectation, seen);
    return true;
  } catch {
    return false;
  }
}

const okAnswer = /^HTTP\/1\.1 200 OK\r\nContent-Length: 2\r\n\r\nok$/;
const nothing = /^$/;
/** At least this many bytes arrive, and more would follow. */
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
  '/drip/head': { text: /^H+$/ },
  '/drip/headers': { text: repeated('X-Drip: 1\r\n', 2) },
  '/drip/body': { text: /\r\n\r\n\.{2,}$/ },
  '/drip/103': { text: repeated('HTTP/1.1 103 Early Hints\r\n', 2) },
  '/drip/102': { text: repeated('HTTP/1.1 102 Processing\r\n', 2) },
  '/continue-flood': {
    most: 20_000 * 25 + 30,
    text: repeated('HTTP/1.1 100 Continue\r\n', 20_000),
  },
  '/upgrade': { text: /^HTTP\/1\.1 101 /, end: 'fin' },
  '/endless/headers': {
    text({ bytes, text }) {
      expect(bytes.length).toBeGreaterThan(100_000);
      expect(text).not.toContain('\r\n\r\n');
    },
  },
  '/headers/1mb': { most: 1_000_000, text: atLeast(1_000_000, /^HTTP\/1\.1 200/) },
  '/headers/10k': { text: repeated('\r\nX-', 10_000) },
  '/headers/folded': { text: /X-Fold: a\r\n b\r\n/ },
  // biome-ignore lint/suspicious/noControlCharactersInRegex: it is what the behaviour is about.
  '/headers/nul': { text: /X-Nul: a\u0000b\r\n/ },
  '/endless/body': { text: atLeast(4_000_000, /^HTTP\/1\.1 200 OK\r\n\r\nx/) },
  '/endless/chunks': { text: atLeast(4_000_000, /\r\n\r\n4000\r\nx/) },
  '/body/1gb': { text: atLeast(4_000_000, /Content-Length: 1073741824/) },
  '/length/huge': { text: /Content-Length: 100000000000\r\n\r\nok$/ },
  '/length/short': { text: /Content-Length: 1\r\n\r\nokokok$/ },
  '/length/long': { text: /Content-Length: 50\r\n\r\nok$/, end: 'fin' },
  '/length/twice': { text: /Content-Length: 2\r\nContent-Length: 3\r\n/ },
  '/length/negative': { text: /Content-Length: -2\r\n/ },
  '/length/chunked': { text: /Content-Length: 2\r\nTransfer-Encoding: chunked\r\n/ },
  '/bomb/gzip': { until: isComplete, text: unpacked(gunzipSync) },
  '/bomb/br': { until: isComplete, text: unpacked(brotliDecompressSync) },
  '/bomb/zstd': { until: isComplete, text: unpacked(zstdDecompressSync) },
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

it('all behaviours are listed here', () => {
  expect(Object.keys(expected)).toEqual(behaviours.map(({ path }) => path));
});

it.each(behaviours.map(({ path, description }) => [path, description] as const))('%s: %s', async (path) => {
  const { port } = await start();
  const expectation = expected[path] as Expectation;
  const { path: asked = path, end, most } = expectation;
  const seen = await visit(port, asked, {
    ...(most === undefined ? {} : { most }),
    // Waits for an expected end.
    until: (sofar) => (end === undefined || end === 'open') && passes(expectation, sofar),
    ...(end === 'open' ? { meanwhile: () => stillAnswers(port) } : {}),
  });
  check(expectation, seen);
  if (end !== undefined) expect(seen.end, seen.text.slice(0, 200)).toBe(end);
  await stillAnswers(port);
});

it('behaviours that depend on the number of the request do so', async () => {
  const { port } = await start();
  const statuses = async (path: string): Promise<string[]> => {
    const all: string[] = [];
    for (let i = 0; i < 4; i++) all.push((await visit(port, path, { most: 12 })).text.slice(9, 12));
    return all;
  };
  expect(await statuses('/flaky')).toEqual(['200', '500', '200', '500']);
  expect(await statuses('/down/2')).toEqual(['503', '503', '200', '200']);
  expect(await statuses('/once/410')).toEqual(['410', '200', '200', '200']);
  expect(await statuses('/storm')).toEqual(['502', '504', '502', '504']);
  expect(await statuses('/retry-after/503?value=1')).toEqual(['503', '200', '200', '200']);
});

it('only the early behaviours answer before the body', async () => {
  const { port } = await start();
  const half = (path: string, options: ExchangeOptions) =>
    exchange(port, post(path, 'xxxx').slice(0, -2), options);
  expect((await half('/early/200', { until: isComplete })).text).toMatch(okAnswer);
  expect((await half('/early/413', {})).text).toContain(' 413 ');
  expect((await half('/ok', soon(port))).text).toBe('');
});

it('a sender with Expect: 100-continue gets 100 Continue', async () => {
  const { port } = await start();
  const sent = post('/ok').replace('\r\n\r\n{}', '\r\nExpect: 100-continue\r\n\r\n');
  const goOn = 'HTTP/1.1 100 Continue\r\n\r\n';
  const until = ({ text }: Seen): boolean => text === goOn;
  expect((await exchange(port, sent, { ...soon(port), until })).text).toBe(goOn);
});

it('records method, path, headers, connection, time and a hash of the body', async () => {
  const heard: string[] = [];
  const { port, requests, connections } = await start({ onRequest: ({ path }) => heard.push(path) });
  const before = Date.now();
  await exchange(port, post('/ok?a=b', 'hello') + post('/nowhere', 'again'), {
    until: ({ text }) => text.includes(' 404 '),
  });
  await exchange(port, 'PUT /ok HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n', {
    until: isComplete,
  });
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

it('GET / lists the behaviours, and so does a path that does not exist', async () => {
  const { port } = await start();
  const { text } = await exchange(port, 'GET / HTTP/1.1\r\n\r\n', { until: isComplete });
  expect(text).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
  for (const { path, description } of behaviours) expect(text).toContain(`${path.padEnd(22)} ${description}`);
  expect((await visit(port, '/nowhere', { until: isComplete })).text).toMatch(
    /^HTTP\/1\.1 404 Not Found\r\n/,
  );
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
])('survives %s', async (_what, sent) => {
  const { port } = await start();
  await exchange(port, sent, soon(port));
  await stillAnswers(port);
});

it('survives senders that reset in the middle', async () => {
  const { port } = await start();
  for (const { path } of behaviours) {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => undefined);
    await new Promise((resolve) => socket.write(post(path), resolve));
    socket.resetAndDestroy();
  }
  await stillAnswers(port);
});

it('a sender that reads nothing does not fill the memory of the receiver', async () => {
  const { port } = await start();
  const sockets: Socket[] = [];
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
  });
  const accepted: Socket[] = [];
  const note = (message: unknown): void => void accepted.push((message as { socket: Socket }).socket);
  subscribe('net.server.socket', note);
  onTestFinished(() => void unsubscribe('net.server.socket', note));
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
  // Other exchanges show that the receiver had the time to send more.
  for (let i = 0; i < 100; i++) await stillAnswers(port);
  const waiting = (): number[] => accepted.map((socket) => socket.writableLength);
  // All five are stuck, each with little more than one write.
  await expect.poll(() => waiting().filter((length) => length > 0).length).toBe(5);
  expect(Math.max(...waiting())).toBeLessThan(4 * 1024 * 1024);
});

it('/read/slow reads a large request slowly; /read/never reads little of it', async () => {
  const { port, requests } = await start();
  const body = 'x'.repeat(512 * 1024);
  const startedAt = performance.now();
  expect((await visit(port, '/read/slow', { most: 40 }, body)).text).toMatch(okAnswer);
  expect(performance.now() - startedAt).toBeGreaterThan(500);
  expect(requests.at(-1)?.bodySha256).toBe(hash(body));
  expect((await visit(port, '/read/never', soon(port), body)).end).toBe('open');
  expect(requests.find(({ path }) => path === '/read/never')?.bodySha256).toBeUndefined();
});

it('close ends all connections and leaves nothing that keeps a process alive', async () => {
  // In a process of its own, which ends by itself once nothing is left.
  const script = `
    import { once } from 'node:events';
    import { connect } from 'node:net';
    import { startTorture } from ${JSON.stringify(new URL('../../src/receiver/torture.ts', import.meta.url))};
    const torture = await startTorture();
    const paths = ['/silent', '/drip/103', '/endless/body', '/slow/60000', '/read/never'];
    const closed = paths.map((path) => {
      const socket = connect(torture.port, '127.0.0.1').on('error', () => undefined).resume();
      socket.write('POST ' + path + ' HTTP/1.1\\r\\nHost: torture\\r\\nContent-Length: 2\\r\\n\\r\\n{}');
      return once(socket, 'close');
    });
    const poll = setInterval(() => {
      if (torture.requests.length < paths.length) return;
      clearInterval(poll);
      void torture.close();
    }, 1);
    await Promise.all(closed);
    console.log('closed');
  `;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const [output, [code]] = await Promise.all([text(child.stdout), once(child, 'exit')]);
  expect({ code, output }).toEqual({ code: 0, output: 'closed\n' });
});
