// A name server for tests: UDP, and TCP for answers over 512 bytes. It gives the configured answers, which may differ
// from one question to the next, and records the questions. It implements the part of RFC 1035 that a resolver needs.

import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import ipaddr from 'ipaddr.js';
import { onTestFinished } from 'vitest';

/** The answer for one name. A name without an entry does not exist. */
export interface DnsAnswer {
  readonly A?: readonly string[];
  readonly AAAA?: readonly string[];
  /** Followed by the records of that name, if it is known. */
  readonly CNAME?: string;
  /** Instead of records. */
  readonly rcode?: 'NXDOMAIN' | 'SERVFAIL' | 'REFUSED';
  /** Never answers. */
  readonly silent?: boolean;
  /** In seconds. @default 0 */
  readonly ttl?: number;
}

export interface DnsQuery {
  /** Lower case, without the last dot. */
  readonly name: string;
  readonly type: 'A' | 'AAAA' | 'other';
  readonly transport: 'udp' | 'tcp';
  /** Unix ms. */
  readonly at: number;
  /** Which question for this name and type this is, from 1; TCP after a cut UDP answer counts again. */
  readonly count: number;
}

type AnswerFor = (query: DnsQuery) => DnsAnswer | undefined | Promise<DnsAnswer | undefined>;

/** Answers by name, which a test may change at any time; or a function called for each question. */
export type DnsAnswers = ReadonlyMap<string, DnsAnswer | AnswerFor> | AnswerFor;

export interface DnsServer {
  /** For `resolver.setServers`: `127.0.0.1:PORT`. */
  readonly address: string;
  readonly port: number;
  /** All questions so far. */
  readonly queries: readonly DnsQuery[];
  close(): Promise<void>;
}

const udpLimit = 512;
const rcodes = { NOERROR: 0, FORMERR: 1, SERVFAIL: 2, NXDOMAIN: 3, REFUSED: 5 } as const;
const types = { A: 1, CNAME: 5, AAAA: 28 } as const;

/** Start on a free port of 127.0.0.1. Closed when the test ends. */
export async function startDnsServer(answers: DnsAnswers): Promise<DnsServer> {
  const queries: DnsQuery[] = [];
  const counts = new Map<string, number>();
  let closing: Promise<void> | undefined;

  async function ask(message: Buffer, transport: DnsQuery['transport']): Promise<Buffer | undefined> {
    const question = readQuestion(message);
    if (question === undefined) return undefined;
    const { name, type } = question;
    const count = (counts.get(`${type} ${name}`) ?? 0) + 1;
    counts.set(`${type} ${name}`, count);
    const query: DnsQuery = { name, type, transport, at: Date.now(), count };
    queries.push(query);
    return reply(message, question, (of) => lookUp(answers, { ...query, name: of }));
  }

  const udp = createSocket('udp4');
  udp.on('message', async (message, { port, address }) => {
    const answer = await ask(message, 'udp');
    if (answer === undefined || closing !== undefined) return;
    udp.send(answer.length > udpLimit ? truncated(answer) : answer, port, address);
  });
  const open = new Set<Socket>();
  const tcp = createServer((socket) => {
    open.add(socket);
    socket.on('error', () => socket.destroy()).once('close', () => open.delete(socket));
    let buffered = Buffer.alloc(0);
    socket.on('data', (chunk) => {
      buffered = Buffer.concat([buffered, chunk]);
      while (buffered.length >= 2 && buffered.length >= 2 + buffered.readUInt16BE(0)) {
        const end = 2 + buffered.readUInt16BE(0);
        const message = buffered.subarray(2, end);
        buffered = buffered.subarray(end);
        void ask(message, 'tcp').then((answer) => {
          if (answer !== undefined) socket.write(Buffer.concat([uint16(answer.length), answer]));
        });
      }
    });
  });

  const port = await bindBoth(tcp, udp);
  const close = (): Promise<void> => {
    closing ??= (async () => {
      const closed = [
        new Promise<void>((resolve) => udp.close(resolve)),
        new Promise<void>((resolve) => tcp.close(() => resolve())),
      ];
      for (const socket of open) socket.destroy();
      await Promise.all(closed);
    })();
    return closing;
  };
  onTestFinished(close);
  return { address: `127.0.0.1:${port}`, port, queries, close };
}

