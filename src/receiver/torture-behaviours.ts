// The behaviours of the torture receiver by path, taken from real receivers and from reported problems of senders. Each
// answers one request.

import { brotliCompressSync, constants, gzipSync, zstdCompressSync } from 'node:zlib';
import type { TortureSocket } from './torture-socket.ts';

export interface TortureRequest {
  /** Without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** The number of this request on its path, from 1. */
  readonly count: number;
}

export interface Behaviour {
  /** Such as `/drip/body`. `*` is the rest of the path, passed as `part`. */
  readonly path: string;
  readonly description: string;
  /** Answers before the body of the request is read. */
  readonly early?: true;
  /** The pause after each read of at most 64 KiB, in ms; or `never` to stop reading. */
  readonly pace?: number | 'never';
  readonly run: (socket: TortureSocket, request: TortureRequest, part: string) => void;
}

const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const okHead = 'HTTP/1.1 200 OK\r\n';

function answer(status: string, headers: readonly string[] = [], body: string | Uint8Array = ''): Uint8Array {
  const bytes = typeof body === 'string' ? Buffer.from(body) : body;
  const head = [`HTTP/1.1 ${status}`, ...headers, `Content-Length: ${bytes.length}`, '', ''].join('\r\n');
  return Buffer.concat([Buffer.from(head, 'latin1'), bytes]);
}

/** The same answer to every request. */
function fixed(path: string, description: string, bytes: string | Uint8Array): Behaviour {
  return { path, description, run: ({ write }) => write(bytes) };
}

/** An answer, then the end of the connection. */
function last(path: string, description: string, bytes: string | Uint8Array): Behaviour {
  return { path, description, run: ({ end }) => end(bytes) };
}

/** A head, then pieces without end. */
function endless(path: string, description: string, head: string, piece: string | (() => string)): Behaviour {
  return {
    path,
    description,
    run({ write, pour }) {
      write(head);
      pour(typeof piece === 'string' ? () => piece : piece);
    },
  };
}

/** A head, then a piece at each interval without end. */
function dripping(path: string, description: string, head: string, ms: number, piece: string): Behaviour {
  return {
    path,
    description,
    run({ write, every }) {
      if (head !== '') write(head);
      every(ms, () => write(piece));
    },
  };
}

/** Compressed on first use, because it takes time. */
function bomb(encoding: string, make: () => Uint8Array): Behaviour['run'] {
  let bytes: Uint8Array | undefined;
  return ({ write }) => {
    bytes ??= answer('200 OK', [`Content-Encoding: ${encoding}`], make());
    write(bytes);
  };
}

const zeros = (): Uint8Array => Buffer.alloc(64 * 1024 * 1024);

