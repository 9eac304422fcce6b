// A receiver that records each delivery and the node that sent it. Each node sends through a proxy of its own, so the
// receiver knows the sender by the port of the connection.

import { createServer, type IncomingHttpHeaders } from 'node:http';
import { type AddressInfo, connect, type Server, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

export interface ReceivedDelivery {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** The name of the node. */
  readonly node: string | undefined;
  /** Unix ms. */
  readonly at: number;
}

export interface NodeReceiver {
  readonly port: number;
  readonly deliveries: readonly ReceivedDelivery[];
  /** Start an HTTP proxy for a node. Resolves to its URL. */
  startProxy(node: string): Promise<string>;
}

/** Most deliveries succeed, some are slow, a few fail. */
const slowEvery = 17;
const failEvery = 41;
const slowMs = 20;

export async function startNodeReceiver(): Promise<NodeReceiver> {
  const senders = new Map<number, string>();
  const deliveries: ReceivedDelivery[] = [];
  /** Kept here, because a socket loses its remote port once the sender has closed it. */
  const ports = new WeakMap<Socket, number | undefined>();
  const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const count = deliveries.push({
        path: request.url ?? '',
        headers: request.headers,
        body: Buffer.concat(chunks),
        node: senders.get(ports.get(request.socket) ?? 0),
        at: Date.now(),
      });
      const status = count % failEvery === 0 ? 500 : 200;
      setTimeout(() => response.writeHead(status).end(), count % slowEvery === 0 ? slowMs : 0);
    });
  });
  server.on('connection', (socket) => ports.set(socket, socket.remotePort));
  const { port } = await listen(server);

  return {
    port,
    deliveries,
    async startProxy(node) {
      const proxy = createServer();
      proxy.on('connect', (_request, client: Socket) => {
        const upstream = connect({ host: '127.0.0.1', port }, () => {
          senders.set(upstream.localPort ?? 0, node);
          client.write('HTTP/1.1 200 Connection Established\r\n\r\n');
          upstream.pipe(client).pipe(upstream);
        });
        client.on('error', () => upstream.destroy());
        client.on('close', () => upstream.destroy());
        upstream.on('error', () => client.destroy());
        upstream.on('close', () => client.destroy());
      });
      return `http://127.0.0.1:${(await listen(proxy)).port}`;
    },
  };
}

/** Closes the server and its connections when the test ends. */
async function listen(server: Server): Promise<AddressInfo> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(async () => {
    const closed = new Promise((resolve) => server.close(resolve));
    for (const socket of sockets) socket.destroy();
    await closed;
  });
  return server.address() as AddressInfo;
}
