// Transport to an MCP server behind a URL: the SDK's transport on its own connections. It closes each request that is
// cancelled, broken off or answered; the SDK alone leaves them open until the server closes them.

import type {
  JSONRPCMessage,
  StreamableHTTPClientTransport,
  Transport,
  TransportSendOptions,
} from '@modelcontextprotocol/client';
import type { Dispatcher } from 'undici';
import { fetchThrough, openDispatcher, type Proxies } from '../outbound-http.ts';
import { sdk } from './sdk.ts';

/** Limit of one HTTP response; a stream that exceeds it is resumed. */
const maxResponseBytes = 64 * 1024 * 1024;
/** How long to wait for a server to end its session, in ms. */
const endSessionMs = 400;
/** Timeout of messages that need no answer, in ms. */
const notifyMs = 10_000;

/** The error message used if a stream ends without an answer. */
export const cutOffMessage = 'The connection was closed before the answer.';

export interface Endpoint {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

export class HttpTransport implements Transport {
  onclose?: (() => void) | undefined;
  onerror?: ((error: Error) => void) | undefined;
  onmessage?: Transport['onmessage'];
  readonly hasPerRequestStream = true;
  readonly #inner: StreamableHTTPClientTransport;
  readonly #open = new Map<string | number, AbortController>();
  readonly #proxies: Proxies;
  #dispatcher: Dispatcher | undefined;
  #closing: Promise<void> | undefined;

  constructor({ url, headers }: Endpoint, proxies: Proxies) {
    this.#proxies = proxies;
    this.#inner = new (sdk().StreamableHTTPClientTransport)(new URL(url), {
      requestInit: { headers: { ...headers } },
      fetch: (target, init) => this.#fetch(target, init),
    });
  }

  get sessionId(): string | undefined {
    return this.#inner.sessionId;
  }

  setProtocolVersion(version: string): void {
    this.#inner.setProtocolVersion(version);
  }

  async start(): Promise<void> {
    this.#dispatcher = await openDispatcher(this.#proxies, { maxResponseSize: maxResponseBytes });
    this.#inner.onerror = (error) => this.onerror?.(error);
    this.#inner.onmessage = (message) => this.#receive(message);
    await this.#inner.start();
  }

  send(message: JSONRPCMessage, options: TransportSendOptions = {}): Promise<void> {
    return 'method' in message && 'id' in message
      ? this.#request(message, message.id, options)
      : this.#notify(message, options);
  }

  async #request(
    message: JSONRPCMessage,
    id: string | number,
    { requestSignal, onRequestStreamEnd, ...options }: TransportSendOptions,
  ): Promise<void> {
    const abort = new AbortController();
    this.#open.set(id, abort);
    requestSignal?.addEventListener('abort', () => this.#closeRequest(id), { once: true });
    try {
      await this.#inner.send(message, {
        ...definedOnly(options),
        requestSignal: abort.signal,
        onRequestStreamEnd: onRequestStreamEnd ?? (() => this.#cutOff(id)),
      });
    } catch (error) {
      this.#open.delete(id);
      throw error;
    }
  }

  /** Sends a notification, or the answer to a request of the server. */
  async #notify(message: JSONRPCMessage, options: TransportSendOptions): Promise<void> {
    const abort = new AbortController();
    const timer = setTimeout(() => abort.abort(), notifyMs);
    const sent = this.#inner.send(message, { ...definedOnly(options), requestSignal: abort.signal });
    // The notification cancels the request: its connection need not stay open for the answer.
    const cancelled = cancelledRequest(message);
    if (cancelled !== undefined) this.#closeRequest(cancelled);
    try {
      await sent;
    } finally {
      clearTimeout(timer);
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#end();
    return this.#closing;
  }

  async #end(): Promise<void> {
    for (const request of this.#open.values()) request.abort();
    this.#open.clear();
    if (this.#dispatcher !== undefined) await this.#endSession();
    await this.#inner.close();
    await this.#dispatcher?.destroy();
    this.onclose?.();
  }

  /** Ends the session (MCP 2025-11-25, transports, session management). */
  async #endSession(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const givenUp = new Promise((resolve) => {
      timer = setTimeout(resolve, endSessionMs);
    });
    // If the server refuses or is gone, the session expires by itself.
    const ended = this.#inner.terminateSession().catch(() => undefined);
    await Promise.race([ended, givenUp]);
    clearTimeout(timer);
  }

  #receive(message: JSONRPCMessage): void {
    if (!('method' in message) && message.id !== undefined) this.#open.delete(message.id);
    this.onmessage?.(message);
  }

  #closeRequest(id: string | number): void {
    this.#open.get(id)?.abort();
    this.#open.delete(id);
  }

  /** Answers a request whose stream ended without an answer and could not be resumed. */
  #cutOff(id: string | number): void {
    if (!this.#open.delete(id)) return;
    this.onmessage?.({
      jsonrpc: '2.0',
      id,
      error: { code: -32_000, message: cutOffMessage },
    });
  }

  async #fetch(target: string | URL, init?: RequestInit): Promise<Response> {
    const dispatcher = this.#dispatcher;
    if (dispatcher === undefined) throw new Error('The transport was not started.');
    return fetchThrough(dispatcher, target, init);
  }
}

function cancelledRequest(message: JSONRPCMessage): string | number | undefined {
  if (!('method' in message) || message.method !== 'notifications/cancelled') return undefined;
  const id = message.params?.requestId;
  return typeof id === 'string' || typeof id === 'number' ? id : undefined;
}

/** The interface allows options that are undefined; the SDK's transport does not. */
function definedOnly({ resumptionToken, onresumptiontoken, headers }: TransportSendOptions): {
  resumptionToken?: string;
  onresumptiontoken?: (token: string) => void;
  headers?: Readonly<Record<string, string>>;
} {
  return {
    ...(resumptionToken === undefined ? {} : { resumptionToken }),
    ...(onresumptiontoken === undefined ? {} : { onresumptiontoken }),
    ...(headers === undefined ? {} : { headers }),
  };
}
