// What a host application plugs in: the public handlers of `RestApiServer`. Set or replaced at any time; each request
// reads the one that is set then. The built-in agent (`services`) answers where no handler is set.

import type { Scope } from '../contract/api-key.ts';
import type { PromptOptions } from '../contract/prompt.ts';
import type { PromptResult } from '../contract/prompt-result.ts';
import type { ToolDescription } from '../contract/tool.ts';

/** What a handler is told about the prompt it answers. */
export interface PromptContext {
  /** The session the client named, else one made for this prompt. */
  readonly sessionId: string;
  readonly runId: string;
  readonly requestId: string;
  /** Of the caller's API key; null on a server without keys. */
  readonly keyId: string | null;
  /** What the caller's key may do; without `tools` it must not let tools run unasked. */
  readonly scopes: readonly Scope[];
  /** Aborts when the client goes away, the prompt's `timeoutMs` is over, or the server stops. */
  readonly signal: AbortSignal;
}

/** What a handler is told about the tool call it answers. */
export interface ToolContext {
  readonly requestId: string;
  /** Aborts when the client goes away or the server stops. */
  readonly signal: AbortSignal;
}

/** One event of a prompt answered by an async iterable: `message.delta` `{text}` pieces, at the end maybe `run.complete`. */
export interface PromptEvent {
  readonly type: string;
  readonly data: unknown;
}

/** The fields of a result object that a handler may leave out are filled in. */
export type PromptAnswer = Partial<PromptResult> & { readonly response: string };

export type PromptHandler = (
  prompt: string,
  options: PromptOptions,
  context: PromptContext,
) =>
  | string
  | PromptAnswer
  | AsyncIterable<PromptEvent>
  | Promise<string | PromptAnswer | AsyncIterable<PromptEvent>>;

export type ToolHandler = (
  tool: string,
  // biome-ignore lint/suspicious/noExplicitAny: a host names its own parameter types here.
  params: Record<string, any>,
  context: ToolContext,
) => unknown;

/** All handlers, as they are set now. */
export interface HttpHandlers {
  onPrompt?: PromptHandler | undefined;
  /** The value becomes `{result}`. */
  onToolExecute?: ToolHandler | undefined;
  /** The sessions, newest first; each an object with at least an `id`. */
  onGetSessions?: (() => readonly unknown[] | Promise<readonly unknown[]>) | undefined;
  /** Returns an object, merged over the server's own counters in `GET /api/metrics`. */
  onGetMetrics?: (() => unknown) | undefined;
  onListTools?: (() => readonly ToolDescription[] | Promise<readonly ToolDescription[]>) | undefined;
}
