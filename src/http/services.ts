// The services that the REST server takes. `app.ts` passes the modules of the built-in agent; a library host passes
// none and sets handlers instead; a test passes what it likes. The nouns are in `contract/`.

import type { RunStats } from '../base/run-figures.ts';
import type { Tracing } from '../base/tracing.ts';
import type { Agents } from '../contract/agent.ts';
import type { ApiKey, ApiKeyInput, ApiKeyPatch, CreatedApiKey, KeyIdentity } from '../contract/api-key.ts';
import type { CompactInput, Compaction } from '../contract/compaction.ts';
import type { InboxAnswer, InboxItem, InboxQuery } from '../contract/inbox.ts';
import type { McpServer } from '../contract/mcp-server.ts';
import type { Message } from '../contract/message.ts';
import type { Models } from '../contract/model.ts';
import type { Node, NodeLeaseState } from '../contract/node.ts';
import type { OrderedPageRequest, Page, PageRequest } from '../contract/page.ts';
import type { PartInput } from '../contract/part.ts';
import type { Decision, Permission, PermissionQuery, PermissionStats } from '../contract/permission.ts';
import type { PromptOptions } from '../contract/prompt-options.ts';
import type { PromptResult } from '../contract/prompt-result.ts';
import type { ReadinessPart } from '../contract/readiness.ts';
import type { Run, RunStateCounts, RunStatus } from '../contract/run.ts';
import type { SandboxDescription } from '../contract/sandbox.ts';
import type { MessageQuery, SearchHit } from '../contract/search.ts';
import type {
  ExportFormat,
  HistoryMessage,
  Session,
  SessionFilter,
  SessionFork,
  SessionInput,
  SessionOrigin,
  SessionPatch,
  SessionServersInput,
} from '../contract/session.ts';
import type { Setting } from '../contract/setting.ts';
import type { Steered, SteerInput } from '../contract/steer.ts';
import type { ToolDescription } from '../contract/tool.ts';
import type { CallerTool } from '../contract/tool-call.ts';
import type { Workspaces } from '../contract/workspace.ts';
import type { EventLog } from '../events/event-log.ts';
import type { FileService } from './file-service.ts';
import type { McpServerService } from './mcp-server-service.ts';
import type { McpService } from './mcp-service.ts';
import type { OpenAiService } from './openai-service.ts';
import type { TriggerService } from './trigger-service.ts';
import type { UploadService } from './upload-service.ts';
import type { WebhookService } from './webhook-service.ts';

export interface StartedRun {
  readonly run: Run;
  /** The log position before the run's first event: subscribe after it to see the whole run. */
  readonly afterSequence: number;
  /** Settles when the run has ended; rejects with the CodeBuddyError that ended it. */
  readonly result: Promise<PromptResult>;
  /** Resolves when the run first waits for an answer. Absent if the service never waits. */
  readonly waits?: Promise<InboxItem>;
}

export interface PermissionService {
  /** Pending permissions, oldest first. */
  list(query: PermissionQuery): Promise<Page<Permission>>;
  /**
   * Resolves to a pending permission if another node works on the run and has not answered within 5 s.
   * @throws CodeBuddyError `permission_not_found`, `permission_resolved`, `node_unavailable`
   */
  decide(id: string, decision: Decision, reason?: string): Promise<Permission>;
  /** For /metrics. */
  stats?(): PermissionStats;
}

export interface InboxService {
  /** What runs wait for, oldest first. */
  list(query: InboxQuery): Promise<Page<InboxItem>>;
  /**
   * Resolves to a pending item if another node works on the run and has not answered within 5 s.
   * @throws CodeBuddyError `…_not_found`, `…_resolved`, `validation_failed`, `node_unavailable`
   */
  answer(id: string, answer: InboxAnswer): Promise<InboxItem>;
}

