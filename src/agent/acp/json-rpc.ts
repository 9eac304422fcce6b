// JSON-RPC 2.0 in both directions, for agents that do not always keep to it: answers without a request are dropped, a
// request without a handler is answered with -32601, and everything that an agent wrote before an answer is handled
// before the answer. The SDK's connection answers lines that are not JSON, and handles notifications later than answers.

import { isRecord } from '../../base/is-record.ts';
import type { Timers } from './acp-types.ts';

export const methodNotFound = -32601;
export const authRequired = -32000;

type RequestId = string | number | null;

export type RpcMessage =
  | { readonly kind: 'request'; readonly id: RequestId; readonly method: string; readonly params: unknown }
  | { readonly kind: 'notification'; readonly method: string; readonly params: unknown }
  | { readonly kind: 'result'; readonly id: RequestId; readonly result: unknown }
  | { readonly kind: 'error'; readonly id: RequestId; readonly error: RpcError };

/** The agent answered a request with an error. */
export class RpcError extends Error {
  override readonly name = 'RpcError';
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

/** The agent did not answer a request in time. */
export class RpcTimeout extends Error {
  override readonly name = 'RpcTimeout';
}

/** Undefined for a line that is not a message. @throws SyntaxError for a line that is not JSON */
export function parseRpc(line: string): RpcMessage | undefined {
  const value: unknown = JSON.parse(line);
  if (!isRecord(value)) return undefined;
  const { id, method, params } = value;
  if (typeof method === 'string') {
    if (id === undefined) return { kind: 'notification', method, params };
    return isRequestId(id) ? { kind: 'request', id, method, params } : undefined;
  }
  if (!isRequestId(id)) return undefined;
  if (value.error !== undefined) return { kind: 'error', id, error: toError(value.error) };
  return 'result' in value ? { kind: 'result', id, result: value.result } : undefined;
}

function isRequestId(value: unknown): value is RequestId {
  return typeof value === 'string' || typeof value === 'number' || value === null;
}

function toError(value: unknown): RpcError {
  const { code, message, data }: Readonly<Record<string, unknown>> = isRecord(value) ? value : {};
  // Some agents put the reason only there.
  const details = isRecord(data) && typeof data.details === 'string' ? `: ${data.details}` : '';
  const said = typeof message === 'string' && message !== '' ? message : 'an error without a message';
  return new RpcError(typeof code === 'number' ? code : 0, said + details);
}

export interface RpcOptions {
  /** @throws Error if the agent cannot be written to */
  readonly write: (line: string) => void;
  /** Answers a request of the agent. Undefined: there is no such method. */
  readonly onRequest: (method: string, params: unknown) => Promise<unknown> | undefined;
  readonly onNotification: (method: string, params: unknown) => void;
  readonly timers: Timers;
}

interface Pending {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
  readonly stopTimer: () => void;
}

export class RpcConnection {
  readonly #options: RpcOptions;
  readonly #pending = new Map<string, Pending>();
  #lastId = 0;
  #closed: Error | undefined;

  constructor(options: RpcOptions) {
    this.#options = options;
  }

  /**
   * Without `timeoutMs`, it waits until the connection is closed.
   * @throws RpcError, RpcTimeout; the reason of `close`
   */
  request(
    method: string,
    params: unknown,
    { timeoutMs }: { readonly timeoutMs?: number } = {},
  ): Promise<unknown> {
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      if (this.#closed !== undefined) return reject(this.#closed);
      const stopTimer =
        timeoutMs === undefined
          ? () => undefined
          : this.#options.timers.after(timeoutMs, () => {
              this.#pending.delete(String(id));
              reject(new RpcTimeout(`did not answer ${method} within ${timeoutMs / 1000} s`));
            });
      this.#pending.set(String(id), { resolve, reject, stopTimer });
      try {
        this.#send({ id, method, params });
      } catch (error) {
        this.#take(id);
        reject(error);
      }
    });
  }

  /** An agent that has ended is not told. */
  notify(method: string, params: unknown): void {
    this.#trySend({ method, params });
  }

  receive(message: RpcMessage): void {
    switch (message.kind) {
      case 'notification':
        this.#options.onNotification(message.method, message.params);
        return;
      case 'request':
        void this.#answer(message);
        return;
      case 'result':
        this.#take(message.id)?.resolve(message.result);
        return;
      case 'error':
        this.#take(message.id)?.reject(message.error);
    }
  }

  /** Rejects all open requests. */
  close(reason: Error): void {
    this.#closed ??= reason;
    for (const id of [...this.#pending.keys()]) this.#take(id)?.reject(reason);
  }

  async #answer({ id, method, params }: Extract<RpcMessage, { kind: 'request' }>): Promise<void> {
    const answer = this.#options.onRequest(method, params);
    if (answer === undefined) {
      this.#trySend({ id, error: { code: methodNotFound, message: `Method not found: ${method}` } });
      return;
    }
    try {
      this.#trySend({ id, result: await answer });
    } catch {
      this.#trySend({ id, error: { code: -32603, message: 'Internal error' } });
    }
  }

  /** Undefined if nothing waits for this answer: it has come twice, or too late, or its id is wrong. */
  #take(id: RequestId): Pending | undefined {
    const pending = this.#pending.get(String(id));
    this.#pending.delete(String(id));
    pending?.stopTimer();
    return pending;
  }

  #send(message: object): void {
    this.#options.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
  }

  #trySend(message: object): void {
    try {
      this.#send(message);
    } catch {
      // It has ended, or does not read: the end of its process tells those who wait.
    }
  }
}
