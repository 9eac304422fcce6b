// One request over node:http or node:https with kept connections. Small on purpose: it loads in no time, and the CLI starts with it.
// What is safe to repeat is repeated: a request that no server took, and a GET on a connection that had just been closed.

import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import type { Agent as HttpsAgent } from 'node:https';
import { hideUrlSecrets } from '../base/redaction.ts';
import { parseRetryAfter } from '../base/retry-after.ts';
import type { Endpoint } from './discovery.ts';
import { ApiError, type Problem, ServerUnreachableError } from './errors.ts';
import { ProvenAgent, UnprovenServerError } from './proven-agent.ts';

export interface RequestOptions {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** With its query. */
  readonly path: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** A status outside 2xx that is an answer, not an error. */
  readonly alsoFine?: number;
  readonly signal?: AbortSignal | undefined;
}

export class Transport {
  readonly #discover: () => Endpoint;
  #endpoint: Endpoint;
  #httpAgent: HttpAgent | undefined;
  #httpsAgent: HttpsAgent | undefined;

  /** `discover` is called now, and again when nobody listens where it said: a restarted server may have another port. */
  constructor(discover: () => Endpoint) {
    this.#discover = discover;
    this.#endpoint = discover();
  }

  get url(): string {
    return this.#endpoint.url;
  }

  /** The JSON of a 2xx. @throws ApiError, ServerUnreachableError, and the signal's reason */
  async json(options: RequestOptions): Promise<unknown> {
    const response = await this.open(options);
    const text = await readText(response, options.signal);
    if (text === '') return undefined;
    try {
      return JSON.parse(text);
    } catch (cause) {
      throw stranger(response, this.url, cause);
    }
  }

  async text(options: RequestOptions): Promise<string> {
    return readText(await this.open(options), options.signal);
  }

  /** The response of a 2xx, its body not read yet. */
  async open(options: RequestOptions): Promise<IncomingMessage> {
    const response = await this.#sendOrRepeat(options);
    const status = response.statusCode ?? 0;
    if ((status >= 200 && status < 300) || status === options.alsoFine) return response;
    throw await toApiError(response, status, this.url, options.signal);
  }

  /** Closes the kept connections. */
  close(): void {
    this.#httpAgent?.destroy();
    this.#httpsAgent?.destroy();
    this.#httpAgent = undefined;
    this.#httpsAgent = undefined;
  }

  async #sendOrRepeat(options: RequestOptions): Promise<IncomingMessage> {
    try {
      return await this.#send(options);
    } catch (error) {
      if (!(error instanceof ServerUnreachableError)) throw error;
      const code = codeOf(error.cause);
      // Nobody listens, so nothing was done: whatever it is, it may be sent to where the server is now.
      const isGone = code === 'ECONNREFUSED' || error instanceof UnprovenServerError;
      if (isGone && this.#hasMoved()) return this.#send(options);
      if (error instanceof ClosedConnectionError && options.method === 'GET') return this.#send(options);
      throw error;
    }
  }

  #hasMoved(): boolean {
    let found: Endpoint;
    try {
      found = this.#discover();
    } catch (error) {
      if (error instanceof ServerUnreachableError) return false;
      throw error;
    }
    const { url, expected } = this.#endpoint;
    const hasMoved = found.url !== url || found.expected?.startedAt !== expected?.startedAt;
    this.#endpoint = found;
    if (hasMoved) this.close();
    return hasMoved;
  }

  async #send({ method, path, body, headers: more, signal }: RequestOptions): Promise<IncomingMessage> {
    const { url, apiKey } = this.#endpoint;
    const content = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
    const headers: Record<string, string | number> = { accept: 'application/json', ...more };
    if (apiKey !== undefined) headers.authorization = `Bearer ${apiKey}`;
    if (content !== undefined) {
      headers['content-type'] = 'application/json';
      headers['content-length'] = content.length;
    }
    signal?.throwIfAborted();
    const { send, agent } = await this.#protocol(url);
    return new Promise<IncomingMessage>((resolve, reject) => {
      const outgoing = send(`${url}${path}`, {
        method,
        headers,
        agent,
        ...(signal === undefined ? {} : { signal }),
      });
      outgoing.on('response', resolve);
      outgoing.on('error', (cause: NodeJS.ErrnoException) => {
        if (signal?.aborted) return reject(signal.reason);
        if (cause instanceof UnprovenServerError) return reject(cause);
        const isClosed = outgoing.reusedSocket && cause.code === 'ECONNRESET';
        const Unreachable = isClosed ? ClosedConnectionError : ServerUnreachableError;
        reject(
          new Unreachable(`no server answers at ${hideUrlSecrets(url)} (${cause.message || cause.code})`, {
            cause,
          }),
        );
      });
      outgoing.end(content);
    });
  }

  async #protocol(url: string): Promise<{ send: typeof httpRequest; agent: HttpAgent }> {
    if (!url.startsWith('https:')) {
      const { expected } = this.#endpoint;
      this.#httpAgent ??=
        expected === undefined ? new HttpAgent({ keepAlive: true }) : new ProvenAgent(expected);
      return { send: httpRequest, agent: this.#httpAgent };
    }
    // Rarely used, and TLS takes its time to load.
    const https = await import('node:https');
    this.#httpsAgent ??= new https.Agent({ keepAlive: true });
    return { send: https.request, agent: this.#httpsAgent };
  }
}

/** A kept connection that the server closed just as we took it. */
class ClosedConnectionError extends ServerUnreachableError {}

function codeOf(cause: unknown): unknown {
  return typeof cause === 'object' && cause !== null && 'code' in cause ? cause.code : undefined;
}

async function toApiError(
  response: IncomingMessage,
  status: number,
  url: string,
  signal: AbortSignal | undefined,
): Promise<ApiError> {
  const text = await readText(response, signal);
  const waitMs = parseRetryAfter(response.headers['retry-after'], Date.now());
  const seconds = waitMs === undefined ? undefined : Math.ceil(waitMs / 1000);
  try {
    const problem: unknown = JSON.parse(text);
    if (typeof problem === 'object' && problem !== null && 'code' in problem) {
      return new ApiError(status, problem as Partial<Problem>, seconds);
    }
  } catch {
    // Not ours then: a proxy, or another program.
  }
  return stranger(response, url);
}

/** The answer of something that is not this API. */
function stranger(response: IncomingMessage, url: string, cause?: unknown): ApiError {
  const status = response.statusCode ?? 0;
  const type = response.headers['content-type'] ?? 'no content type';
  const detail = `what answers at ${hideUrlSecrets(url)} is no Code Buddy API (status ${status}, ${type})`;
  return new ApiError(status, { detail }, undefined, { cause });
}

async function readText(response: IncomingMessage, signal: AbortSignal | undefined): Promise<string> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of response) chunks.push(chunk as Buffer);
  } catch (cause) {
    if (signal?.aborted) throw signal.reason;
    throw new ServerUnreachableError('the connection broke in the middle of an answer', { cause });
  }
  return Buffer.concat(chunks).toString('utf8');
}
