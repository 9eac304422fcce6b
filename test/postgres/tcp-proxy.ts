// A TCP proxy whose network can be cut: silently in one direction or both, or by breaking connections at a chosen answer.

import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

export type Direction = 'toServer' | 'toClient';

export interface TcpProxy {
  readonly port: number;
  /** `url` with the address of the proxy. */
  through(url: string): string;
  /** Swallow what is sent in these directions. Connections stay open, as they do when packets are lost. */
  cut(...directions: readonly Direction[]): void;
  /** As `hold`, once bytes with this text have passed. Resolves then. */
  holdAfter(direction: Direction, text: string): Promise<void>;
  /** Keep back what is sent to the server. `heal` passes it on, even if the client is gone by then. */
  hold(): void;
  /** Bytes that are kept back. */
  held(): Buffer;
  /** Break the connections to clients. What is kept back still reaches the server with `heal`. */
  loseClients(): void;
  /**
   * Pass everything on again, on new and old connections. Old ones that lost bytes are broken. Resolves when the server
   * has ended the connections whose clients are gone, and so has done what they asked for.
   */
  heal(): Promise<void>;
  /** Break all connections. */
  breakConnections(): void;
  /** Refuse connections, or accept them again. */
  refuse(isRefused: boolean): void;
  /** Break a connection instead of passing on the next bytes that have this text. Resolves once it did. */
  breakAt(direction: Direction, text: string): Promise<void>;
}

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
  /** Bytes were swallowed, so it cannot be used any more. */
  isDamaged: boolean;
  readonly held: Buffer[];
}

/** It is closed when the test ends. */
export async function startTcpProxy(targetPort: number): Promise<TcpProxy> {
  const pairs = new Set<Pair>();
  const swallowed = new Set<Direction>();
  const traps = new Map<
    Direction,
    { readonly text: Buffer; readonly holds: boolean; readonly sprung: () => void }
  >();
  let isHolding = false;
  let isRefusing = false;

  function pass(pair: Pair, direction: Direction, data: Buffer): void {
    const trap = traps.get(direction);
    const isSprung = trap !== undefined && data.includes(trap.text);
    if (isSprung) {
      traps.delete(direction);
      trap.sprung();
    }
    if (isSprung && !trap.holds) end(pair);
    else if (swallowed.has(direction)) pair.isDamaged = true;
    else if (direction === 'toServer' && isHolding) pair.held.push(data);
    else (direction === 'toServer' ? pair.server : pair.client).write(data);
    if (isSprung && trap.holds) isHolding = true;
  }

  function end(pair: Pair): void {
    pairs.delete(pair);
    pair.client.destroy();
    pair.server.destroy();
  }

  const listener = createServer((client) => {
    if (isRefusing) {
      client.destroy();
      return;
    }
    const server = connect({ host: '127.0.0.1', port: targetPort });
    const pair: Pair = { client, server, isDamaged: false, held: [] };
    pairs.add(pair);
    for (const socket of [client, server]) {
      socket.setNoDelay(true);
      socket.on('error', () => undefined);
    }
    client.on('data', (data) => pass(pair, 'toServer', data));
    server.on('data', (data) => pass(pair, 'toClient', data));
    server.on('close', () => end(pair));
    client.on('close', () => {
      if (pair.held.length === 0 && !swallowed.has('toServer')) end(pair);
    });
  });
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const address = listener.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const setTrap = (direction: Direction, text: string, holds: boolean): Promise<void> =>
    new Promise((resolve) => {
      traps.set(direction, { text: Buffer.from(text), holds, sprung: resolve });
    });
  const endAll = (): void => {
    for (const pair of pairs) end(pair);
  };
  onTestFinished(() => {
    endAll();
    listener.close();
  });

  return {
    port,
    through(text) {
      const url = new URL(text);
      url.port = String(port);
      return url.href;
    },
    cut(...directions) {
      for (const direction of directions) swallowed.add(direction);
    },
    hold() {
      isHolding = true;
    },
    held: () => Buffer.concat([...pairs].flatMap(({ held }) => held)),
    loseClients() {
      isHolding = false;
      for (const { client } of pairs) client.destroy();
    },
    async heal() {
      isHolding = false;
      swallowed.clear();
      const orphans: Promise<unknown>[] = [];
      for (const pair of pairs) {
        if (pair.isDamaged) end(pair);
        for (const data of pair.held.splice(0)) pair.server.write(data);
        if (!pair.client.destroyed || pair.server.destroyed) continue;
        orphans.push(once(pair.server, 'close'));
        pair.server.end();
      }
      await Promise.all(orphans);
    },
    breakConnections: endAll,
    refuse(isRefused) {
      isRefusing = isRefused;
    },
    holdAfter: (direction, text) => setTrap(direction, text, true),
    breakAt: (direction, text) => setTrap(direction, text, false),
  };
}
