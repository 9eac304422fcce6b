// Passes the messages of an MCP client on to `POST /mcp`, and the answers back. The server keeps no sessions, so each
// message is a request of its own, and a cancelled one is a request that is closed.

import { isRecord } from '../base/is-record.ts';
import type { Connection, HttpAnswer } from '../client/connection.ts';
import { toConnectionError } from '../client/connection-error.ts';
import { CodeBuddyConnectionError } from '../client/errors.ts';
import { SseParser } from '../client/sse-parser.ts';

export interface McpRelay {
  /** Takes a line of the client; undefined if it was too long. */
  take(line: string | undefined): void;
  /** Closes the requests that have no answer yet. */
  close(): void;
}

/** Codes of JSON-RPC 2.0. */
const parseError = -32700;
const invalidRequest = -32600;
const internalError = -32603;

const versionKey = 'io.modelcontextprotocol/protocolVersion';
/** The member of `params` that the header `Mcp-Name` repeats. */
const nameKeys: Readonly<Record<string, string>> = {
  'tools/call': 'name',
  'prompts/get': 'name',
  'resources/read': 'uri',
  'tasks/get': 'taskId',
  'tasks/update': 'taskId',
  'tasks/cancel': 'taskId',
};

/** `send` gets each message for the client as one line of JSON. */
export function createMcpRelay(connection: Connection, send: (message: string) => void): McpRelay {
  const pending = new Map<string, AbortController>();
  /** Agreed by `initialize`; clients of the 2026 revision repeat theirs in each message. */
  let agreed: string | undefined;

  function fail(id: unknown, code: number, message: string): void {
    send(JSON.stringify({ jsonrpc: '2.0', id: id ?? null, error: { code, message } }));
  }

  function pass(text: string): void {
    const message: unknown = JSON.parse(text);
    if (isRecord(message) && isRecord(message.result) && typeof message.result.protocolVersion === 'string')
      agreed = message.result.protocolVersion;
    // One line, however the server has formatted it.
    send(JSON.stringify(message));
  }

  async function post(message: Readonly<Record<string, unknown>>, signal: AbortSignal): Promise<HttpAnswer> {
    const request = (): Promise<HttpAnswer> =>
      connection.fetch(`${connection.url}/mcp`, {
        method: 'POST',
        headers: { ...headersOf(message, agreed), ...connection.headers('POST') },
        body: JSON.stringify(message),
        signal,
        redirect: 'manual',
      });
    try {
      return await request();
    } catch (error) {
      const failure = toConnectionError(error, connection.url);
      const isUnsent = failure instanceof CodeBuddyConnectionError && failure.reason === 'refused';
      // The server may have restarted at another address.
      if (signal.aborted || !isUnsent || connection.hasMoved?.() !== true) throw failure;
      return await request();
    }
  }

  async function relay(message: Readonly<Record<string, unknown>>, signal: AbortSignal): Promise<void> {
    const answer = await post(message, signal);
    const type = answer.headers.get('content-type') ?? '';
    if (type.startsWith('text/event-stream') && answer.body !== null) {
      const parser = new SseParser();
      const reader = answer.body.getReader();
      for (;;) {
        const { done, value } = await reader.read();
        if (value !== undefined) for (const { data } of parser.push(value)) if (data !== '') pass(data);
        if (done) return;
      }
    }
    const text = await answer.text();
    if (answer.status === 202 || text === '') return;
    if (type.startsWith('application/json')) pass(text);
    else if ('id' in message) fail(message.id, internalError, detailOf(text, answer.status));
  }

  async function start(message: Readonly<Record<string, unknown>>): Promise<void> {
    const key = JSON.stringify(message.id);
    const controller = new AbortController();
    if (key !== undefined) pending.set(key, controller);
    try {
      await relay(message, controller.signal);
    } catch (error) {
      if (key !== undefined && !controller.signal.aborted)
        fail(message.id, internalError, error instanceof Error ? error.message : String(error));
    } finally {
      if (key !== undefined && pending.get(key) === controller) pending.delete(key);
    }
  }

  return {
    take(line) {
      if (line === undefined) {
        fail(null, invalidRequest, 'The message is too long.');
        return;
      }
      if (line.trim() === '') return;
      let message: unknown;
      try {
        message = JSON.parse(line);
      } catch {
        fail(null, parseError, 'The line is not valid JSON.');
        return;
      }
      if (!isRecord(message)) {
        fail(null, invalidRequest, 'A message must be a JSON object.');
        return;
      }
      const { method, params } = message;
      // Closing the request cancels it.
      if (method === 'notifications/cancelled' && isRecord(params)) {
        const key = JSON.stringify(params.requestId);
        pending.get(key)?.abort();
        return;
      }
      void start(message);
    },
    close() {
      for (const controller of pending.values()) controller.abort();
    },
  };
}

/** The headers that repeat parts of the message, so that proxies need not parse it. */
function headersOf(
  { method, params }: Readonly<Record<string, unknown>>,
  agreed: string | undefined,
): Record<string, string> {
  const meta = isRecord(params) && isRecord(params._meta) ? params._meta : {};
  const { [versionKey]: own } = meta;
  const headers: Record<string, string> = {
    accept: 'application/json, text/event-stream',
    'content-type': 'application/json',
  };
  const version = typeof own === 'string' ? own : agreed;
  if (version !== undefined) headers['mcp-protocol-version'] = version;
  if (typeof own !== 'string' || typeof method !== 'string') return headers;
  headers['mcp-method'] = method;
  const nameKey = Object.hasOwn(nameKeys, method) ? nameKeys[method] : undefined;
  const name = nameKey !== undefined && isRecord(params) ? params[nameKey] : undefined;
  if (typeof name === 'string') headers['mcp-name'] = encodeHeader(name);
  return headers;
}

/** Other text than visible ASCII is sent as base64, marked as the protocol has it (SEP-2243). */
function encodeHeader(text: string): string {
  const isPlain = /^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/.test(text) && !text.startsWith('=?base64?');
  return isPlain ? text : `=?base64?${Buffer.from(text).toString('base64')}?=`;
}

/** The text of a problem of the server. */
function detailOf(text: string, status: number): string {
  try {
    const problem: unknown = JSON.parse(text);
    if (isRecord(problem) && typeof problem.detail === 'string') return problem.detail;
  } catch {
    // Not JSON.
  }
  return `The server answered with the status ${status}.`;
}
