// A port for programs that must know it before they listen, or that must not find a server.

import { createServer } from 'node:net';

/**
 * A port of 127.0.0.1 where nothing listens. Below those that systems choose for port 0 and for connections, so nothing
 * else takes it before the test does.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 10_000 + Math.floor(Math.random() * 22_000);
    if (await isFree(port)) return port;
  }
}

function isFree(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
