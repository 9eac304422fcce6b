// The answers that a test configures, and the requests that the model server recorded, in one form for all four
// formats.

import type { IncomingHttpHeaders } from 'node:http';

export type WireFormat = 'openai' | 'openai-responses' | 'anthropic' | 'google';

export type FinishReason = 'stop' | 'tool_calls' | 'length' | 'content_filter';

export interface ModelToolCall {
  /** @default an id that no other call of this server has */
  readonly id?: string;
  readonly name: string;
  /** A string is sent as it is, so it need not be JSON. */
  readonly arguments: unknown;
  /** The arguments arrive in this many deltas. @default 1 */
  readonly pieces?: number;
}

export interface ModelAnswer {
  readonly kind: 'answer';
  /** Each piece is one delta. */
  readonly text?: string | readonly string[];
  readonly toolCalls?: readonly ModelToolCall[];
  /** The model's reasoning before the answer, signed or encrypted as in the format. */
  readonly reasoning?: string;
  /** @default 10 in, 5 out */
  readonly usage?: { readonly input: number; readonly output: number };
  /** @default 'tool_calls' if there are any, else 'stop' */
  readonly finish?: FinishReason;
  /** Before the first byte, including the status line. */
  readonly delayMs?: number;
  /** Between one delta and the next. */
  readonly gapMs?: number;
  /** The body arrives in chunks of this many bytes; 1 cuts at every byte boundary. */
  readonly splitBytes?: number;
  /** The connection is destroyed after this many bytes of the body. */
  readonly cutAfterBytes?: number;
  /** After this many deltas nothing more is sent and the connection stays open; 0 sends only the header. */
  readonly silentAfter?: number;
}

export interface ModelError {
  readonly kind: 'error';
  readonly status: number;
  /** Such as `retry-after`. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly message?: string;
}

export type ModelReply =
  | ModelAnswer
  | ModelError
  /** Accepts the request and never answers. */
  | { readonly kind: 'silence' }
  | {
      readonly kind: 'raw';
      readonly status: number;
      readonly headers: Readonly<Record<string, string>>;
      readonly body: string;
    };

/** `number` counts the requests of this server, from 1. */
export type DecideReply = (request: ModelRequest, number: number) => ModelReply | Promise<ModelReply>;

/** A list is used up in order, then its last one repeats. */
export type Replies = ModelReply | readonly ModelReply[] | DecideReply;

/**
 * Roles are `user`, `assistant` and `tool` in every format. One answer of the model is one message, and so are the tool
 * results that were sent together.
 */
export interface ModelMessage {
  readonly role: string;
  readonly text: string;
  readonly toolCalls: readonly { readonly id: string; readonly name: string }[];
  readonly toolResults: readonly { readonly id: string; readonly text: string }[];
}

export interface ModelRequest {
  readonly format: WireFormat;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: unknown;
  readonly model: string;
  readonly isStream: boolean;
  readonly system: string;
  readonly messages: readonly ModelMessage[];
  readonly toolNames: readonly string[];
  /** The connection was closed before the whole answer was sent: the client left, or the reply cut it off. */
  isClosed(): boolean;
}

export interface ModelServerOptions {
  /** The models that `GET /v1/models` and `GET /api/tags` list. @default ['test-model'] */
  readonly models?: readonly string[];
  /** @default 0, any free port */
  readonly port?: number;
}

export interface ModelServer {
  /** `http://127.0.0.1:PORT`, to which a client adds `/v1` or `/v1beta`. */
  readonly url: string;
  readonly requests: readonly ModelRequest[];
  /** Decides the replies from now on. */
  reply(next: Replies): void;
  close(): Promise<void>;
}
