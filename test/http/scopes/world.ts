// A whole server with one key for each scope, and with the objects that routes need: sessions, runs in every state,
// webhooks, deliveries.

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import type { CodeBuddyClient } from '../../../src/client/index.ts';
import { startModelServer } from '../../agent/model-server.ts';
import { calls, says } from '../../agent/start-model-agent.ts';
import { WAIT_LIMIT_MS, waitFor } from '../../wait-for.ts';
import { type StartAppOptions, startApp } from '../start-app.ts';

export type Caller = 'nobody' | 'read' | 'prompt' | 'tools' | 'admin' | 'prompt+tools';
export const callers: readonly Caller[] = ['nobody', 'read', 'prompt', 'tools', 'admin', 'prompt+tools'];

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape.
  readonly json: any;
}

export interface World {
  readonly url: string;
  /** Of a receiver that answers 500. */
  readonly hookUrl: string;
  readonly client: CodeBuddyClient;
  readonly workspace: string;
  write(path: string, content: string): void;
  /** Endpoints as `METHOD /path`. */
  readonly routes: readonly string[];
  send(
    caller: Caller,
    method: string,
    path: string,
    body?: unknown,
    headers?: Readonly<Record<string, string>>,
  ): Promise<Answer>;
  /** The same over another server, as a proxy; a stream is read to its end. */
  sendThrough(
    base: string,
    caller: Caller,
    method: string,
    path: string,
    body?: unknown,
    headers?: Readonly<Record<string, string>>,
  ): Promise<Answer>;
  session(): Promise<string>;
  /** An MCP server that may be removed. */
  mcpServer(): Promise<string>;
  /** A failed run that can be resumed; started by the local key, which has every scope. */
  failedRun(options?: Readonly<Record<string, unknown>>, prompt?: string): Promise<string>;
  /** A run that waits for approval. */
  waitingRun(
    caller?: Caller,
    sessionId?: string,
  ): Promise<{ readonly id: string; readonly permissionId: string }>;
  /** The id of what a run of the offline agent with this prompt waits for. */
  asked(prompt: string): Promise<string>;
  webhook(): Promise<string>;
  /** A delivery that has failed for good, of its own webhook. */
  delivery(): Promise<string>;
  /** A key that may be revoked. */
  spareKey(): Promise<string>;
}

/**
 * The model calls `bash` if the prompt says "use", fails at the first prompt that asks for a failure, and otherwise
 * answers immediately.
 */
export async function startWorld(options: StartAppOptions = {}): Promise<World> {
  // A failed run is resumed with the same prompt.
  const failed = new Set<string>();
  let runs = 0;
  const model = await startModelServer(({ messages }) => {
    const last = messages.at(-1);
    const text = messages.map((message) => (message.role === 'user' ? message.text : '')).join('\n');
    const failing = messages.find(
      (message) => message.role === 'user' && message.text.includes('fail') && !failed.has(message.text),
    );
    if (failing !== undefined) {
      failed.add(failing.text);
      return { kind: 'error', status: 401 };
    }
    if (text.includes('use') && last?.role === 'user')
      return calls('bash', { command: 'echo hi >> made.txt' });
    return says('Done.');
  });
  const started = await startApp({
    ...options,
    config: {
      models: ['local/test-model'],
      providers: { local: { baseURL: `${model.url}/v1` } },
      watch: false,
      // Rows leave waiting runs behind.
      maxWaitingRunsPerKey: 256,
      ...options.config,
    },
  });
  const { client, url } = started;
  const keys = new Map<Caller, string>();
  for (const caller of callers) {
    if (caller === 'nobody') continue;
    const scopes = caller.split('+') as ('read' | 'prompt' | 'tools' | 'admin')[];
    keys.set(caller, (await client.keys.create({ name: caller, scopes })).key);
  }
  const receiver = createServer((request, response) => {
    request.resume();
    response.writeHead(500).end();
  });
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    receiver.closeAllConnections();
    receiver.close();
  });
  const hookUrl = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`;

  const send: World['send'] = (...request) => sendTo({ base: url, readsStreams: false }, ...request);

  async function sendTo(
    { base, readsStreams }: { readonly base: string; readonly readsStreams: boolean },
    caller: Caller,
    method: string,
    path: string,
    body?: unknown,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Answer> {
    const key = keys.get(caller);
    const stop = new AbortController();
    const patience = setTimeout(
      () => stop.abort(new Error(`No answer to ${method} ${path} in ${WAIT_LIMIT_MS} ms`)),
      WAIT_LIMIT_MS,
    );
    const response = await fetch(base + path, {
      method,
      signal: stop.signal,
      headers: {
        ...(key === undefined ? {} : { 'x-api-key': key }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const isStream = response.headers.get('content-type') === 'text/event-stream';
    let json: unknown;
    if (isStream && !readsStreams) stop.abort();
    else {
      const text = await response.text();
      try {
        json = JSON.parse(text);
      } catch {
        // A page or Prometheus text.
      }
    }
    clearTimeout(patience);
    return { status: response.status, headers: response.headers, json };
  }

  async function waitingRun(caller: Caller = 'prompt', sessionId?: string) {
    const prompt = { prompt: 'use bash', ...(sessionId === undefined ? {} : { sessionId }) };
    const { status, json } = await send(caller, 'POST', '/api/prompt', prompt);
    if (status !== 202 || json?.status !== 'waiting')
      throw new Error(`It does not wait: ${JSON.stringify(json)}`);
    return { id: json.runId as string, permissionId: json.permission.id as string };
  }

  return {
    url,
    hookUrl,
    client,
    workspace: started.workspace,
    write: started.write,
    routes: started.app.server.getEndpoints().map(({ method, path }) => `${method} ${path}`),
    send,
    sendThrough: (base, ...request) => sendTo({ base, readsStreams: true }, ...request),
    async mcpServer() {
      const name = `server${++runs}`;
      const server = { url: 'http://127.0.0.1:1/mcp', disabled: true };
      return (await client.mcpServers.add({ name, server })).name;
    },
    session: async () => (await client.sessions.create({})).id,
    async failedRun(runOptions = {}, prompt = 'fail') {
      // A separate prompt: the model fails at each one only once.
      const own = prompt.includes('fail') ? `${prompt} (${++runs})` : prompt;
      const { id } = await client.runs.start({ prompt: own, options: runOptions });
      await waitFor('the run fails', async () => (await client.runs.get(id)).status === 'failed');
      return id;
    },
    waitingRun,
    async asked(prompt) {
      const tools = [{ name: 'look', description: 'Looks.', schema: { type: 'object' } }];
      const { id: runId } = await client.runs.start({ prompt, tools, options: { model: 'offline' } });
      const item = await waitFor('the item', async () => (await client.inbox.list({ runId })).items[0]);
      if (item.kind === 'permission') throw new Error('It asks for a permission.');
      return item.kind === 'question' ? item.question.id : item.toolCall.id;
    },
    async webhook() {
      return (await client.webhooks.create({ url: hookUrl, events: ['webhook.test'], retryCount: 0 })).id;
    },
    async delivery() {
      const { id } = await client.webhooks.create({ url: hookUrl, events: ['webhook.test'], retryCount: 0 });
      const delivery = await client.webhooks.test(id);
      await waitFor(
        'the delivery fails',
        async () => (await client.deliveries.get(delivery.id)).status === 'failed',
      );
      return delivery.id;
    },
    spareKey: async () => (await client.keys.create({ name: 'spare', scopes: ['read'] })).id,
  };
}
