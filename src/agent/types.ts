// What the agent offers to whoever puts the rooms together. `http/` declares what it takes; `app.ts` is where the compiler
// checks that the two fit.

export interface Usage {
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly totalTokens: number;
}

export type PermissionMode = 'read-only' | 'ask' | 'auto-edit' | 'full';

export interface PromptOptions {
  readonly model?: string;
  readonly maxSteps?: number;
  readonly permissionMode?: PermissionMode;
  readonly timeoutMs?: number;
  readonly system?: string;
  /** Input and output tokens of the run, at most. */
  readonly maxTokens?: number;
  /** US dollars that the run may cost. */
  readonly maxCost?: number;
}

/** The answer to a prompt. `cost` in US dollars. */
export interface PromptResult {
  readonly response: string;
  readonly sessionId: string;
  readonly runId: string;
  readonly model: string | null;
  readonly usage: Usage | null;
  readonly cost: number | null;
  readonly finishReason: string;
}

export type RunStatus =
  | 'queued'
  | 'running'
  | 'waiting'
  | 'completed'
  | 'failed'
  | 'cancelled'
  | 'interrupted';

/** Times are RFC 3339. */
export interface Run {
  readonly id: string;
  readonly sessionId: string;
  readonly status: RunStatus;
  readonly prompt: string;
  readonly model: string | null;
  readonly response: string | null;
  readonly usage: Usage | null;
  readonly cost: number | null;
  readonly finishReason: string | null;
  readonly error: { readonly code: string; readonly message: string } | null;
  readonly createdAt: string;
  readonly startedAt: string | null;
  readonly endedAt: string | null;
}

export interface Session {
  readonly id: string;
  readonly title: string;
  readonly status: 'idle' | 'running';
  readonly model: string | null;
  readonly messageCount: number;
  readonly metadata: Readonly<Record<string, unknown>>;
  /** Null for a session that is no copy. */
  readonly forkedFrom: { readonly sessionId: string; readonly messageId: string } | null;
  /** Of all runs. */
  readonly usage: Usage;
  /** US dollars, of what has a price. */
  readonly cost: number;
  readonly createdAt: string;
  readonly updatedAt: string;
}

export interface ToolUse {
  readonly name: string;
  readonly params: unknown;
  readonly isError: boolean;
  /** As the model calls it. */
  readonly callId?: string;
}

export interface Message {
  readonly id: string;
  readonly sessionId: string;
  readonly runId: string | null;
  readonly role: 'user' | 'assistant' | 'tool';
  readonly content: string;
  readonly tool?: ToolUse;
  /** The answer was cut off here, by a failure or a cancel. */
  readonly incomplete?: true;
  readonly createdAt: string;
}

export interface Page<T> {
  readonly items: readonly T[];
  readonly next?: string;
}

export interface ToolDescription {
  readonly name: string;
  readonly description: string;
  readonly inputSchema: Readonly<Record<string, unknown>>;
  readonly readOnly: boolean;
}

export interface ToolContext {
  readonly signal: AbortSignal;
  readonly requestId: string;
  readonly sessionId?: string;
}
