// A name server of the tests' own, on UDP: it answers, fails, is silent, or changes its mind, as a test says.

import { createSocket } from 'node:dgram';
import { onTestFinished } from 'vitest';

export interface NameAnswer {
  readonly A?: readonly string[];
  readonly AAAA?: readonly string[];
  readonly CNAME?: string;
  readonly rcode?: 'NXDOMAIN' | 'SERVFAIL';
  readonly silent?: boolean;
}

export interface DnsServer {
  /** `address:port`. */
  readonly address: string;
  /** May be changed at any time. Names without an answer do not exist. */
  readonly answers: Map<string, NameAnswer | (() => NameAnswer)>;
  readonly queries: readonly string[];
}

const types = { A: 1, CNAME: 5, AAAA: 28 } as const;
const rcodes = { NXDOMAIN: 3, SERVFAIL: 2 } as const;

export async function startDnsServer(
  answers: Readonly<Record<string, NameAnswer | (() => NameAnswer)>>,
): Promise<DnsServer> {
  const known = new Map(Object.entries(answers));
  const queries: string[] = [];
  const socket = createSocket('udp4');
  socket.on('message', (query, { address, port }) => {
    const { name, end, type } = readQuestion(query);
    queries.push(name);
    const found = known.get(name);
    const answer = typeof found === 'function' ? found() : (found ?? { rcode: 'NXDOMAIN' as const });
    if (answer.silent) return;
    const records: Buffer[] = [];
    let owner = name;
    if (answer.CNAME !== undefined) {
      records.push(record(owner, types.CNAME, encodeName(answer.CNAME)));
      owner = answer.CNAME;
    }
    if (type === types.A)
      for (const one of answer.A ?? [])
        records.push(record(owner, types.A, Buffer.from(one.split('.').map(Number))));
    if (type === types.AAAA)
      for (const one of answer.AAAA ?? []) records.push(record(owner, types.AAAA, encodeAddress6(one)));
    const header = Buffer.alloc(12);
    query.copy(header, 0, 0, 2);
    header.writeUInt16BE(0x8180 | (answer.rcode === undefined ? 0 : rcodes[answer.rcode]), 2);
    header.writeUInt16BE(1, 4);
    header.writeUInt16BE(records.length, 6);
    socket.send(Buffer.concat([header, query.subarray(12, end), ...records]), port, address);
  });
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  onTestFinished(() => new Promise<void>((resolve) => socket.close(() => resolve())));
  return { address: `127.0.0.1:${socket.address().port}`, answers: known, queries };
}

/** RFC 1035 §4.1.2; one question, without compression. */
function readQuestion(query: Buffer): { readonly name: string; readonly type: number; readonly end: number } {
  const labels: string[] = [];
  let at = 12;
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length));
    at += length + 1;
  }
  return { name: labels.join('.').toLowerCase(), type: query.readUInt16BE(at + 1), end: at + 5 };
}

function record(owner: string, type: number, data: Buffer): Buffer {
  const fixed = Buffer.alloc(10);
  fixed.writeUInt16BE(type, 0);
  fixed.writeUInt16BE(1, 2);
  fixed.writeUInt16BE(data.length, 8);
  return Buffer.concat([encodeName(owner), fixed, data]);
}

function encodeName(name: string): Buffer {
  const labels = name
    .split('.')
    .flatMap((label) => [Buffer.from([label.length]), Buffer.from(label, 'latin1')]);
  return Buffer.concat([...labels, Buffer.from([0])]);
}

/** All eight groups, or with `::`. */
function encodeAddress6(address: string): Buffer {
  const [head = '', tail] = address.split('::');
  const groups = (text: string) =>
    text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16));
  const left = groups(head);
  const right = groups(tail ?? '');
  const all =
    tail === undefined
      ? left
      : [...left, ...Array.from({ length: 8 - left.length - right.length }, () => 0), ...right];
  const bytes = Buffer.alloc(16);
  for (const [index, group] of all.entries()) bytes.writeUInt16BE(group, index * 2);
  return bytes;
}
