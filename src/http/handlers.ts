// The handlers of a host application: the public `on…` properties of `RestApiServer`. They may be set or replaced at
// any time; each request uses the current one. Without a handler, the built-in agent (`services`) answers.

import type { Scope } from '../contract/api-key.ts';
import type { PromptOptions } from '../contract/prompt-options.ts';
import type { PromptResult } from '../contract/prompt-result.ts';
import type { ToolDescription } from '../contract/tool.ts';

/** The third argument of `onPrompt`. */
export interface PromptContext {
  /** The session that the client named, otherwise a new id. */
  readonly sessionId: string;
  readonly runId: string;
  readonly requestId: string;
  /** The id of the caller's API key; null on a server without keys. */
  readonly keyId: string | null;
  /** The scopes of the caller's API key. Without `tools`, ask before a tool runs. */
  readonly scopes: readonly Scope[];
  /** Aborts when the client disconnects, the prompt's `timeoutMs` expires, or the server stops. */
  readonly signal: AbortSignal;
}

/** The third argument of `onToolExecute`. */
export interface ToolContext {
  readonly requestId: string;
  /** Aborts when the client disconnects or the server stops. */
  readonly signal: AbortSignal;
}

/**
 * One event of an async iterable returned by `onPrompt`: `message.delta` with `{text}`, optionally `run.complete` at
 * the end.
 */
export interface PromptEvent {
  readonly type: string;
  readonly data: unknown;
}

/** A result object returned by `onPrompt`. Missing fields are filled in. */
export type PromptAnswer = Partial<PromptResult> & { readonly response: string };

/**
 * Answers `POST /api/prompt`. Returns the response as text, a result object, or an async iterable of events. Throw a
 * `CodeBuddyError` to set the error; any other error is a 500 without details.
 *
 * @example
 * server.onPrompt = async (prompt, options, { signal }) => {
 *   const { text, model } = await myAgent.ask(prompt, { signal });
 *   return { response: text, model };
 * };
 */
export type PromptHandler = (
  prompt: string,
  options: PromptOptions,
  context: PromptContext,
) =>
  | string
  | PromptAnswer
  | AsyncIterable<PromptEvent>
  | Promise<string | PromptAnswer | AsyncIterable<PromptEvent>>;

/**
 * Answers `POST /api/tools/:tool`. The returned value becomes `{result}`. Throw a `CodeBuddyError` to set the error;
 * any other error is a 500 without details.
 *
 * @example
 * server.onToolExecute = async (tool, params) => {
 *   if (tool !== 'weather') throw new CodeBuddyError('tool_not_found', `Tool "${tool}" not found.`);
 *   return { forecast: await forecastFor(params.city) };
 * };
 */
export type ToolHandler = (
  tool: string,
  // biome-ignore lint/suspicious/noExplicitAny: a host application names its own parameter types here.
  params: Record<string, any>,
  context: ToolContext,
) => unknown;

/** The current handlers. */
export interface HttpHandlers {
  onPrompt?: PromptHandler | undefined;
  /** Answers `POST /api/tools/:tool`. */
  onToolExecute?: ToolHandler | undefined;
  /** Answers `GET /api/sessions` with the sessions, newest first. Each is an object with at least an `id`. */
  onGetSessions?: (() => readonly unknown[] | Promise<readonly unknown[]>) | undefined;
  /** Returns an object that is merged over the server's own metrics in `GET /api/metrics`. */
  onGetMetrics?: (() => unknown) | undefined;
  /** Answers `GET /api/tools`. */
  onListTools?: (() => readonly ToolDescription[] | Promise<readonly ToolDescription[]>) | undefined;
}
