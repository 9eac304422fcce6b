// A receiver that records each delivery and the node that sent it. Each node sends through a proxy of its own, which
// leads to a server of its own, so the sender is known.

import { createServer, type IncomingHttpHeaders } from 'node:http';
import { type AddressInfo, connect, type Server, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

export interface ReceivedDelivery {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** The name of the node. */
  readonly node: string;
  /** Unix ms. */
  readonly at: number;
}

export interface NodeReceiver {
  /** Nothing has this address: the proxies lead to this machine. A proxy is not used for loopback addresses. */
  readonly address: string;
  readonly deliveries: readonly ReceivedDelivery[];
  /** Start an HTTP proxy for a node. Resolves to its URL. */
  startProxy(node: string): Promise<string>;
}

export const receiverAddress = '10.255.255.1';
/** Most deliveries succeed, some are slow, a few fail. */
const slowEvery = 17;
const failEvery = 41;
const slowMs = 20;

export async function startNodeReceiver(): Promise<NodeReceiver> {
  const deliveries: ReceivedDelivery[] = [];

  async function startServer(node: string): Promise<number> {
    const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const count = deliveries.push({
          path: request.url ?? '',
          headers: request.headers,
          body: Buffer.concat(chunks),
          node,
          at: Date.now(),
        });
        const status = count % failEvery === 0 ? 500 : 200;
        setTimeout(() => response.writeHead(status).end(), count % slowEvery === 0 ? slowMs : 0);
      });
    });
    return (await listen(server)).port;
  }

  return {
    address: receiverAddress,
    deliveries,
    async startProxy(node) {
      const port = await startServer(node);
      const proxy = createServer();
      proxy.on('connect', (_request, client: Socket) => {
        const upstream = connect({ host: '127.0.0.1', port }, () => {
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