/** Resolvers expect the same port for both. */
async function bindBoth(tcp: Server, udp: UdpSocket): Promise<number> {
  for (let tries = 1; ; tries++) {
    tcp.listen(0, '127.0.0.1');
    await once(tcp, 'listening');
    const address = tcp.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    try {
      const bound = once(udp, 'listening');
      udp.bind(address.port, '127.0.0.1');
      await bound;
      return address.port;
    } catch (error) {
      // Free for TCP, taken for UDP.
      if (tries === 10) throw error;
      tcp.close();
      await once(tcp, 'close');
    }
  }
}

function lookUp(answers: DnsAnswers, query: DnsQuery): ReturnType<AnswerFor> {
  if (typeof answers === 'function') return answers(query);
  const answer = answers.get(query.name);
  return typeof answer === 'function' ? answer(query) : answer;
}

interface Question {
  readonly name: string;
  readonly type: DnsQuery['type'];
  /** The position of the question's end in the message. */
  readonly end: number;
}

/** Undefined if the message is not a question. */
function readQuestion(message: Buffer): Question | undefined {
  if (message.length < 12 || message.readUInt16BE(4) !== 1) return undefined;
  const labels: string[] = [];
  let at = 12;
  for (;;) {
    const length = message[at];
    if (length === undefined || length > 63 || at + 1 + length > message.length) return undefined;
    at += 1 + length;
    if (length === 0) break;
    labels.push(message.toString('latin1', at - length, at).toLowerCase());
  }
  if (at + 4 > message.length) return undefined;
  const number = message.readUInt16BE(at);
  const type = number === types.A ? 'A' : number === types.AAAA ? 'AAAA' : 'other';
  return { name: labels.join('.'), type, end: at + 4 };
}

/** Undefined for no answer. */
async function reply(
  message: Buffer,
  { name, type, end }: Question,
  lookUpName: (name: string) => ReturnType<AnswerFor>,
): Promise<Buffer | undefined> {
  const records: Buffer[] = [];
  let rcode: number = rcodes.NOERROR;
  // A chain of CNAMEs may be a circle.
  for (let owner = name, steps = 0; steps < 16; steps++) {
    const answer = await lookUpName(owner);
    if (answer?.silent) return undefined;
    if (answer === undefined || answer.rcode !== undefined) {
      rcode = rcodes[answer?.rcode ?? 'NXDOMAIN'];
      break;
    }
    const { CNAME: alias, ttl = 0 } = answer;
    if (alias === undefined) {
      const addresses = type === 'other' ? [] : (answer[type] ?? []);
      for (const address of addresses)
        records.push(record(owner, types[type as 'A' | 'AAAA'], ttl, Buffer.from(bytesOf(address))));
      break;
    }
    records.push(record(owner, types.CNAME, ttl, encodeName(alias)));
    owner = alias.toLowerCase();
  }
  const head = Buffer.alloc(12);
  message.copy(head, 0, 0, 2);
  // An answer (QR), with authority (AA), and recursion where it was desired.
  head.writeUInt16BE(0x8480 | (message.readUInt16BE(2) & 0x0100) | rcode, 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt16BE(records.length, 6);
  return Buffer.concat([head, message.subarray(12, end), ...records]);
}

/** The question alone, with the TC bit: ask again over TCP. */
function truncated(answer: Buffer): Buffer {
  const end = readQuestion(answer)?.end ?? 12;
  const cut = Buffer.from(answer.subarray(0, end));
  cut.writeUInt16BE(cut.readUInt16BE(2) | 0x0200, 2);
  cut.writeUInt16BE(0, 6);
  return cut;
}

function record(owner: string, type: number, ttl: number, data: Buffer): Buffer {
  const seconds = Buffer.alloc(4);
  seconds.writeUInt32BE(ttl);
  return Buffer.concat([encodeName(owner), uint16(type), uint16(1), seconds, uint16(data.length), data]);
}

function bytesOf(address: string): number[] {
  return ipaddr.parse(address).toByteArray();
}

function encodeName(name: string): Buffer {
  const labels = name.replace(/\.$/, '').split('.');
  return Buffer.concat([
    ...labels.map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label, 'latin1')])),
    Buffer.alloc(1),
  ]);
}

function uint16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}
