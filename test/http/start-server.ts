// The bare facade on a free port, as a host application starts it, stopped when the test ends.
// start-server-with-store.ts adds a store, a log and an agent.

import { onTestFinished } from 'vitest';
import type { ApiServerConfig, HttpServices } from '../../src/api/rest-server.ts';
import { RestApiServer } from '../../src/api/rest-server.ts';
import type { HttpHandlers } from '../../src/http/handlers.ts';

/** The default key of servers started by startServer(). */
export const testKey = 'test-key-0123456789';

export interface TestServer {
  readonly server: RestApiServer;
  readonly url: string;
  readonly port: number;
  /** Calls fetch with the key (unless `init.headers` has one) and a JSON body. Returns the answer. */
  request(method: string, path: string, init?: TestRequest): Promise<TestAnswer>;
}

export interface TestRequest {
  readonly headers?: Readonly<Record<string, string>>;
  /** A string is sent unchanged, anything else as JSON. */
  readonly body?: unknown;
  /** Null: no key. */
  readonly key?: string | null;
  readonly signal?: AbortSignal;
}

export interface TestAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The body parsed, or undefined if it is not JSON. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape.
  readonly json: any;
}

/** `setUp` is called before the server starts: add routes, listen to events. */
export async function startServer(
  options: {
    readonly config?: ApiServerConfig;
    readonly services?: HttpServices;
    /** `onPrompt`, `onToolExecute`, … */
    readonly handlers?: HttpHandlers;
    readonly setUp?: (server: RestApiServer) => void;
  } = {},
): Promise<TestServer> {
  const server = new RestApiServer(
    { port: 0, apiKey: testKey, shutdownTimeoutMs: 2_000, ...options.config },
    options.services,
  );
  Object.assign(server, options.handlers);
  options.setUp?.(server);
  const { url, port } = await server.start();
  onTestFinished(() => server.stop());
  return {
    server,
    url,
    port,
    request: (method, path, init = {}) => send(url, method, path, init),
  };
}

async function send(url: string, method: string, path: string, init: TestRequest): Promise<TestAnswer> {
  const { body, key = testKey, headers = {}, signal } = init;
  const answer = await fetch(url + path, {
    method,
    headers: {
      ...(key === null ? {} : { 'x-api-key': key }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    ...(signal === undefined ? {} : { signal }),
  });
  const text = await answer.text();
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    // Not JSON; such tests use `text`.
  }
  return { status: answer.status, headers: answer.headers, text, json };
}
