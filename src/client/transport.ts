// Sends requests over node:http or node:https with keep-alive connections. It loads quickly, because the CLI starts
// with it. Repeats a request only if that is safe: if no server received it, or if it is a GET on a connection that the
// server had just closed.

import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import type { Agent as HttpsAgent } from 'node:https';
import { hideUrlSecrets } from '../base/redaction.ts';
import { parseRetryAfter } from '../base/retry-after.ts';
import type { Endpoint } from './discovery.ts';
import { ApiError, type Problem, ServerUnreachableError } from './errors.ts';
import { ProvenAgent, UnprovenServerError } from './proven-agent.ts';

/** One request. */
export interface RequestOptions {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** The path with the query string. */
  readonly path: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** A status outside 2xx that is not an error. */
  readonly alsoFine?: number;
  readonly signal?: AbortSignal | undefined;
}

/** The connections to one server. */
export class Transport {
  readonly #discover: () => Endpoint;
  #endpoint: Endpoint;
  #httpAgent: HttpAgent | undefined;
  #httpsAgent: HttpsAgent | undefined;

  /** @param discover called now, and again if the server does not answer: a restarted server may have another port */
  constructor(discover: () => Endpoint) {
    this.#discover = discover;
    this.#endpoint = discover();
  }

  /** The URL of the server. */
  get url(): string {
    return this.#endpoint.url;
  }

  /**
   * Returns the JSON body of a 2xx; undefined if it is empty.
   * @throws ApiError, ServerUnreachableError, or the signal's reason
   */
  async json(options: RequestOptions): Promise<unknown> {
    const response = await this.open(options);
    const text = await readText(response, options.signal);
    if (text === '') return undefined;
    try {
      return JSON.parse(text);
    } catch (cause) {
      throw foreignAnswer(response, this.url, cause);
    }
  }

  /** Returns the body of a 2xx as text. */
  async text(options: RequestOptions): Promise<string> {
    return readText(await this.open(options), options.signal);
  }

  /** Returns the response of a 2xx before its body is read. */
  async open(options: RequestOptions): Promise<IncomingMessage> {
    const response = await this.#sendOrRepeat(options);
    const status = response.statusCode ?? 0;
    if ((status >= 200 && status < 300) || status === options.alsoFine) return response;
    throw await toApiError(response, status, this.url, options.signal);
  }

  /** Closes idle connections. */
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
      // No server received the request, so any method may be sent again.
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
          new Unreachable(`No server answers at ${hideUrlSecrets(url)} (${cause.message || cause.code}).`, {
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
    // Loaded on demand: TLS is rarely used and slow to load.
    const https = await import('node:https');
    this.#httpsAgent ??= new https.Agent({ keepAlive: true });
    return { send: https.request, agent: this.#httpsAgent };
  }
}

/** The server closed a keep-alive connection just as it was used. */
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
    // Not JSON: the answer of a proxy or another program.
  }
  return foreignAnswer(response, url);
}

/** The error for an answer that is not from this API. */
function foreignAnswer(response: IncomingMessage, url: string, cause?: unknown): ApiError {
  const status = response.statusCode ?? 0;
  const type = response.headers['content-type'] ?? 'no content type';
  const detail = `The server at ${hideUrlSecrets(url)} is not a Code Buddy API (status ${status}, ${type}).`;
  return new ApiError(status, { detail }, undefined, { cause });
}

async function readText(response: IncomingMessage, signal: AbortSignal | undefined): Promise<string> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of response) chunks.push(chunk as Buffer);
  } catch (cause) {
    if (signal?.aborted) throw signal.reason;
    throw new ServerUnreachableError('The connection broke during an answer.', { cause });
  }
  return Buffer.concat(chunks).toString('utf8');
}
