// A port for programs that must know it before they listen, or that must not find a server.

import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';

/**
 * A port of 127.0.0.1 that is free, and that the system gives to no connection and to no server that lets it choose.
 */
export async function freePort(): Promise<number> {
  const first = firstChosenBySystem();
  for (;;) {
    const port = lowest + Math.floor(Math.random() * (first - lowest));
    if (await isFree(port)) return port;
  }
}

/** Above the ports that `fetch` refuses. */
const lowest = 11_000;

function firstChosenBySystem(): number {
  try {
    const range = readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8');
    return Math.max(lowest + 1000, Number.parseInt(range, 10));
  } catch {
    return 32_768;
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  const isListening = await new Promise<boolean>((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => resolve(true));
  });
  if (isListening) await new Promise((resolve) => server.close(resolve));
  return isListening;
}
