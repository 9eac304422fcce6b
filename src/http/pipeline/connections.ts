// Limits open connections in total, per address and per API key. Clients without a valid key cannot lock others out:
// when the server is full, the oldest idle connection without a key is closed for the new one.

import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { CodeBuddyError } from '../../base/errors.ts';
import { answerInProgress } from './connection-errors.ts';
import type { GatedResponse } from './gated-response.ts';
import { isLoopbackNetwork, networkOf } from './network-of.ts';
import type { GatedRequest } from './request-facts.ts';

export interface ConnectionLimits {
  readonly maxConnections: number;
  readonly maxConnectionsPerAddress: number;
  readonly maxConnectionsPerKey: number;
}

export interface Connections {
  /** True if the connection is over a limit: only `GET /health` is answered on it. */
  isExcess(socket: Socket): boolean;
  /**
   * Records that a request with a valid key arrived on the connection.
   * @throws CodeBuddyError `too_many_connections` if too many connections are busy with requests of this key
   */
  identified(socket: Socket, keyId: string | null): void;
  all(): Iterable<Socket>;
}

interface Place {
  readonly network: string;
  /** Undefined until a request with a valid key arrives. */
  keyId: string | null | undefined;
  isExcess: boolean;
}

/** Connections over the limits that still get a 503. Any more are dropped without an answer. */
const answeredExcess = 64;

export function makeConnections(
  server: Server<typeof GatedRequest, typeof GatedResponse>,
  { maxConnections, maxConnectionsPerAddress, maxConnectionsPerKey }: ConnectionLimits,
): Connections {
  /** In order of arrival. */
  const places = new Map<Socket, Place>();
  let excess = 0;

  function leave(socket: Socket): void {
    if (places.get(socket)?.isExcess === true) excess--;
    places.delete(socket);
  }

  /** Closes the oldest idle connection without a key, else the oldest idle one. False if none is idle. */
  function endIdle(isCandidate: (place: Place) => boolean): boolean {
    let idle: Socket | undefined;
    let victim: Socket | undefined;
    for (const [socket, place] of places) {
      if (!isCandidate(place) || answerInProgress(socket) !== undefined) continue;
      idle ??= socket;
      if (place.keyId !== undefined) continue;
      victim = socket;
      break;
    }
    victim ??= idle;
    if (victim === undefined) return false;
    // Not in `close`, which comes later: the place is needed now.
    leave(victim);
    victim.destroy();
    return true;
  }

  function isAddressFull(network: string): boolean {
    if (isLoopbackNetwork(network) || places.size < maxConnectionsPerAddress) return false;
    let count = 0;
    for (const place of places.values()) if (place.network === network && !place.isExcess) count++;
    return count >= maxConnectionsPerAddress;
  }

  /** True if there is room for one more, after closing an idle connection if necessary. */
  function hasRoom(network: string): boolean {
    if (isAddressFull(network) && !endIdle((place) => !place.isExcess && place.network === network))
      return false;
    return places.size - excess < maxConnections || endIdle(({ isExcess }) => !isExcess);
  }

  server.on('connection', (socket) => {
    const network = networkOf(socket.remoteAddress);
    const isExcess = !hasRoom(network);
    if (isExcess && excess >= answeredExcess && !endIdle((place) => place.isExcess)) {
      socket.destroy();
      return;
    }
    if (isExcess) excess++;
    places.set(socket, { network, keyId: undefined, isExcess });
    socket.once('close', () => leave(socket));
  });

  return {
    isExcess(socket) {
      if (excess === 0) return false;
      const place = places.get(socket);
      if (place === undefined || !place.isExcess) return false;
      if (!hasRoom(place.network)) return true;
      place.isExcess = false;
      excess--;
      return false;
    },
    identified(socket, keyId) {
      const place = places.get(socket);
      if (place === undefined) return;
      place.keyId = keyId;
      if (keyId === null || places.size <= maxConnectionsPerKey) return;
      let busy = 0;
      for (const [other, { keyId: key }] of places)
        if (key === keyId && answerInProgress(other) !== undefined) busy++;
      if (busy <= maxConnectionsPerKey) return;
      throw new CodeBuddyError(
        'too_many_connections',
        `This API key already uses its limit of ${maxConnectionsPerKey} busy connections. Try again soon.`,
        { headers: { 'Retry-After': '1' } },
      );
    },
    all: () => places.keys(),
  };
}
