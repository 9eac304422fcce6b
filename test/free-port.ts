// Ports for programs that must know theirs before they listen, for receivers that come back at the same port, and for
// targets without a server. The system never picks one of these for another program, so it stays free when it is closed.

import { createServer } from 'node:net';

/** Below the ports that systems pick, and above those that are not allowed in URLs. Each worker has its own share. */
const range = { first: 12_000, share: 1000, shares: 20 };
const first = range.first + range.share * (Number(process.env.VITEST_POOL_ID ?? 0) % range.shares);
/** Another run of the tests on this machine probably begins elsewhere. */
let next = Math.floor(Math.random() * range.share);

/** A port of 127.0.0.1 that nobody uses. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < range.share; tries++) {
    const port = first + (next++ % range.share);
    if (await isFree(port)) return port;
  }
  throw new Error('no port');
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  const isListening = await new Promise<boolean>((resolve) => {
    server.once('error', () => resolve(false)).listen(port, '127.0.0.1', () => resolve(true));
  });
  if (isListening) await new Promise((resolve) => server.close(resolve));
  return isListening;
}
