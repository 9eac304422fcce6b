// A pooler in transaction mode, as pgbouncer is: each transaction of a client runs on the next connection to the server
// that is free, here on the only one.

import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

/** The URL of a database, through a pooler that lives as long as the test. */
export async function throughTransactionPooler(url: string): Promise<string> {
  const { hostname, port } = new URL(url);
  const pooler = createServer();
  const clients = new Set<Socket>();
  let backend: Backend | undefined;
  let last: Promise<unknown> = Promise.resolve();
  pooler.on('connection', (client) => {
    clients.add(client.on('error', () => undefined));
    const messages = readMessages(client);
    const serve = async (): Promise<unknown> => {
      const startup = await messages.next('startup');
      backend ??= await openBackend(connect(Number(port), hostname), startup);
      client.write(backend.greeting);
      const { transact } = backend;
      for (;;) {
        const first = await messages.next('message');
        // The client leaves; the connection to the server stays open.
        if (first[0] === 'X'.charCodeAt(0)) return client.end();
        last = last.then(() => transact(first, messages, client));
        await last;
      }
    };
    serve().catch(() => client.destroy());
  });
  pooler.listen(0, '127.0.0.1');
  await once(pooler, 'listening');
  onTestFinished(() => {
    for (const client of clients) client.destroy();
    backend?.socket.destroy();
    pooler.close();
  });
  const address = pooler.address();
  const through = new URL(url);
  through.port = String(typeof address === 'object' ? address?.port : '');
  return through.href;
}

interface Backend {
  readonly socket: Socket;
  /** The server's messages after the startup packet. */
  readonly greeting: Buffer;
  /** Pass messages on until the server is idle and has answered all of them. */
  readonly transact: (first: Buffer, client: Messages, answers: Socket) => Promise<void>;
}

async function openBackend(socket: Socket, startup: Buffer): Promise<Backend> {
  socket.on('error', () => undefined);
  const messages = readMessages(socket);
  socket.write(startup);
  const greeting: Buffer[] = [];
  do greeting.push(await messages.next('message'));
  while (!isReady(greeting.at(-1)));
  return {
    socket,
    greeting: Buffer.concat(greeting),
    async transact(first, client, answers) {
      for (let message = first; ; message = await client.next('message')) {
        socket.write(message);
        // A query and a sync are answered by "ready"; other messages belong to the sync after them.
        if (!['Q', 'S'].includes(String.fromCharCode(message[0] ?? 0))) continue;
        let answer = await messages.next('message');
        for (; !isReady(answer); answer = await messages.next('message')) answers.write(answer);
        answers.write(answer);
        if (answer[5] === 'I'.charCodeAt(0)) return;
      }
    },
  };
}

function isReady(message: Buffer | undefined): boolean {
  return message?.[0] === 'Z'.charCodeAt(0);
}

interface Messages {
  /** A startup packet has no letter before its length. */
  next(kind: 'startup' | 'message'): Promise<Buffer>;
}

function readMessages(socket: Socket): Messages {
  let bytes = Buffer.alloc(0);
  let wakeUp = (): void => undefined;
  socket.on('data', (chunk) => {
    bytes = Buffer.concat([bytes, chunk]);
    wakeUp();
  });
  return {
    async next(kind) {
      const letter = kind === 'startup' ? 0 : 1;
      for (;;) {
        const size =
          bytes.length < letter + 4 ? Number.POSITIVE_INFINITY : letter + bytes.readInt32BE(letter);
        if (bytes.length >= size) {
          const message = bytes.subarray(0, size);
          bytes = bytes.subarray(size);
          return message;
        }
        await new Promise<void>((resolve) => {
          wakeUp = resolve;
        });
      }
    },
  };
}
