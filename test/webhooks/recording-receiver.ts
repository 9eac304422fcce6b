// A receiver that answers as a test says and keeps what it got.

import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import { expect, onTestFinished } from 'vitest';

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
  /** How many requests were under way at once, at most. */
  mostAtOnce(): number;
  /** Answers with this from now on. */
  answer(how: (request: ReceivedRequest, response: ServerResponse) => void): void;
  /** Fails, showing what came, if fewer came in time. */
  received(count: number, timeoutMs?: number): Promise<readonly ReceivedRequest[]>;
  close(): Promise<void>;
}

export async function startReceiver(port = 0): Promise<RecordingReceiver> {
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
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const close = async (): Promise<void> => {
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
  };
  onTestFinished(close);
  return {
    url: `http://127.0.0.1:${address.port}/hook`,
    port: address.port,
    requests,
    mostAtOnce: () => most,
    answer(next) {
      how = next;
    },
    async received(count, timeoutMs = 10_000) {
      await expect
        .poll(() => requests.length, {
          timeout: timeoutMs,
          interval: 5,
          message: `of ${count} requests came ${requests.map(({ path, body }) => `${path} ${body.toString().slice(0, 120)}`).join('\n')}`,
        })
        .toBeGreaterThanOrEqual(count);
      return requests;
    },
    close,
  };
}