export interface RunService {
  /**
   * @throws CodeBuddyError `session_not_found`, `insufficient_scope`, `too_many_runs` and `too_many_waiting_runs` (with
   * `Retry-After`),
   * `session_exists` for `claimedName`, `shutting_down`
   */
  start(request: {
    readonly prompt: string;
    /** Texts, images and files that follow the prompt. @default none */
    readonly parts?: readonly PartInput[];
    readonly sessionId?: string;
    /** Create the session if there is none with `sessionId`. @default false */
    readonly createSession?: boolean;
    /** Of a new session. @default 'rest' */
    readonly origin?: SessionOrigin;
    /** Names that the session gets; `sessions.named` finds it by each. @default none */
    readonly names?: readonly string[];
    /** A name that no other session may have, for a new session. @default none */
    readonly claimedName?: string;
    /** Messages before the prompt, for a new session. @default none */
    readonly history?: readonly HistoryMessage[];
    readonly options: PromptOptions;
    /** Tools of the caller. @default none */
    readonly tools?: readonly CallerTool[];
    readonly requestId: string;
    /** @default a new id */
    readonly runId?: string;
    /** From `X-CodeBuddy-Hop`: how many requests of this server's webhooks led to it. */
    readonly hop?: number;
    /** The caller's key; null on a server without keys. */
    readonly keyId?: string | null;
    /** Whether the caller's key has the scope `tools`. */
    readonly mayUseTools?: boolean;
  }): Promise<StartedRun>;
  /**
   * Resumes a run with the rights of the caller.
   * @throws CodeBuddyError `run_not_found`, `run_not_resumable`, `insufficient_scope`
   */
  resume(
    id: string,
    request?: { readonly hop?: number; readonly keyId?: string | null; readonly mayUseTools?: boolean },
  ): Promise<StartedRun>;
  get(id: string): Promise<Run | undefined>;
  list(page: PageRequest & { readonly sessionId?: string; readonly status?: RunStatus }): Promise<Page<Run>>;
  /**
   * Resolves once the run has ended; to an unfinished run if another node works on it and has not ended it within 5 s.
   * @throws CodeBuddyError `run_not_found`, `run_ended`, `node_unavailable`
   */
  cancel(id: string, reason?: string): Promise<Run>;
  /**
   * Sends a message to a run that has not ended; the run sees it before its next step.
   * @throws CodeBuddyError `run_not_found`, `run_ended`, `step_mismatch`, `insufficient_scope`, `not_supported_by_agent`,
   * `too_many_messages`, `node_unavailable`
   */
  steer?(
    id: string,
    request: SteerInput & {
      readonly hop?: number;
      readonly keyId?: string | null;
      readonly mayUseTools?: boolean;
    },
  ): Promise<Steered>;
  activeCount(): number;
  /** US dollars, of today (UTC) and of all nodes. */
  costToday?(): Promise<number>;
  /** For /metrics. */
  stats?(): RunStats & { readonly states: RunStateCounts };
}

export interface SessionService {
  list(page: PageRequest & SessionFilter): Promise<Page<Session>>;
  create(input: SessionInput): Promise<Session>;
  get(id: string): Promise<Session | undefined>;
  /** The session that got this name last. Its API key is not checked: put the key's id into the name. */
  named?(name: string): Promise<Session | undefined>;
  update(id: string, patch: SessionPatch): Promise<Session>;
  /** @throws CodeBuddyError `session_not_found`, `session_busy` */
  delete(id: string): Promise<void>;
  /**
   * Creates a session with the messages up to and including `messageId`, or all of them.
   * @throws CodeBuddyError `session_not_found`, `validation_failed`
   */
  fork(id: string, input: SessionFork): Promise<Session>;
  /** The whole session as one document. @throws CodeBuddyError `session_not_found` */
  export(
    id: string,
    format: ExportFormat,
  ): Promise<{
    readonly filename: string;
    readonly mediaType: string;
    readonly chunks: AsyncIterable<string>;
  }>;
  messages(id: string, page: OrderedPageRequest): Promise<Page<Message>>;
  /** The MCP servers that only this session has. @throws CodeBuddyError `session_not_found` */
  listMcpServers?(id: string): Promise<readonly McpServer[]>;
  /** Messages with all words of `text`, newest first. Absent: the sessions cannot be searched. */
  search?(query: PageRequest & MessageQuery): Promise<Page<SearchHit> & { readonly isIndexing: boolean }>;
  /**
   * Adds a message of the user without a run; the next run sees it.
   * @throws CodeBuddyError `session_not_found`, `validation_failed`, `not_supported_by_agent`
   */
  addMessage?(id: string, text: string, hop?: number): Promise<Message>;
  /**
   * Replaces the older part of the conversation that models read by a summary.
   * @throws CodeBuddyError `session_not_found`, `session_busy`, `not_supported_by_agent`, `validation_failed`,
   * `cost_limit_reached`, and those of the model
   */
  compact?(id: string, input: CompactInput, hop?: number): Promise<Compaction>;
  /**
   * Replaces the MCP servers that only this session has.
   * @throws CodeBuddyError `session_not_found`, `validation_failed`, `not_supported_by_agent`; `insufficient_scope` for a
   * program if `mayStartPrograms` is false
   */
  setMcpServers?(
    id: string,
    servers: SessionServersInput['mcpServers'],
    rights: { readonly mayStartPrograms: boolean },
  ): Promise<void>;
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
      /** From `X-CodeBuddy-Hop`: how many requests of this server's webhooks led to it. */
      readonly hop?: number;
    },
  ): Promise<unknown>;
}

/** What a key with limits has left. */
export interface KeyRates {
  /** Counts a request. @throws CodeBuddyError `key_limit_reached` */
  takeRequest(): void;
  /** `RateLimit-Policy` and `RateLimit` as name, value, name, value. */
  headers(): readonly string[];
}

