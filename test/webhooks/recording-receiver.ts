// A receiver that records its requests and answers as configured by the test.

import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import { onTestFinished } from 'vitest';
import { freePort } from '../free-port.ts';
import { waitFor } from '../wait-for.ts';

export interface ReceivedRequest {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly rawHeaders: readonly string[];
  readonly body: Buffer;
  /** Unix ms. */
  readonly at: number;
}

export interface RecordingReceiver {
  readonly url: string;
  readonly port: number;
  readonly requests: readonly ReceivedRequest[];
  /** The largest number of requests that were open at the same time. */
  mostAtOnce(): number;
  /** Answer with this from now on. */
  answer(how: (request: ReceivedRequest, response: ServerResponse) => void): void;
  /** Keep requests open from now on. Returns the open ones, oldest first. */
  hold(): ServerResponse[];
  /** Wait for this many requests. */
  received(count: number): Promise<readonly ReceivedRequest[]>;
  close(): Promise<void>;
}

/** `port`: that of an earlier receiver, which was closed. @default one that stays free when this receiver is closed */
export async function startReceiver(port?: number): Promise<RecordingReceiver> {
  const listensAt = port ?? (await freePort());
  const requests: ReceivedRequest[] = [];
  let how: (request: ReceivedRequest, response: ServerResponse) => void = (_request, response) => {
    response.end('ok');
  };
  let atOnce = 0;
  let most = 0;
  const server = createServer((incoming: IncomingMessage, response: ServerResponse) => {
    most = Math.max(most, ++atOnce);
    response.once('close', () => atOnce--);
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      const request = {
        path: incoming.url ?? '',
        headers: incoming.headers,
        rawHeaders: incoming.rawHeaders,
        body: Buffer.concat(chunks),
        at: Date.now(),
      };
      requests.push(request);
      how(request, response);
    });
  });
  server.keepAliveTimeout = 60_000;
  await new Promise<void>((resolve) => server.listen(listensAt, '127.0.0.1', resolve));
  const close = async (): Promise<void> => {
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
  };
  onTestFinished(close);
  return {
    url: `http://127.0.0.1:${listensAt}/hook`,
    port: listensAt,
    requests,
    mostAtOnce: () => most,
    answer(next) {
      how = next;
    },
    hold() {
      const held: ServerResponse[] = [];
      how = (_request, response) => held.push(response);
      return held;
    },
    async received(count) {
      await waitFor(
        `${count} requests`,
        () => requests.length >= count,
        () => requests.map(({ path, body }) => `${path} ${body.toString().slice(0, 120)}`),
      );
      return requests;
    },
    close,
  };
}
