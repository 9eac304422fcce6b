// Requests are read from pieces of any size, and no input makes the reader throw.

import fc from 'fast-check';
import { expect, it } from 'vitest';
import { readRequests } from '../../src/receiver/request-reader.ts';

/** A list of what was read. */
function read(pieces: readonly Buffer[]): string[] {
  const seen: string[] = [];
  let body = '';
  const feed = readRequests({
    onHead: ({ method, path }) => seen.push(`${method} ${path}`),
    onBody: (bytes) => {
      body += bytes.toString('latin1');
    },
    onEnd: () => {
      seen.push(`end ${body}`);
      body = '';
    },
    onBad: () => seen.push('bad'),
  });
  for (const piece of pieces) feed(piece);
  return seen;
}

function cut(bytes: Buffer, at: readonly number[]): Buffer[] {
  const places = [
    0,
    ...[...new Set(at.map((place) => place % bytes.length))].sort((a, b) => a - b),
    bytes.length,
  ];
  return places.slice(1).map((end, i) => bytes.subarray(places[i], end));
}

const three = Buffer.from(
  'POST /a?b=c HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello' +
    'GET / HTTP/1.1\r\nHost: x\r\n\r\n' +
    'POST /c HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\nA\r\n0123456789\r\n0\r\nT: r\r\n\r\n',
);

it('three requests on one connection are read, however they are cut', () => {
  const whole = ['POST /a?b=c', 'end hello', 'GET /', 'end ', 'POST /c', 'end abc0123456789'];
  expect(read([three])).toEqual(whole);
  expect(read([...three].map((byte) => Buffer.from([byte])))).toEqual(whole);
  fc.assert(
    fc.property(fc.array(fc.nat(), { maxLength: 20 }), (at) => {
      expect(read(cut(three, at))).toEqual(whole);
    }),
  );
});

it.each([
  ['a negative length', 'POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n'],
  ['a length that is no number', 'POST / HTTP/1.1\r\nContent-Length: 1e99\r\n\r\n'],
  ['an encoding it does not know', 'POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n'],
  ['a chunk without a size', 'POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n'],
  ['a chunk that is longer than it says', 'POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n'],
  ['a head without an end', 'x'.repeat(300_000)],
])('reports %s once', (_what, text) => {
  expect(
    read([Buffer.from(text), Buffer.from('GET / HTTP/1.1\r\n\r\n')]).filter((word) => word === 'bad'),
  ).toEqual(['bad']);
});

it('never throws', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 10 }), (pieces) => {
      read(pieces.map((piece) => Buffer.from(piece)));
    }),
  );
  const words = fc.constantFrom(
    'POST ',
    '/',
    ' HTTP/1.1',
    '\r\n',
    '\r\n\r\n',
    'Content-Length: 3',
    'Transfer-Encoding: chunked',
    '1',
    ':',
    ';',
  );
  fc.assert(
    fc.property(fc.array(words, { maxLength: 40 }), (text) => {
      read([Buffer.from(text.join(''))]);
    }),
  );
});
