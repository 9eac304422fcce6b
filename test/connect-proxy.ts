// An HTTP proxy for tests: it forwards requests and opens tunnels only to the hosts that it knows.

import { createServer, type IncomingHttpHeaders, request as sendRequest } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

export interface ConnectProxy {
  readonly url: string;
  /** The targets of all requests, as `host:port`. */
  readonly targets: string[];
  readonly headers: IncomingHttpHeaders[];
}

/** `hosts`: the real target of a tunnel to `host:port`, as the URL of a server on this machine. */
export async function startConnectProxy(hosts: Readonly<Record<string, string>>): Promise<ConnectProxy> {
  const targets: string[] = [];
  const headers: IncomingHttpHeaders[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((request, response) => {
    const { hostname, port, pathname, search } = new URL(request.url ?? '');
    const name = `${hostname}:${port || '80'}`;
    targets.push(name);
    headers.push(request.headers);
    const target = hosts[name];
    if (target === undefined) return response.writeHead(502).end();
    const { 'proxy-authorization': _secret, ...rest } = request.headers;
    const { method } = request;
    const forwarded = sendRequest(new URL(pathname + search, target), { method, headers: rest }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    forwarded.on('error', () => response.destroy());
    response.on('close', () => forwarded.destroy());
    request.pipe(forwarded);
  });
  server.on('connect', (request, socket: Socket) => {
    targets.push(request.url ?? '');
    headers.push(request.headers);
    socket.on('error', () => socket.destroy());
    const target = hosts[request.url ?? ''];
    if (target === undefined) return socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n');
    const { hostname, port } = new URL(target);
    const upstream = connect({ host: hostname, port: Number(port) }, () => {
      socket.write('HTTP/1.1 200 Connection Established\r\n\r\n');
      upstream.pipe(socket).pipe(upstream);
    });
    upstream.on('error', () => socket.destroy());
    socket.on('close', () => upstream.destroy());
  });
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, targets, headers };
}
