// What the REST server needs of the other rooms, said by the one who needs it. `app.ts` passes the real rooms in;
// a library host passes none and sets handlers instead; a test passes what it likes.

import type { RunStats } from '../base/run-figures.ts';
import type { EventLog, StreamItem } from '../events/event-log.ts';
import type { Page } from './page.ts';
import type { WebhookService } from './webhook-service.ts';

export type { Page } from './page.ts';

export type Scope = 'read' | 'prompt' | 'tools' | 'admin';
export const scopes: readonly Scope[] = ['read', 'prompt', 'tools', 'admin'];

export interface Usage {
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly totalTokens: number;
}

/** A type alias, so that a handler may take it as `Record<string, unknown>`; an interface has no index signature. */
export type PromptOptions = {
  readonly model?: string;
  readonly maxSteps?: number;
  readonly permissionMode?: 'read-only' | 'ask' | 'auto-edit' | 'full';
  readonly timeoutMs?: number;
  readonly system?: string;
  /** Input and output tokens of the run, at most. */
  readonly maxTokens?: number;
  /** US dollars that the run may cost. */
  readonly maxCost?: number;
};

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

export interface Message {
  readonly id: string;
  readonly sessionId: string;
  readonly runId: string | null;
  readonly role: 'user' | 'assistant' | 'tool';
  /** Text of a `user` or `assistant` message; the output of a `tool` message. */
  readonly content: string;
  /** For `tool` messages: which tool, with which parameters, and whether it worked. */
  readonly tool?: {
    readonly name: string;
    readonly params: unknown;
    readonly isError: boolean;
    readonly callId?: string;
  };
  readonly createdAt: string;
}

export interface StartedRun {
  readonly run: Run;
  /** The log position before the run's first event: subscribe after it to see the whole run. */
  readonly afterSequence: number;
  /** Settles when the run has ended; rejects with the CodeBuddyError that ended it. */
  readonly result: Promise<PromptResult>;
  /** Resolves if the run comes to wait for a person; a service without permissions has none. */
  readonly asked?: Promise<Permission>;
}

/** A tool that waits for a person. Times are RFC 3339. */
export interface Permission {
  readonly id: string;
  readonly runId: string;
  readonly sessionId: string;
  readonly tool: string;
  readonly params: Readonly<Record<string, unknown>>;
  /** What `allow_always` would allow in this session from now on. */
  readonly rule: string;
  /** The same in words; a host with its own permissions may leave it out. */
  readonly alwaysCovers?: string;
  /** Of a file tool: the file that the path leads to, through all links. */
  readonly realPath?: string;
  readonly reason: string;
  /** How a command will run if it is allowed; null for tools that run none. */
  readonly sandbox?: 'bubblewrap' | 'none' | null;
  readonly status: 'pending' | 'allowed' | 'denied';
  readonly createdAt: string;
  /** Without an answer it is denied then. */
  readonly expiresAt: string;
}

export interface PermissionService {
  /** Those that wait, oldest first. */
  list(filter: { readonly sessionId?: string; readonly runId?: string }): readonly Permission[];
  /** @throws CodeBuddyError `permission_not_found`, `permission_resolved` */
  decide(id: string, decision: 'allow' | 'allow_always' | 'deny', reason?: string): Promise<Permission>;
  /** For /metrics. */
  stats?(): PermissionStats;
}

/** Since the start of the process. */
export interface PermissionStats {
  readonly pending: number;
  readonly requested: number;
  readonly resolved: Readonly<Record<'allow' | 'allow_always' | 'deny' | 'expired' | 'run_ended', number>>;
}

/** Runs that have not ended. */
export type RunStateCounts = Readonly<Record<'queued' | 'running' | 'waiting', number>>;

export interface RunService {
  /**
   * @throws CodeBuddyError `session_not_found`, `insufficient_scope`, `too_many_runs` and `too_many_waiting_runs` (with `Retry-After`),
   * `shutting_down`
   */
  start(request: {
    readonly prompt: string;
    readonly sessionId?: string;
    readonly options: PromptOptions;
    readonly requestId: string;
    /** The id it shall have; default: a new one. */
    readonly runId?: string;
    /** Of `X-CodeBuddy-Hop`: how many requests of our own webhooks led to it. */
    readonly hop?: number;
    /** The caller's key; null on a server without keys. */
    readonly keyId?: string | null;
    /** Does the caller's key have the scope `tools`? */
    readonly mayUseTools?: boolean;
  }): Promise<StartedRun>;
  /** With the rights of the caller. @throws CodeBuddyError `run_not_found`, `run_not_resumable`, `insufficient_scope` */
  resume(
    id: string,
    request?: { readonly hop?: number; readonly keyId?: string | null; readonly mayUseTools?: boolean },
  ): Promise<StartedRun>;
  get(id: string): Promise<Run | undefined>;
  list(page: { limit: number; after?: string; sessionId?: string; status?: RunStatus }): Promise<Page<Run>>;
  /** Resolves once the run has ended. @throws CodeBuddyError `run_not_found`, `run_ended` */
  cancel(id: string, reason?: string): Promise<Run>;
  activeCount(): number;
  /** For /metrics. */
  stats?(): RunStats & { readonly states: RunStateCounts };
}

