// Receivers that misbehave at the connection, before a request can select a behaviour by its path.

import { createServer, type Socket } from 'node:net';
import { listen } from '../../src/receiver/torture.ts';
import { type TortureSocket, wrapSocket } from '../../src/receiver/torture-socket.ts';

export type ConnectBehaviour = 'silent' | 'reset' | 'close' | 'ssh' | 'garbage' | 'http';

export interface ConnectTorture {
  readonly port: number;
  connections(): number;
  close(): Promise<void>;
}

const run: Readonly<Record<ConnectBehaviour, (socket: TortureSocket) => void>> = {
  /** For TLS, a handshake that never ends. */
  silent: () => undefined,
  reset: ({ reset }) => reset(),
  close: ({ end }) => end(),
  ssh: ({ write }) => write('SSH-2.0-OpenSSH_9.9\r\n'),
  garbage: ({ write }) => write(Buffer.alloc(4096, 0xfe)),
  /** HTTP on a port where TLS is expected. */
  http: ({ end }) => end('HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n'),
};

/** Start on a free port. @param host default 127.0.0.1 */
export async function startConnectTorture(
  behaviour: ConnectBehaviour,
  host: string = '127.0.0.1',
): Promise<ConnectTorture> {
  const open = new Set<Socket>();
  let connections = 0;
  const server = createServer((socket) => {
    connections++;
    open.add(socket);
    socket.once('close', () => open.delete(socket));
    socket.resume();
    run[behaviour](wrapSocket(socket));
  });
  await listen(server, 0, host);
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The receiver has no port');
  return {
    port: address.port,
    connections: () => connections,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of open) socket.destroy();
      await closed;
    },
  };
}
