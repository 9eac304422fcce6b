// Opens a TCP connection to one of a receiver's addresses (Happy Eyeballs, RFC 8305). All addresses share one deadline,
// and the first that connects wins. Own code, since Node's `autoSelectFamily` gives up a slow address when it tries the
// next one, and the guard must know that nothing but these addresses is connected to.

import { connect, isIP, type Socket } from 'node:net';
import { sameAddress } from './address-class.ts';
import { TransportError } from './transport-result.ts';

export interface OpenTcpOptions {
  readonly addresses: readonly string[];
  readonly port: number;
  /** For all of them together. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** After this many ms the next address is tried too. @default 250 */
  readonly attemptDelayMs?: number;
}

export function openTcp({
  addresses,
  port,
  timeoutMs,
  signal,
  attemptDelayMs = 250,
}: OpenTcpOptions): Promise<Socket> {
  const untried = interleave(addresses);
  const sockets = new Set<Socket>();
  const errors: unknown[] = [];
  return new Promise((resolve, reject) => {
    let next: NodeJS.Timeout | undefined;

    const settle = (winner: Socket | undefined, error?: unknown): void => {
      clearTimeout(next);
      clearTimeout(deadline);
      signal.removeEventListener('abort', abort);
      untried.length = 0;
      for (const socket of sockets) {
        socket.removeAllListeners('connect').removeAllListeners('close');
        // The 'error' listener stays: until undici adds its own, an error must not end the process.
        if (socket !== winner) socket.destroy();
      }
      if (winner === undefined) reject(error);
      else resolve(winner);
    };
    const tooLate = (): Error =>
      new TransportError('connect_timeout', `No connection within ${timeoutMs} ms`);
    const abort = (): void => settle(undefined, signal.reason instanceof Error ? signal.reason : tooLate());

    const failed = (socket: Socket, error: unknown): void => {
      if (!sockets.delete(socket)) return;
      socket.destroy();
      errors.push(error);
      if (untried.length > 0) tryNext();
      else if (sockets.size === 0)
        settle(undefined, errors.length === 1 ? errors[0] : new AggregateError(errors));
    };

    function tryNext(): void {
      clearTimeout(next);
      const address = untried.shift();
      if (address === undefined) return;
      const socket = connect({ host: address, port, noDelay: true });
      sockets.add(socket);
      socket.on('error', (error) => failed(socket, error));
      socket.once('close', () =>
        failed(socket, new TransportError('connection_closed', 'Closed before it was ready')),
      );
      socket.once('connect', () => {
        const { remoteAddress } = socket;
        if (remoteAddress !== undefined && sameAddress(address, remoteAddress)) settle(socket);
        else {
          const message = `Connected to ${remoteAddress} instead of ${address}`;
          failed(socket, new TransportError('target_refused', message));
        }
      });
      if (untried.length > 0) next = setTimeout(tryNext, attemptDelayMs);
    }

    const deadline = setTimeout(() => settle(undefined, tooLate()), timeoutMs);
    signal.addEventListener('abort', abort, { once: true });
    if (signal.aborted) abort();
    else if (untried.length === 0)
      settle(undefined, new TransportError('name_not_found', 'The name has no address'));
    else tryNext();
  });
}

/**
 * Alternates the families, beginning with that of the first address (RFC 8305 §4), so that a family without a route
 * costs one step.
 */
function interleave(addresses: readonly string[]): string[] {
  const family = isIP(addresses[0] ?? '');
  const mine = addresses.filter((address) => isIP(address) === family);
  const others = addresses.filter((address) => isIP(address) !== family);
  return mine
    .flatMap((address, index) => {
      const other = others[index];
      return other === undefined ? [address] : [address, other];
    })
    .concat(others.slice(mine.length));
}
