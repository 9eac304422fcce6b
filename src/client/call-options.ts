// The options of the client's methods.

import type { Permission, PermissionDecision, Question } from './api-objects.ts';

/** Options of every method. */
export interface CallOptions {
  /** Aborts the call; the method then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Retries after a temporary failure, if a retry is safe. @default that of the client */
  readonly maxRetries?: number | undefined;
  /**
   * Time limit of one attempt in milliseconds; of a stream, until its answer begins. 0 sets no limit.
   * @default that of the client; none for prompts, tools and streams
   */
  readonly timeoutMs?: number | undefined;
}

/** Options of methods that create something. */
export interface CreateOptions extends CallOptions {
  /**
   * A repeated call with the same key and body within 24 h gets the first answer again.
   * @default a random key for each call, so that the client can repeat it safely
   */
  readonly idempotencyKey?: string | undefined;
}

/**
 * The state of a stream that reconnects:
 * - `live`: connected
 * - `reconnecting`: the connection failed with `error`; the next attempt is in `retryInMs`
 * - `stopped`: no more events will come; `error` is set if the stream failed or was aborted
 */
export type StreamState =
  | { readonly status: 'live' }
  | {
      readonly status: 'reconnecting';
      readonly error: unknown;
      /** Failures since the last event: 1, 2, … */
      readonly failures: number;
      readonly retryInMs: number;
    }
  | { readonly status: 'stopped'; readonly error?: unknown };

/** Options of streams that reconnect. */
export interface ResumeOptions extends CallOptions {
  /** Reconnect and resume when the connection breaks. @default true */
  readonly resume?: boolean | undefined;
  /** Called when the stream connects, loses its connection, or stops. It must not throw. @default none */
  readonly onState?: ((state: StreamState) => void) | undefined;
}

/** Decides a permission. Undefined leaves it pending. */
export type OnPermission = (permission: Permission) => Promise<PermissionDecision | undefined>;

/** Answers a question. Undefined leaves it pending. */
export type OnQuestion = (question: Question) => Promise<string | undefined>;

/** A tool that the agent may call during a prompt. */
export interface PromptTool {
  readonly name: string;
  /** Read by the model. */
  readonly description: string;
  /** The JSON Schema of the parameters. */
  readonly schema: Readonly<Record<string, unknown>>;
  /**
   * Called with parameters that are valid for the schema. The model reads the result, which must be JSON, or the message
   * of the error that it throws.
   */
  run(
    params: Readonly<Record<string, unknown>>,
    options: { readonly signal: AbortSignal | undefined },
  ): unknown;
}

/** Options of `prompt`. */
export interface PromptCallOptions extends CreateOptions, ResumeOptions {
  /** Called when a tool needs a permission. @default `prompt` throws PermissionRequiredError */
  readonly onPermission?: OnPermission | undefined;
  /** Called when the agent asks a question. @default `prompt` throws QuestionRequiredError */
  readonly onQuestion?: OnQuestion | undefined;
  /** Tools that the agent may call, and that run here. They are added to those of the request. @default none */
  readonly tools?: readonly PromptTool[] | undefined;
}

/** Options of `stream`. */
export interface PromptStreamOptions extends CreateOptions, ResumeOptions {
  /**
   * False: the run depends on this one connection, and the server cancels it when the connection breaks.
   * @default true
   */
  readonly resume?: boolean | undefined;
  /** True: leaving the loop does not cancel a run that waits for a permission. @default false */
  readonly keepWaiting?: boolean | undefined;
}

/** Options of streams of the log. */
export interface FollowOptions extends ResumeOptions {
  /** Start after this sequence number; 0 starts at the beginning of the log. @default see the method */
  readonly after?: number | undefined;
  /** Also receive `message.delta`, `reasoning.delta` and `tool.output`, which are not logged. @default false */
  readonly deltas?: boolean | undefined;
  /** Also wait for the server if the first connection fails. @default false */
  readonly waitForServer?: boolean | undefined;
}

/** Options of `events.stream`. Without `after`, the stream begins with the next event. */
export interface StreamOptions extends FollowOptions {
  /** Event types: names, or patterns such as `tool.*`. @default all */
  readonly types?: readonly string[] | undefined;
  /** Only events of this session. @default all */
  readonly sessionId?: string | undefined;
  /** Only events of this run. @default all */
  readonly runId?: string | undefined;
}