export interface SessionService {
  list(page: { limit: number; after?: string }): Promise<Page<Session>>;
  create(input: { title?: string; metadata?: Record<string, unknown> }): Promise<Session>;
  get(id: string): Promise<Session | undefined>;
  update(id: string, patch: { title?: string; metadata?: Record<string, unknown> }): Promise<Session>;
  /** @throws CodeBuddyError `session_not_found`, `session_busy` */
  delete(id: string): Promise<void>;
  /** A new session with the messages up to and including one; default: all. @throws CodeBuddyError `session_not_found`, `validation_failed` */
  fork(id: string, input: { messageId?: string; title?: string }): Promise<Session>;
  /** The whole session as one document. @throws CodeBuddyError `session_not_found` */
  export(
    id: string,
    format: 'json' | 'markdown',
  ): Promise<{
    readonly filename: string;
    readonly mediaType: string;
    readonly chunks: AsyncIterable<string>;
  }>;
  messages(id: string, page: { limit: number; after?: string }): Promise<Page<Message>>;
}

/** A tool as clients see it. */
export interface ToolDescription {
  readonly name: string;
  readonly description: string;
  /** JSON Schema (2020-12) of the parameters. */
  readonly inputSchema: Readonly<Record<string, unknown>>;
  readonly readOnly: boolean;
}

export interface ToolService {
  list(): readonly ToolDescription[] | Promise<readonly ToolDescription[]>;
  /** @throws CodeBuddyError `tool_not_found`, `validation_failed`, `outside_workspace`, `tool_failed`, … */
  execute(
    tool: string,
    params: Record<string, unknown>,
    context: {
      readonly signal: AbortSignal;
      readonly requestId: string;
      readonly sessionId?: string;
      /** Of `X-CodeBuddy-Hop`: how many requests of our own webhooks led to it. */
      readonly hop?: number;
    },
  ): Promise<unknown>;
}

export interface ApiKey {
  readonly id: string;
  readonly name: string;
  readonly scopes: readonly Scope[];
  readonly createdAt: string;
}

export interface KeyService {
  /** The key's identity, or undefined. Constant time in the key's content; never touches the disk. */
  verify(key: string): { readonly id: string; readonly scopes: readonly Scope[] } | undefined;
  /** The key with this id, as it is now. */
  find?(id: string): { readonly id: string; readonly scopes: readonly Scope[] } | undefined;
  list(): Promise<readonly ApiKey[]>;
  /** `key` is shown this once. */
  create(input: { name: string; scopes: readonly Scope[] }): Promise<ApiKey & { readonly key: string }>;
  /** @throws CodeBuddyError `key_not_found` */
  revoke(id: string): Promise<void>;
}

export interface StoredAnswer {
  readonly fingerprint: string;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Where first answers to an Idempotency-Key are kept for 24 h. */
export interface AnswerStore {
  get(key: string): Promise<StoredAnswer | undefined>;
  put(key: string, answer: StoredAnswer): Promise<void>;
}

export interface ReadinessPart {
  readonly name: string;
  readonly ready: boolean;
  /** One line in words. */
  readonly detail: string;
}

/** How commands of the agent run. */
export interface SandboxDescription {
  readonly mode: 'required' | 'auto' | 'off';
  readonly status: 'works' | 'missing' | 'unavailable' | 'failed' | 'off' | 'checking';
  /** One line in words. */
  readonly detail: string;
}

/** The event log as the REST server uses it. */
export type EventSource = Pick<EventLog, 'read' | 'get' | 'subscribe' | 'bounds' | 'stats'>;
export type { StreamItem };

export interface HttpServices {
  readonly runs?: RunService;
  readonly sessions?: SessionService;
  readonly tools?: ToolService;
  readonly permissions?: PermissionService;
  readonly events?: EventSource;
  readonly keys?: KeyService;
  readonly answers?: AnswerStore;
  /** One line per part, for `GET /health/ready`. */
  readonly readiness?: () => Promise<readonly ReadinessPart[]>;
  /** `agent`, `model` and `workspace` of `GET /api/status`. */
  readonly describeAgent?: () => {
    readonly agent: string;
    readonly model: string | null;
    readonly workspace?: string;
  };
  /** `sandbox` of `GET /api/status`. */
  readonly describeSandbox?: () => Promise<SandboxDescription>;
  readonly webhooks?: WebhookService;
  /** Proves to a client that this server knows the local key (identity-proof.ts). Without it, `GET /health` gives no proof. */
  readonly identity?: (facts: {
    readonly challenge: string;
    readonly address: string;
    readonly port: number;
  }) => string;
}
