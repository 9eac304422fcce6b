// A real server with the agent's services over a real store and log, in its own folder, removed when the test ends.
// start-server.ts starts the bare facade, as a host application does.

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { type Agent, createAgent } from '../../src/agent/agent.ts';
import { type ApiServerConfig, RestApiServer } from '../../src/api/rest-server.ts';
import type { LoggedEvent } from '../../src/contract/event.ts';
import type { EventLog, NewEvent } from '../../src/events/event-log.ts';
import { createEventLog } from '../../src/events/log.ts';
import type { AnswerStore, HttpServices } from '../../src/http/services.ts';
import { openKeys } from '../../src/keys/key-service.ts';
import { promptRatesOf } from '../../src/keys/prompt-rates.ts';
import type { Store } from '../../src/store/store.ts';
import { openTestStore } from '../postgres/test-store.ts';

export const apiKey = 'cbk_test-key-of-the-streaming-tests';

/** An answer whose JSON tests may look into. */
// biome-ignore lint/suspicious/noExplicitAny: tests read answers of any shape.
export type TestResponse = Omit<Response, 'json'> & { json(): Promise<any> };

export interface ServerWithStore {
  readonly url: string;
  readonly folder: string;
  readonly server: RestApiServer;
  readonly store: Store;
  readonly log: EventLog;
  /** Fetches with the key. */
  get(path: string, headers?: Record<string, string>): Promise<TestResponse>;
  send(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<TestResponse>;
  /** Stops server and store; the folder stays until the test ends. Safe to call twice. */
  stop(): Promise<void>;
}

export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'codebuddy-http-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** `services` replace the real ones. With the `folder` of a stopped server, starts on its data. */
export async function startServerWithStore({
  config = {},
  services = {},
  folder = temporaryFolder(),
  now = Date.now,
  clock,
  doors = () => ({}),
}: {
  config?: ApiServerConfig;
  services?: HttpServices;
  folder?: string;
  now?: () => number;
  /** Of the limits of keys. */
  clock?: () => number;
  /** Other services over the same agent. */
  doors?: (parts: { readonly log: EventLog; readonly agent: Agent }) => HttpServices;
} = {}): Promise<ServerWithStore> {
  const workspace = join(folder, 'workspace');
  mkdirSync(workspace, { recursive: true });
  const { store, ownership, close } = await openTestStore({ path: join(folder, 'codebuddy.db') });
  const log = createEventLog({ store, now, deltas: ownership.deltas });
  const fixed = [{ id: 'test', key: apiKey }];
  const keys = await openKeys({ store, fixed, ...(clock === undefined ? {} : { clock }) });
  const agent = await createAgent({ store, log, ownership, workspace, promptRates: promptRatesOf(keys) });
  const server = new RestApiServer(
    { port: 0, shutdownTimeoutMs: 2000, ...config },
    {
      events: log,
      runs: agent.runs,
      sessions: agent.sessions,
      tools: agent.tools,
      keys,
      answers: answersIn(store),
      ...doors({ log, agent }),
      ...services,
    },
  );
  const { url } = await server.start();
  let stopping: Promise<void> | undefined;
  const stop = (): Promise<void> => {
    stopping ??= (async () => {
      await Promise.all([server.stop(), agent.close(0)]);
      await log.close();
      await close();
    })();
    return stopping;
  };
  onTestFinished(stop);
  const authorization = `Bearer ${apiKey}`;
  return {
    url,
    folder,
    server,
    store,
    log,
    stop,
    get: (path, headers = {}) => fetch(url + path, { headers: { authorization, ...headers } }),
    send: (method, path, body, headers = {}) =>
      fetch(url + path, {
        method,
        headers: { authorization, 'content-type': 'application/json', ...headers },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      }),
  };
}

/** The same storage as in app.ts. */
function answersIn(store: Store): AnswerStore {
  return {
    async get(key) {
      const row = await store.getAnswer(key);
      return row && { kind: 'answer', ...row, headers: JSON.parse(row.headers) as Record<string, string> };
    },
    async put(key, { fingerprint, status, headers, body }) {
      const answer = {
        key,
        fingerprint,
        status,
        headers: JSON.stringify(headers),
        body,
        createdAt: Date.now(),
      };
      await store.write([{ kind: 'putAnswer', answer }]);
    },
  };
}

/** An event with this `message`. */
export function fault(message: string, of: { sessionId?: string; runId?: string } = {}): NewEvent {
  return { type: 'error', data: { code: 'test', message }, ...of };
}

/** Appends `count` events, numbered in their messages, in one commit. */
export function appendMany(log: EventLog, count: number, padding = ''): Promise<readonly LoggedEvent[]> {
  return log.append(Array.from({ length: count }, (_, index) => fault(`${index}${padding}`)));
}
