// A `fetch` over node:http and node:https with keep-alive connections. The one inside Node.js takes 20 ms and 6 MB to
// load, ends requests after 300 s, and cannot verify the server on the connection that it then uses.

import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import type { Agent as HttpsAgent } from 'node:https';
import type { BodyReader, Fetch, HttpAnswer, HttpRequest } from '../connection.ts';
import { type ExpectedServer, ProvenAgent } from './proven-agent.ts';

/** The connections to one server. */
export class NodeFetch {
  readonly #expected: ExpectedServer | undefined;
  #httpAgent: HttpAgent | undefined;
  #httpsAgent: HttpsAgent | undefined;

  /** @param expected the server must prove that it is this one */
  constructor(expected: ExpectedServer | undefined) {
    this.#expected = expected;
  }

  readonly fetch: Fetch = async (url, request) => {
    const isRepeatable = request.method === 'GET';
    try {
      return await this.#send(url, request);
    } catch (error) {
      // The server closed a keep-alive connection just as it was used.
      if (!(error instanceof StaleConnectionError && isRepeatable)) throw error;
      return this.#send(url, request);
    }
  };

  /** Closes idle connections. */
  close(): void {
    this.#httpAgent?.destroy();
    this.#httpsAgent?.destroy();
    this.#httpAgent = undefined;
    this.#httpsAgent = undefined;
  }

  async #send(url: string, { method, headers, body, signal }: HttpRequest): Promise<HttpAnswer> {
    const content = body === undefined ? undefined : Buffer.from(body);
    const length = content === undefined ? {} : { 'content-length': content.length };
    const { send, agent } = await this.#protocol(url);
    return new Promise<HttpAnswer>((resolve, reject) => {
      // Without the option `signal`: Node.js would also watch it on the socket, which other requests use later.
      const outgoing = send(url, { method, headers: { ...headers, ...length }, agent });
      // Without an error: a socket that is on its way back to the agent has no listener for it.
      const abort = (): void => {
        outgoing.destroy();
      };
      signal.addEventListener('abort', abort);
      outgoing.on('close', () => signal.removeEventListener('abort', abort));
      outgoing.on('response', (response) => resolve(toAnswer(response)));
      outgoing.on('error', (cause: NodeJS.ErrnoException) => {
        const isStale = outgoing.reusedSocket && cause.code === 'ECONNRESET' && !signal.aborted;
        reject(isStale ? new StaleConnectionError(cause.message, { cause }) : cause);
      });
      outgoing.end(content);
    });
  }

  async #protocol(url: string): Promise<{ send: typeof httpRequest; agent: HttpAgent }> {
    if (!url.startsWith('https:')) {
      const expected = this.#expected;
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

class StaleConnectionError extends Error {}

function toAnswer(response: IncomingMessage): HttpAnswer {
  return {
    status: response.statusCode ?? 0,
    headers: {
      get(name) {
        const value = response.headers[name];
        return value === undefined ? null : String(value);
      },
    },
    body: { getReader: () => readerOf(response) },
    text: async () => (await readAll(response)).toString('utf8'),
    async arrayBuffer() {
      const { buffer, byteOffset, length } = await readAll(response);
      return buffer.slice(byteOffset, byteOffset + length);
    },
  };
}

async function readAll(response: IncomingMessage): Promise<Buffer<ArrayBuffer>> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function readerOf(response: IncomingMessage): BodyReader {
  const chunks = response[Symbol.asyncIterator]();
  return {
    async read() {
      const { done = false, value } = await chunks.next();
      return { done, value: value as Buffer | undefined };
    },
  };
}
