// A receiver that misbehaves on purpose, with a path for each behaviour, to test any sender. It uses raw sockets,
// because no HTTP library allows most of these answers. No behaviour of a sender can stop it.

import { createHash, type Hash } from 'node:crypto';
import { createServer, type Server, type Socket } from 'node:net';
import { type RequestHead, readRequests } from './request-reader.ts';
import { type Behaviour, behaviours } from './torture-behaviours.ts';
import { type TortureSocket, wrapSocket } from './torture-socket.ts';

export interface TortureOptions {
  /** @default '127.0.0.1' */
  readonly host?: string;
  /** @default 0, a free port */
  readonly port?: number;
  /** Called for each request once its head is read. */
  readonly onRequest?: (request: SeenRequest) => void;
}

export interface SeenRequest {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** The number of its connection, from 1. */
  readonly connection: number;
  /** When its head was read, in Unix ms. */
  readonly at: number;
  /** As hex; undefined until the body is complete. */
  readonly bodySha256: string | undefined;
}

export interface Torture {
  readonly url: string;
  readonly port: number;
  /** The last 10 000. */
  readonly requests: readonly SeenRequest[];
  connections(): number;
  close(): Promise<void>;
}

const keptRequests = 10_000;
const countedPaths = 10_000;
/** How long a connection that is never read stays open. */
const unreadMs = 120_000;

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
    const { after } = wrapped;
    let current: Current | undefined;

    const read = readRequests({
      onHead(head) {
        current = take(wrapped, head, connection);
        if (head.headers.expect?.toLowerCase() === '100-continue' && !current.isEarly)
          wrapped.write('HTTP/1.1 100 Continue\r\n\r\n');
        if (current.isEarly) current.answer();
      },
      onBody(bytes) {
        current?.hash.update(bytes);
      },
      onEnd() {
        if (current === undefined) return;
        const { hash, seen, isEarly, answer } = current;
        seen.bodySha256 = hash.digest('hex');
        if (!isEarly) answer();
        current = undefined;
      },
      onBad: () => socket.destroy(),
    });
    socket.on('data', (bytes) => {
      read(bytes);
      const pace = current?.pace;
      if (pace === undefined) return;
      socket.pause();
      // A paused socket does not notice that its peer has left.
      if (pace === 'never') after(unreadMs, wrapped.reset);
      else after(pace, () => socket.resume());
    });
    socket.on('end', () => socket.end());
  }

  /** Record the request, and find its behaviour. */
  function take(wrapped: TortureSocket, { method, path, headers }: RequestHead, connection: number): Current {
    const seen: Noted = { method, path, headers, connection, at: Date.now(), bodySha256: undefined };
    requests.push(seen);
    if (requests.length > keptRequests) requests.shift();
    onRequest?.(seen);
    const { pathname, query } = split(path);
    const count = (counts.get(path) ?? 0) + 1;
    counts.delete(path);
    counts.set(path, count);
    const [oldest] = counts.keys();
    if (counts.size > countedPaths && oldest !== undefined) counts.delete(oldest);
    const found = find(pathname);
    return {
      seen,
      hash: createHash('sha256'),
      isEarly: found?.behaviour.early === true,
      pace: found?.behaviour.pace,
      answer() {
        if (found === undefined) wrapped.write(listing(pathname));
        else found.behaviour.run(wrapped, { path: pathname, query, count }, found.part);
      },
    };
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
    // Stays attached, because a connection that cannot be accepted is an error too.
    server.on('error', reject);
    server.listen(port, host, resolve);
  });
}

interface Noted extends SeenRequest {
  bodySha256: string | undefined;
}

/** The current request of a connection. */
interface Current {
  readonly seen: Noted;
  readonly hash: Hash;
  readonly isEarly: boolean;
  readonly pace: Behaviour['pace'];
  readonly answer: () => void;
}

/** Not with `URL`, which refuses some of the paths that a sender may use. */
function split(path: string): { readonly pathname: string; readonly query: URLSearchParams } {
  const mark = path.indexOf('?');
  if (mark === -1) return { pathname: path, query: new URLSearchParams() };
  return { pathname: path.slice(0, mark), query: new URLSearchParams(path.slice(mark + 1)) };
}

function find(path: string): { readonly behaviour: Behaviour; readonly part: string } | undefined {
  for (const behaviour of behaviours) {
    if (behaviour.path === path) return { behaviour, part: '' };
    if (!behaviour.path.endsWith('/*')) continue;
    const prefix = behaviour.path.slice(0, -1);
    if (path.startsWith(prefix)) return { behaviour, part: decoded(path.slice(prefix.length)) };
  }
  return undefined;
}

/** Unchanged if it cannot be decoded. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function listing(path: string): string {
  const lines = behaviours.map((behaviour) => `${behaviour.path.padEnd(22)} ${behaviour.description}`);
  const body = `${lines.join('\n')}\n`;
  const status = path === '/' ? '200 OK' : '404 Not Found';
  return `HTTP/1.1 ${status}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}
