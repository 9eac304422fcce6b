// Speaks to an MCP server behind a URL: the SDK's transport on connections that it does not share, with an end to each request that is given
// up, cut off or answered. The SDK alone would leave those requests open until the server ends them.

import {
  type JSONRPCMessage,
  StreamableHTTPClientTransport,
  type Transport,
  type TransportSendOptions,
} from '@modelcontextprotocol/client';
import type { Dispatcher } from 'undici';
import { fetchThrough, openDispatcher, type Proxies } from '../outbound-http.ts';

/** Of one HTTP response; a stream that passes it is taken up again. */
const maxResponseBytes = 64 * 1024 * 1024;
/** A server that is closed has this long to hear of it. */
const farewellMs = 400;
/** For what needs no answer. */
const tellMs = 10_000;

/** Of the error that stands in for an answer when a stream ends without one. */
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
    this.#inner = new StreamableHTTPClientTransport(new URL(url), {
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
      : this.#tell(message, options);
  }

  async #request(
    message: JSONRPCMessage,
    id: string | number,
    { requestSignal, onRequestStreamEnd, ...options }: TransportSendOptions,
  ): Promise<void> {
    const abort = new AbortController();
    this.#open.set(id, abort);
    requestSignal?.addEventListener('abort', () => this.#giveUp(id), { once: true });
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

  /** A notification, or the answer to a request of the server: the server need only take it. */
  async #tell(message: JSONRPCMessage, options: TransportSendOptions): Promise<void> {
    const abort = new AbortController();
    const timer = setTimeout(() => abort.abort(), tellMs);
    const said = this.#inner.send(message, { ...definedOnly(options), requestSignal: abort.signal });
    // The server hears that nobody waits any more; what it would answer need not be kept open.
    const cancelled = cancelledRequest(message);
    if (cancelled !== undefined) this.#giveUp(cancelled);
    try {
      await said;
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
    if (this.#dispatcher !== undefined) await this.#sayFarewell();
    await this.#inner.close();
    await this.#dispatcher?.destroy();
    this.onclose?.();
  }

  /** Ends the session, if the server cares (MCP 2025-11-25, transports, session management). */
  async #sayFarewell(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const givenUp = new Promise((resolve) => {
      timer = setTimeout(resolve, farewellMs);
    });
    // A server that does not want to hear of it, or is gone, forgets the session by itself.
    const said = this.#inner.terminateSession().catch(() => undefined);
    await Promise.race([said, givenUp]);
    clearTimeout(timer);
  }

  #receive(message: JSONRPCMessage): void {
    if (!('method' in message) && message.id !== undefined) this.#open.delete(message.id);
    this.onmessage?.(message);
  }

  #giveUp(id: string | number): void {
    this.#open.get(id)?.abort();
    this.#open.delete(id);
  }

  /** The stream of a request ended without an answer, and could not be resumed. */
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

/** The options of the SDK's transport must not be undefined; those of its interface may be. */
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
