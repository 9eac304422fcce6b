// Sends requests, and repeats those that failed for a temporary reason, if that is safe (retry-policy.ts).

import { parseRetryAfter } from '../base/retry-after.ts';
import type { Connection, HttpAnswer } from './connection.ts';
import { toConnectionError } from './connection-error.ts';
import { Deadline, pause } from './deadline.ts';
import { CodeBuddyApiError, CodeBuddyConnectionError, type Problem } from './errors.ts';
import { retryPauseMs } from './retry-policy.ts';
import { shownUrl } from './server-url.ts';

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
  /** @default that of the client */
  readonly maxRetries?: number | undefined;
  /** For one attempt; of a stream, until its answer begins. 0 sets no limit. @default that of the client */
  readonly timeoutMs?: number | undefined;
}

/** An answer whose body is not read yet. `deadline.close` must be called. */
export interface OpenAnswer {
  readonly answer: HttpAnswer;
  readonly deadline: Deadline;
}

export interface TransportOptions {
  readonly maxRetries?: number | undefined;
  readonly timeoutMs?: number | undefined;
}

/** Sends requests to one server. */
export class Transport {
  readonly #connection: Connection;
  readonly #maxRetries: number;
  readonly #timeoutMs: number;

  constructor(connection: Connection, { maxRetries = 2, timeoutMs = 60_000 }: TransportOptions) {
    this.#connection = connection;
    this.#maxRetries = maxRetries;
    this.#timeoutMs = timeoutMs;
  }

  /** The URL of the server. */
  get url(): string {
    return this.#connection.url;
  }

