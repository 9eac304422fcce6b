// The options of the client's methods.

import type { Permission, PermissionDecision } from './api-objects.ts';

/** Options of every method. */
export interface CallOptions {
  /** Aborts the call; the method then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** Options of methods that create something. */
export interface CreateOptions extends CallOptions {
  /** A repeated call with the same key and body within 24 h gets the first answer again. @default none */
  readonly idempotencyKey?: string;
}

/** Decides a permission. Undefined leaves it pending. */
export type OnPermission = (permission: Permission) => Promise<PermissionDecision | undefined>;

/** Options of `prompt`. */
export interface PromptCallOptions extends CreateOptions {
  /** Called when a tool needs a permission. @default `prompt` throws PermissionRequiredError */
  readonly onPermission?: OnPermission;
}

/** Options of `promptStream`. */
export interface PromptStreamOptions extends CallOptions {
  /** True: leaving the loop does not cancel a run that waits for a permission. @default false */
  readonly keepWaiting?: boolean;
}

/** Options of streams. */
export interface FollowOptions extends CallOptions {
  /** Start after this sequence number; 0 starts at the beginning of the log. @default see the method */
  readonly after?: number | undefined;
  /** Also receive `message.delta` and `tool.output`, which are not logged. @default false */
  readonly deltas?: boolean;
  /** Reconnect and resume when the connection breaks. @default true */
  readonly resume?: boolean;
}

/** Options of `events.stream`. Without `after`, the stream begins with the next event. */
export interface StreamOptions extends FollowOptions {
  /** Event types: names, or patterns such as `tool.*`. @default all */
  readonly types?: readonly string[] | undefined;
  /** Only events of this session. @default all */
  readonly sessionId?: string;
  /** Only events of this run. @default all */
  readonly runId?: string;
}
