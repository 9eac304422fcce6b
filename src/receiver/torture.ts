// A receiver that misbehaves on purpose, each way under a path of its own, so that any sender can be tried against it. On raw sockets: most
// of it no HTTP library would let us say. It bears whatever a sender does.

import { createServer, type Server, type Socket } from 'node:net';
import { type Behaviour, behaviours } from './torture-behaviours.ts';
import { type TortureSocket, wrapSocket } from './torture-socket.ts';

export interface TortureOptions {
  /** @default '127.0.0.1' */
  readonly host?: string;
  /** @default 0: a free one */
  readonly port?: number;
  /** Hears of each request when its head is read. */
  readonly onRequest?: (request: SeenRequest) => void;
}

export interface SeenRequest {
  /** With the query. */
  readonly path: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** Which connection it came on, from 1. */
  readonly connection: number;
}

export interface Torture {
  readonly url: string;
  readonly port: number;
  /** The last 10 000. */
  readonly requests: readonly SeenRequest[];
  connections(): number;
  close(): Promise<void>;
}

const maxHead = 256 * 1024;
const keptRequests = 10_000;

export async function startTorture({
  host = '127.0.0.1',
  port = 0,
  onRequest,
}: TortureOptions = {}): Promise<Torture> {
  const requests: SeenRequest[] = [];
  const counts = new Map<string, number>();
  const open = new Set<Socket>();
  let connections = 0;

  const server = createServer({ allowHalfOpen: true }, (socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
    serve(socket, ++connections);
  });

  function serve(socket: Socket, connection: number): void {
    const wrapped = wrapSocket(socket);
    let buffered = Buffer.alloc(0);
    /** Of the request that is being read. */
    let bodyLeft = 0;
    let answer: (() => void) | undefined;

    socket.on('data', (chunk) => {
      buffered = Buffer.concat([buffered, chunk]);
      for (;;) {
        if (answer !== undefined || bodyLeft > 0) {
          const taken = Math.min(bodyLeft, buffered.length);
          bodyLeft -= taken;
          buffered = buffered.subarray(taken);
          if (bodyLeft > 0) return;
          answer?.();
          answer = undefined;
        }
        const end = buffered.indexOf('\r\n\r\n');
        if (end === -1) {
          if (buffered.length > maxHead) socket.destroy();
          return;
        }
        const head = parseHead(buffered.toString('latin1', 0, end));
        buffered = buffered.subarray(end + 4);
        bodyLeft = Number(head.headers['content-length'] ?? 0) || 0;
        answer = take(wrapped, head, connection);
      }
    });
    socket.on('end', () => socket.end());
  }

  /** Notes the request; gives what answers it, unless that was done already. */
  function take(wrapped: TortureSocket, head: Head, connection: number): (() => void) | undefined {
    const seen = { path: head.path, headers: head.headers, connection };
    requests.push(seen);
    if (requests.length > keptRequests) requests.shift();
    onRequest?.(seen);
    const url = new URL(head.path, 'http://torture');
    const count = (counts.get(head.path) ?? 0) + 1;
    counts.set(head.path, count);
    const found = find(url.pathname);
    const run = (): void => {
      if (found === undefined) wrapped.write(listing(url.pathname));
      else found.behaviour.run(wrapped, { path: url.pathname, query: url.searchParams, count }, found.part);
    };
    if (found?.behaviour.early !== true) return run;
    run();
    return () => undefined;
  }

  await listen(server, port, host);
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The receiver has no port');
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${address.port}`,
    port: address.port,
    requests,
    connections: () => connections,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of open) socket.destroy();
      await closed;
    },
  };
}

export function listen(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

interface Head {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

function parseHead(text: string): Head {
  const [first = '', ...lines] = text.split('\r\n');
  const path = first.split(' ')[1] ?? '/';
  const headers = Object.fromEntries(
    lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
  return { path: path.startsWith('/') ? path : '/', headers };
}

function find(path: string): { readonly behaviour: Behaviour; readonly part: string } | undefined {
  for (const behaviour of behaviours) {
    if (behaviour.path === path) return { behaviour, part: '' };
    if (!behaviour.path.endsWith('/*')) continue;
    const prefix = behaviour.path.slice(0, -1);
    if (path.startsWith(prefix)) return { behaviour, part: decodeURIComponent(path.slice(prefix.length)) };
  }
  return undefined;
}

function listing(path: string): string {
  const lines = behaviours.map((behaviour) => `${behaviour.path.padEnd(22)} ${behaviour.description}`);
  const body = `${lines.join('\n')}\n`;
  const status = path === '/' ? '200 OK' : '404 Not Found';
  return `HTTP/1.1 ${status}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}