  /**
   * Returns the JSON body of a 2xx; undefined if it is empty.
   * @throws CodeBuddyApiError, CodeBuddyConnectionError, or the signal's reason
   */
  async json(request: RequestOptions): Promise<unknown> {
    return this.#repeat(request, async (open) => {
      const text = await this.#read(open, request.signal);
      if (text === '') return undefined;
      try {
        return JSON.parse(text);
      } catch (cause) {
        throw this.#foreignAnswer(open.answer, cause);
      }
    });
  }

  /** Returns the body of a 2xx as text. */
  async text(request: RequestOptions): Promise<string> {
    return this.#repeat(request, (open) => this.#read(open, request.signal));
  }

  /** Returns the body of a 2xx as it is. */
  async bytes(request: RequestOptions): Promise<Uint8Array<ArrayBuffer>> {
    const take = async (answer: HttpAnswer): Promise<Uint8Array<ArrayBuffer>> =>
      new Uint8Array(await answer.arrayBuffer());
    return this.#repeat(request, (open) => this.#read(open, request.signal, take));
  }

  /** Returns a 2xx before its body is read. */
  async open(request: RequestOptions): Promise<OpenAnswer> {
    return this.#repeat(request, async (open) => {
      open.deadline.limit(0);
      return open;
    });
  }

  /** Closes idle connections. */
  close(): void {
    this.#connection.close?.();
  }

  async #repeat<T>(request: RequestOptions, use: (open: OpenAnswer) => Promise<T>): Promise<T> {
    const { method, headers = {}, maxRetries = this.#maxRetries, signal } = request;
    const isRepeatable = method === 'GET' || method === 'DELETE' || headers['idempotency-key'] !== undefined;
    let isLost = false;
    for (let attempt = 0; ; attempt++) {
      try {
        return await use(await this.#send(request));
      } catch (error) {
        // An earlier attempt deleted it, and its answer was lost.
        if (isLost && method === 'DELETE' && error instanceof CodeBuddyApiError && error.status === 404)
          return undefined as T;
        const isConnection = error instanceof CodeBuddyConnectionError;
        if (isConnection && ['refused', 'unproven'].includes(error.reason) && this.#connection.hasMoved?.())
          continue;
        isLost ||= isConnection;
        const pauseMs =
          attempt < maxRetries ? retryPauseMs(error, attempt, isRepeatable, Math.random()) : undefined;
        if (pauseMs === undefined) throw error;
        await pause(pauseMs, signal);
      }
    }
  }

  /** One attempt. */
  async #send(request: RequestOptions): Promise<OpenAnswer> {
    const { method, path, body, headers, alsoFine, signal, timeoutMs = this.#timeoutMs } = request;
    const { url, fetch, credentials } = this.#connection;
    const deadline = new Deadline(signal);
    deadline.limit(timeoutMs);
    let answer: HttpAnswer;
    try {
      answer = await fetch(`${url}${path}`, {
        method,
        headers: {
          accept: 'application/json',
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...this.#connection.headers(method),
          ...headers,
        },
        ...(body === undefined ? {} : { body: isBytes(body) ? body : JSON.stringify(body) }),
        ...(credentials === undefined ? {} : { credentials }),
        signal: deadline.signal,
        redirect: 'manual',
      });
    } catch (cause) {
      deadline.release();
      throw this.failure(cause, deadline, signal, (error) => toConnectionError(error, url));
    }
    const open = { answer, deadline };
    const { status } = answer;
    if ((status >= 200 && status < 300) || status === alsoFine) return open;
    throw this.#toApiError(answer, await this.#read(open, signal));
  }

  async #read(open: OpenAnswer, signal: AbortSignal | undefined): Promise<string>;
  async #read<T>(
    open: OpenAnswer,
    signal: AbortSignal | undefined,
    take: (answer: HttpAnswer) => Promise<T>,
  ): Promise<T>;
  async #read(
    { answer, deadline }: OpenAnswer,
    signal: AbortSignal | undefined,
    take: (answer: HttpAnswer) => Promise<unknown> = (given) => given.text(),
  ): Promise<unknown> {
    try {
      return await take(answer);
    } catch (cause) {
      throw this.failure(
        cause,
        deadline,
        signal,
        () => new CodeBuddyConnectionError('closed', 'The connection broke during an answer.', { cause }),
      );
    } finally {
      deadline.release();
    }
  }

  /** Returns the error to throw: the signal's reason after an abort, a timeout, or the result of `other`. */
  failure(
    cause: unknown,
    { isExpired }: Deadline,
    signal: AbortSignal | undefined,
    other: (cause: unknown) => Error,
  ): unknown {
    if (signal?.aborted) return signal.reason;
    return isExpired
      ? new CodeBuddyConnectionError('timeout', `${shownUrl(this.url)} did not answer in time.`, { cause })
      : other(cause);
  }

  #toApiError(answer: HttpAnswer, text: string): CodeBuddyApiError {
    const waitMs = parseRetryAfter(answer.headers.get('retry-after') ?? undefined, Date.now());
    const seconds = waitMs === undefined ? undefined : Math.ceil(waitMs / 1000);
    const problem = parseProblem(text);
    return problem === undefined
      ? this.#foreignAnswer(answer, undefined, seconds)
      : new CodeBuddyApiError(answer.status, problem, seconds);
  }

  /** The error for an answer that is not from this API. */
  #foreignAnswer(
    { status, headers }: HttpAnswer,
    cause: unknown,
    retryAfterSeconds?: number,
  ): CodeBuddyApiError {
    const type = headers.get('content-type') ?? 'no content type';
    const detail = `The server at ${shownUrl(this.url)} is not a Code Buddy API (status ${status}, ${type}).`;
    return new CodeBuddyApiError(status, { detail }, retryAfterSeconds, { cause });
  }
}

/** Undefined if the text is not a problem of this API: a proxy or another program sent it. */
function parseProblem(text: string): Partial<Problem> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && 'code' in value) return value as Partial<Problem>;
  } catch {
    // Not JSON.
  }
  return undefined;
}

function isBytes(body: unknown): body is Uint8Array<ArrayBuffer> {
  return body instanceof Uint8Array;
}
