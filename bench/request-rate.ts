// Requests per second, sent by a separate process (raw-load.ts).

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

export interface RequestRateOptions {
  readonly port: number;
  readonly connections: number;
  readonly seconds: number;
  /** Head and body. */
  readonly request: string;
}

export async function requestRate({
  port,
  connections,
  seconds,
  request,
}: RequestRateOptions): Promise<number> {
  const loader = fileURLToPath(new URL('./raw-load.ts', import.meta.url));
  const args = [loader, ...[port, connections, seconds].map(String), Buffer.from(request).toString('base64')];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.on('data', (chunk) => {
    output += chunk;
  });
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`bench: the load generator failed with ${code}`);
  return Number(output);
}

export interface PostRequest {
  readonly port: number;
  readonly path: string;
  /** Lines of the head, besides the common ones. */
  readonly headers: readonly string[];
  /** JSON. */
  readonly body: string;
}

/** The head and the body of a POST with a JSON body. */
export function postRequest({ port, path, headers, body }: PostRequest): string {
  const head = [
    `POST ${path} HTTP/1.1`,
    `Host: 127.0.0.1:${port}`,
    'Connection: keep-alive',
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    ...headers,
  ];
  return `${head.join('\r\n')}\r\n\r\n${body}`;
}