/** `rates` is present if the key has limits. */
export type VerifiedKey = KeyIdentity & { readonly rates?: KeyRates };

export interface KeyService {
  /** Undefined if the key is unknown. The comparison takes constant time; the disk is not touched. */
  verify(key: string): VerifiedKey | undefined;
  /** The key with this id, as it is now. */
  find?(id: string): VerifiedKey | undefined;
  list(): Promise<readonly ApiKey[]>;
  /** The `key` of the result is shown only once. */
  create(input: ApiKeyInput): Promise<CreatedApiKey>;
  /** @throws CodeBuddyError `key_not_found` */
  update(id: string, patch: ApiKeyPatch): Promise<ApiKey>;
  /** @throws CodeBuddyError `key_not_found` */
  revoke(id: string): Promise<void>;
}

export interface NodeService {
  /** The nodes that were seen in the last hour, the oldest first. @throws CodeBuddyError `storage_unavailable` */
  list(): Promise<readonly Node[]>;
  /** The lease of this node. Does not ask the database. */
  lease(): NodeLeaseState;
}

/** The first answer to a request with an `Idempotency-Key`. */
export interface StoredAnswer {
  readonly fingerprint: string;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** How a request with an `Idempotency-Key` ended. */
export type RequestEnd =
  /** Its answer is stored, or the request may be repeated. */
  | { readonly kind: 'ended' }
  /** It has changed nothing. */
  | { readonly kind: 'undone' }
  /** It may have taken effect, and must not be repeated. */
  | { readonly kind: 'unknown' }
  /** This answer could not be stored yet. */
  | { readonly kind: 'answer'; readonly answer: StoredAnswer };

/** Keeps first answers for 24 hours. */
export interface AnswerStore {
  /**
   * Take the key for a request until `release`. False if another node works on a request with it. Absent if there are no
   * other nodes. Throws if the end of an earlier request cannot be recorded yet.
   */
  claim?(key: string): Promise<boolean>;
  /** Records the end of the request, and tries again until the store answers. */
  release?(key: string, end: RequestEnd): void;
  /** `lost`: the outcome of the first request is not known, for example because its node died. */
  get(
    key: string,
  ): Promise<({ readonly kind: 'answer' } & StoredAnswer) | { readonly kind: 'lost' } | undefined>;
  put(key: string, answer: StoredAnswer): Promise<void>;
}

/** The parts that stream tickets and sign-in codes need so that all nodes of a database accept them. */
export interface SharedTokens {
  /** Known to the nodes only. */
  readonly secret: string;
  /** True once for each digest, over all nodes. */
  take(digest: string): Promise<boolean>;
}

/** The parts of the event log that the REST server uses. */
export type EventSource = Pick<EventLog, 'read' | 'get' | 'subscribeInBatches' | 'bounds' | 'stats'>;

export interface HttpServices {
  /** @default the OpenTelemetry SDK of the host application, if there is one when the server starts */
  readonly tracing?: Tracing;
  /** Loads the OpenAI-compatible routes at their first request. */
  readonly openai?: () => Promise<OpenAiService>;
  /** Loads the MCP server at its first request. */
  readonly mcp?: () => Promise<McpService>;
  readonly runs?: RunService;
  readonly sessions?: SessionService;
  readonly tools?: ToolService;
  readonly permissions?: PermissionService;
  readonly files?: FileService;
  readonly uploads?: UploadService;
  readonly inbox?: InboxService;
  readonly events?: EventSource;
  readonly keys?: KeyService;
  readonly answers?: AnswerStore;
  /** Absent: a stream ticket or sign-in code is valid on the server that created it. */
  readonly sharedTokens?: SharedTokens;
  /**
   * Signs the cookies of signed-in browsers. A sign-in is valid for as long as this is the same.
   * @default random, so that a restart ends all sign-ins
   */
  readonly signInSecret?: string;
  readonly nodes?: NodeService;
  /** The settings without secrets. */
  readonly settings?: () => readonly Setting[];
  /** MCP servers of all sessions. */
  readonly mcpServers?: McpServerService;
  /** The folders that sessions may work in, and those that they work in. */
  readonly workspaces?: () => Promise<Workspaces>;
  /** The agents that could answer, as they are found now. */
  readonly agents?: () => Promise<Agents>;
  /** The models that could answer, as they are found now. */
  readonly models?: () => Promise<Models>;
  /** The folder of the built dashboard, which is served at `/`. */
  readonly dashboard?: string;
  /** The parts for `GET /health/ready`. */
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
  readonly triggers?: TriggerService;
  /**
   * Proves to a client that this server knows the local key (identity-proof.ts). Without it, `GET /health` gives no
   * proof.
   */
  readonly identity?: (facts: {
    readonly challenge: string;
    readonly address: string;
    readonly port: number;
  }) => string;
}