export const behaviours: readonly Behaviour[] = [
  fixed('/ok', '200', ok),
  {
    path: '/status/*',
    description: 'any status, also invalid ones: /status/500, /status/099, /status/999, /status/2',
    run: ({ write }, _request, part) => write(answer(`${part} Answer`)),
  },
  last('/status-none', 'a status line without a status', 'HTTP/1.1  \r\nContent-Length: 0\r\n\r\n'),
  {
    path: '/redirect/*',
    description: 'a redirect to ?to=, or without Location: /redirect/302?to=http://169.254.169.254/',
    run({ write }, { query }, part) {
      const to = query.get('to');
      write(answer(`${part} Moved`, to === null ? [] : [`Location: ${to}`], '<html>moved</html>'));
    },
  },
  fixed(
    '/refresh',
    '200 with a Refresh header',
    answer('200 OK', ['Refresh: 0; url=http://127.0.0.1/'], 'ok'),
  ),
  {
    path: '/retry-after/*',
    description: '429 or 503 with Retry-After from ?value=, or without; 200 from the second request on',
    run({ write }, { query, count }, part) {
      if (count > 1) return write(ok);
      const value = query.get('value');
      write(answer(`${part} Later`, value === null ? [] : [`Retry-After: ${value}`]));
    },
  },
  {
    path: '/retry-after-many',
    description: '429 with ten Retry-After headers',
    run: ({ write }) =>
      write(
        answer(
          '429 Later',
          Array.from({ length: 10 }, (_, i) => `Retry-After: ${i + 1}`),
        ),
      ),
  },
  {
    path: '/control/*',
    description: 'the webhook-delivery header with ?status=: /control/disable?status=200',
    run: ({ write }, { query }, part) =>
      write(answer(`${query.get('status') ?? '500'} Answer`, [`webhook-delivery: ${part}`])),
  },
  {
    path: '/flaky',
    description: 'alternates 200 and 500',
    run: ({ write }, { count }) => write(count % 2 === 1 ? ok : answer('500 Oops')),
  },
  {
    path: '/down/*',
    description: '503 for this many requests, then 200: /down/3',
    run: ({ write }, { count }, part) => write(count <= Number(part) ? answer('503 Down') : ok),
  },
  { path: '/silent', description: 'never answers', run: () => undefined },
  {
    path: '/slow/*',
    description: '200 after this many ms: /slow/2000',
    run: ({ after, write }, _request, part) => after(Number(part) || 0, () => write(ok)),
  },
  { path: '/close', description: 'closes before the headers', run: ({ end }) => end() },
  { path: '/reset', description: 'resets before the headers', early: true, run: ({ reset }) => reset() },
  {
    path: '/reset/headers',
    description: 'resets in the middle of the headers',
    run({ write, after, reset }) {
      write('HTTP/1.1 200 OK\r\nContent-Le');
      after(20, reset);
    },
  },
  {
    path: '/reset/body',
    description: '200, then resets in the middle of the body',
    run({ write, after, reset }) {
      write(`${okHead}Content-Length: 100\r\n\r\nhalf`);
      after(20, reset);
    },
  },
  {
    path: '/fin/unread',
    description: '200, 64 KiB of body and FIN at once (crashes senders on the fetch of Node 24)',
    run: ({ end }) => end(answer('200 OK', ['Connection: close'], Buffer.alloc(64 * 1024, 'x'))),
  },
  {
    path: '/fin/gzip',
    description: '200, 64 KiB of gzip and FIN at once',
    run({ end }) {
      const body = gzipSync(Buffer.alloc(64 * 1024, 'x'));
      end(answer('200 OK', ['Connection: close', 'Content-Encoding: gzip'], body));
    },
  },
  dripping('/drip/head', 'one byte of the head every second', '', 1000, 'H'),
  dripping('/drip/headers', 'one header every 200 ms without end', okHead, 200, 'X-Drip: 1\r\n'),
  dripping(
    '/drip/body',
    '200, then a byte of the body every 200 ms',
    `${okHead}Content-Length: 100000\r\n\r\n`,
    200,
    '.',
  ),
  dripping(
    '/drip/103',
    '103 Early Hints every 200 ms without end',
    '',
    200,
    'HTTP/1.1 103 Early Hints\r\nLink: </>\r\n\r\n',
  ),
  dripping(
    '/drip/102',
    '102 Processing every 200 ms without end',
    '',
    200,
    'HTTP/1.1 102 Processing\r\n\r\n',
  ),
  {
    path: '/continue-flood',
    description: '100 Continue 20 000 times, then 200',
    run({ pour, write }) {
      let left = 20_000;
      pour(
        () => (left-- > 0 ? 'HTTP/1.1 100 Continue\r\n\r\n' : undefined),
        () => write(ok),
      );
    },
  },
  last(
    '/upgrade',
    '101 to a protocol that was not requested',
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n',
  ),
  endless('/endless/headers', 'headers without end', okHead, `X-Fill: ${'x'.repeat(1000)}\r\n`),
  fixed(
    '/headers/1mb',
    'one header of 1 MB',
    `${okHead}X-Big: ${'x'.repeat(1_000_000)}\r\nContent-Length: 0\r\n\r\n`,
  ),
  fixed(
    '/headers/10k',
    '10 000 headers',
    `${okHead}${Array.from({ length: 10_000 }, (_, i) => `X-${i}: 1\r\n`).join('')}Content-Length: 0\r\n\r\n`,
  ),
  last(
    '/headers/folded',
    'a folded header (obs-fold)',
    `${okHead}X-Fold: a\r\n b\r\nContent-Length: 2\r\n\r\nok`,
  ),
  last('/headers/nul', 'a NUL in a header', `${okHead}X-Nul: a\u0000b\r\nContent-Length: 2\r\n\r\nok`),
  endless('/endless/body', '200 and a body that never ends', `${okHead}\r\n`, 'x'.repeat(64 * 1024)),
  endless(
    '/endless/chunks',
    '200 and chunks that never end',
    `${okHead}Transfer-Encoding: chunked\r\n\r\n`,
    `4000\r\n${'x'.repeat(0x4000)}\r\n`,
  ),
  {
    path: '/body/1gb',
    description: '200 and a body of 1 GB',
    run({ write, pour }) {
      write(`${okHead}Content-Length: 1073741824\r\n\r\n`);
      const piece = Buffer.alloc(64 * 1024);
      let left = 16_384;
      pour(() => (left-- > 0 ? piece : undefined));
    },
  },
  last(
    '/length/huge',
    'Content-Length: 10^11, and two bytes',
    `${okHead}Content-Length: 100000000000\r\n\r\nok`,
  ),
  last('/length/short', 'a body longer than its Content-Length', `${okHead}Content-Length: 1\r\n\r\nokokok`),
  last('/length/long', 'a body shorter than its Content-Length', `${okHead}Content-Length: 50\r\n\r\nok`),
  last(
    '/length/twice',
    'two different Content-Lengths',
    `${okHead}Content-Length: 2\r\nContent-Length: 3\r\n\r\nok`,
  ),
  last('/length/negative', 'a negative Content-Length', `${okHead}Content-Length: -2\r\n\r\nok`),
  last(
    '/length/chunked',
    'Content-Length and chunked together',
    `${okHead}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n`,
  ),
  {
    path: '/bomb/gzip',
    description: 'gzip of 64 MiB of zeros',
    run: bomb('gzip', () => gzipSync(zeros())),
  },
  {
    path: '/bomb/br',
    description: 'brotli of 64 MiB of zeros',
    run: bomb('br', () => brotliCompressSync(zeros(), { params: { [constants.BROTLI_PARAM_QUALITY]: 2 } })),
  },
  {
    path: '/bomb/zstd',
    description: 'zstd of 64 MiB of zeros',
    run: bomb('zstd', () => zstdCompressSync(zeros())),
  },
  {
    path: '/bomb/layers',
    description: 'Content-Encoding with gzip 2000 times',
    run: ({ write }) =>
      write(
        answer('200 OK', [`Content-Encoding: ${Array.from({ length: 2000 }, () => 'gzip').join(',')}`], 'ok'),
      ),
  },
  fixed(
    '/encoding/lie',
    'Content-Encoding: gzip without gzip',
    answer('200 OK', ['Content-Encoding: gzip'], 'not gzip at all'),
  ),
  last('/chunk/bad', 'invalid chunks', `${okHead}Transfer-Encoding: chunked\r\n\r\nzzz\r\nok\r\n0\r\n\r\n`),
  {
    path: '/chunk/extension',
    description: 'a chunk extension of 1 MB',
    run: ({ write }) =>
      write(`${okHead}Transfer-Encoding: chunked\r\n\r\n2;x=${'y'.repeat(1_000_000)}\r\nok\r\n0\r\n\r\n`),
  },
  endless(
    '/chunk/trailers',
    'trailers without end',
    `${okHead}Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n`,
    `X-T: ${'y'.repeat(1000)}\r\n`,
  ),
  last('/http/0.9', 'HTTP/0.9: a body alone', 'ok'),
  last('/http/1.0', 'HTTP/1.0 without a length', 'HTTP/1.0 200 OK\r\n\r\nok'),
  last('/http/rtsp', 'RTSP/1.0 200', 'RTSP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n'),
  last('/http/ssh', 'an SSH banner', 'SSH-2.0-OpenSSH_9.9\r\n'),
  last('/http/icy', 'ICY 200 OK', 'ICY 200 OK\r\n\r\n'),
  last('/http/tls', 'a TLS alert', Buffer.from('15030300020228', 'hex')),
  fixed('/204/body', '204 with a body', 'HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\nok'),
  {
    path: '/early/200',
    description: '200 before the request is read',
    early: true,
    run: ({ write }) => write(ok),
  },
  {
    path: '/early/413',
    description: '413 before the body is read, then closes',
    early: true,
    run: ({ end }) => end('HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n'),
  },
  fixed('/twice', 'two answers to one request', `${ok}HTTP/1.1 500 Second\r\nContent-Length: 0\r\n\r\n`),
  {
    path: '/inject',
    description: '200, and a second answer on the idle connection 20 ms later',
    run({ write, after }) {
      write(ok);
      after(20, () => write('HTTP/1.1 500 Injected\r\nContent-Length: 0\r\n\r\n'));
    },
  },
  {
    path: '/keep-alive/*',
    description: '200, then closes the idle connection after this many ms: /keep-alive/5',
    run({ write, after, end }, _request, part) {
      write(ok);
      after(Number(part) || 0, () => end());
    },
  },
  last(
    '/keep-alive-0',
    '200 with Keep-Alive: timeout=0, then closes',
    `${okHead}Keep-Alive: timeout=0\r\nContent-Length: 2\r\n\r\nok`,
  ),
  fixed(
    '/keep-alive-long',
    '200 with Keep-Alive: timeout=999999',
    `${okHead}Keep-Alive: timeout=999999\r\nContent-Length: 2\r\n\r\nok`,
  ),
  last(
    '/connection-close',
    '200 with Connection: close',
    `${okHead}Connection: close\r\nContent-Length: 2\r\n\r\nok`,
  ),
  fixed(
    '/body/ansi',
    'a body with terminal control characters',
    answer('500 Oops', [], '\u001b[2J\u001b[31mred\u0007'),
  ),
  fixed(
    '/body/html',
    'an HTML page',
    answer('500 Oops', ['Content-Type: text/html'], '<script>alert(1)</script>'),
  ),
  fixed(
    '/body/binary',
    'bytes that are not UTF-8',
    answer('500 Oops', [], Buffer.from([0xff, 0xfe, 0x00, 0x80])),
  ),
  fixed(
    '/body/4096',
    'a code point across the 4096th byte',
    answer('500 Oops', [], `${'x'.repeat(4095)}é${'y'.repeat(100)}`),
  ),
  {
    path: '/once/*',
    description: 'this status once, then 200: /once/410',
    run: ({ write }, { count }, part) => write(count === 1 ? answer(`${part} Answer`) : ok),
  },
  {
    path: '/storm',
    description: 'alternates 502 and 504',
    run: ({ write }, { count }) => write(answer(count % 2 === 1 ? '502 Bad Gateway' : '504 Gateway Timeout')),
  },
  fixed('/304/body', '304 with a body', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 2\r\n\r\nok'),
  {
    path: '/read/slow',
    description: 'reads the request at 64 KiB every 100 ms, then 200',
    pace: 100,
    run: ({ write }) => write(ok),
  },
  {
    path: '/read/never',
    description: 'reads only the head of the request',
    pace: 'never',
    run: () => undefined,
  },
];
