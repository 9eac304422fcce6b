// One request over node:http or node:https with kept connections. Small on purpose: it loads in no time, and the CLI starts with it.

import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { Endpoint } from './discovery.ts';
import { ApiError, type Problem, ServerUnreachableError } from './errors.ts';

export interface RequestOptions {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** With its query. */
  readonly path: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
}

export class Transport {
  readonly #endpoint: Endpoint;
  readonly #agent: HttpAgent | HttpsAgent;
  readonly #isSecure: boolean;

  constructor(endpoint: Endpoint) {
    this.#endpoint = endpoint;
    this.#isSecure = endpoint.url.startsWith('https:');
    this.#agent = new (this.#isSecure ? HttpsAgent : HttpAgent)({ keepAlive: true });
  }

  /** The JSON of a 2xx. @throws ApiError, ServerUnreachableError, and the signal's reason */
  async json(options: RequestOptions): Promise<unknown> {
    const text = await this.text(options);
    return text === '' ? undefined : JSON.parse(text);
  }

  async text(options: RequestOptions): Promise<string> {
    return readText(await this.open(options));
  }

  /** The response of a 2xx, its body not read yet. */
  async open(options: RequestOptions): Promise<IncomingMessage> {
    const { url, apiKey } = this.#endpoint;
    const body = options.body === undefined ? undefined : Buffer.from(JSON.stringify(options.body));
    const headers: Record<string, string | number> = { accept: 'application/json', ...options.headers };
    if (apiKey !== undefined) headers.authorization = `Bearer ${apiKey}`;
    if (body !== undefined) {
      headers['content-type'] = 'application/json';
      headers['content-length'] = body.length;
    }
    options.signal?.throwIfAborted();
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const send = this.#isSecure ? httpsRequest : httpRequest;
      const outgoing = send(
        `${url}${options.path}`,
        {
          method: options.method,
          headers,
          agent: this.#agent,
          ...(options.signal === undefined ? {} : { signal: options.signal }),
        },
        resolve,
      );
      outgoing.on('error', (cause) => {
        if (options.signal?.aborted) reject(options.signal.reason);
        else
          reject(
            new ServerUnreachableError(`no server answers at ${url} (${cause.message || cause.name})`, {
              cause,
            }),
          );
      });
      outgoing.end(body);
    });
    const status = response.statusCode ?? 0;
    if (status >= 200 && status < 300) return response;
    throw await toApiError(response, status);
  }

  close(): void {
    this.#agent.destroy();
  }
}

async function toApiError(response: IncomingMessage, status: number): Promise<ApiError> {
  const text = await readText(response);
  const retryAfter = Number(response.headers['retry-after']);
  let problem: Partial<Problem> = {};
  if (/^application\/(problem\+)?json/.test(response.headers['content-type'] ?? '')) {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null) problem = value;
  }
  return new ApiError(status, problem, Number.isFinite(retryAfter) ? retryAfter : undefined);
}

async function readText(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}
