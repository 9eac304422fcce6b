// Opens a tunnel through an HTTP proxy (RFC 9110 §9.3.6). The proxy is given an address that the guard has judged,
// never a name, so it cannot choose where a delivery goes.

import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { TransportError } from './transport-result.ts';

/** Of the proxy's answer. */
const maxHeadBytes = 16 * 1024;

/**
 * Connect to the proxy and ask it for a tunnel to the target. Resolves to the socket when the tunnel is open. `wait`
 * resolves on the event, and destroys the socket if it fails or takes too long.
 * @throws TransportError `proxy_failed` if the proxy cannot be reached or refuses
 */
export async function openTunnel(
  proxy: URL,
  target: { readonly address: string; readonly port: number },
  wait: (socket: Socket, event: 'connect' | 'secureConnect' | 'tunnel') => Promise<Socket>,
): Promise<Socket> {
  const host = proxy.hostname.replace(/^\[|\]$/g, '');
  const isTls = proxy.protocol === 'https:';
  const port = proxy.port === '' ? (isTls ? 443 : 80) : Number(proxy.port);
  const socket: Socket = isTls
    ? connectTls({
        host,
        port,
        ALPNProtocols: ['http/1.1'],
        rejectUnauthorized: true,
        ...(isIP(host) === 0 ? { servername: host } : {}),
      })
    : connectTcp({ host, port, noDelay: true });
  try {
    await wait(socket, isTls ? 'secureConnect' : 'connect');
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new TransportError('proxy_failed', `The proxy cannot be reached: ${why}`, { cause });
  }
  readHead(socket);
  const authority = `${isIP(target.address) === 6 ? `[${target.address}]` : target.address}:${target.port}`;
  socket.write(`CONNECT ${authority} HTTP/1.1\r\nhost: ${authority}\r\n${authorization(proxy)}\r\n`);
  return wait(socket, 'tunnel');
}

function authorization({ username, password }: URL): string {
  if (username === '' && password === '') return '';
  const credentials = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return `proxy-authorization: Basic ${Buffer.from(credentials).toString('base64')}\r\n`;
}

/**
 * Emits `tunnel` if the proxy agrees; otherwise destroys the socket with an error. Bytes after the head stay in the
 * socket.
 */
function readHead(socket: Socket): void {
  let head = Buffer.alloc(0);
  const onReadable = (): void => {
    for (;;) {
      const chunk: Buffer | null = socket.read();
      if (chunk === null) return;
      head = Buffer.concat([head, chunk]);
      const end = head.indexOf('\r\n\r\n');
      if (end === -1 && head.length <= maxHeadBytes) continue;
      socket.off('readable', onReadable);
      const status = /^HTTP\/1\.[01] (\d{3})/.exec(head.toString('latin1', 0, 64))?.[1];
      if (end === -1 || status === undefined || !status.startsWith('2')) {
        socket.destroy(
          new TransportError(
            'proxy_failed',
            status === undefined ? 'The proxy did not answer in HTTP' : `The proxy answered ${status}`,
          ),
        );
        return;
      }
      if (head.length > end + 4) socket.unshift(head.subarray(end + 4));
      socket.emit('tunnel');
      return;
    }
  };
  socket.on('readable', onReadable);
}
