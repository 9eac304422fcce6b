// The services that the OpenAI-compatible routes take: those of the REST server, and answers of a language model alone.
// The app passes them.

import type { Agents } from '../contract/agent.ts';
import type { Delta, LoggedEvent } from '../contract/event.ts';
import type { InboxItem } from '../contract/inbox.ts';
import type { Message } from '../contract/message.ts';
import type { Models } from '../contract/model.ts';
import type { OrderedPageRequest, Page } from '../contract/page.ts';
import type { PartInput } from '../contract/part.ts';
import type { PromptOptions } from '../contract/prompt-options.ts';
import type { PromptResult } from '../contract/prompt-result.ts';
import type { Run } from '../contract/run.ts';
import type { HistoryMessage, Session, SessionFork, SessionOrigin } from '../contract/session.ts';
import type { Usage } from '../contract/usage.ts';

/** The client of a request. */
export interface Caller {
  /** Null on a server without keys. */
  readonly keyId: string | null;
  readonly mayUseTools: boolean;
  readonly requestId: string;
  readonly hop: number;
  /** `X-CodeBuddy-Session`: the id of a session, or a name that the client chose for it. */
  readonly session?: string;
  /** `X-OpenWebUI-Chat-Id`. */
  readonly chat?: string;
  /** Aborts when the client disconnects. */
  readonly gone: AbortSignal;
  /** The server as the client addresses it: `http://127.0.0.1:3847`. */
  readonly baseUrl: string;
}

export interface StartedRun {
  readonly run: Run;
  readonly afterSequence: number;
  readonly result: Promise<PromptResult>;
  readonly waits?: Promise<InboxItem>;
}

/** The run to start; the session is a new one without `sessionId`. */
export interface RunStart {
  readonly prompt: string;
  readonly parts?: readonly PartInput[];
  readonly sessionId?: string;
  readonly origin: SessionOrigin;
  readonly names?: readonly string[];
  /** A name that no other session may have, for a new session. */
  readonly claimedName?: string;
  readonly history?: readonly HistoryMessage[];
  readonly options: PromptOptions;
  readonly requestId: string;
  readonly hop: number;
  readonly keyId: string | null;
  readonly mayUseTools: boolean;
}

export type RunItem =
  | { readonly kind: 'event'; readonly event: LoggedEvent }
  | { readonly kind: 'delta'; readonly delta: Delta }
  | { readonly kind: 'gap' };

export interface DoorServices {
  readonly runs: {
    start(request: RunStart): Promise<StartedRun>;
    get(id: string): Promise<Run | undefined>;
    list(page: { readonly limit: number; readonly sessionId?: string }): Promise<Page<Run>>;
    cancel(id: string, reason?: string): Promise<Run>;
  };
  readonly sessions: {
    get(id: string): Promise<Session | undefined>;
    named(name: string): Promise<Session | undefined>;
    fork(id: string, input: SessionFork): Promise<Session>;
    delete(id: string): Promise<void>;
    messages(id: string, page: OrderedPageRequest): Promise<Page<Message>>;
  };
  readonly events: {
    read(query: {
      readonly runId: string;
      readonly types: readonly string[];
      readonly after?: number;
      readonly limit: number;
    }): Promise<readonly LoggedEvent[]>;
    subscribeInBatches(options: {
      readonly runId: string;
      readonly after: number;
      readonly deltas: boolean;
      readonly signal: AbortSignal;
    }): AsyncIterable<readonly RunItem[]>;
  };
  readonly models: () => Promise<Models>;
  readonly agents: () => Promise<Agents>;
  /** An answer of a language model alone, without tools, session or run. Undefined if there is no language model. */
  readonly answerAlone: (request: AloneRequest) => Promise<AloneAnswer | undefined>;
}

export interface AloneRequest {
  /** `provider/name` or `offline`. @default the model of the server */
  readonly model: string | undefined;
  readonly system: string | undefined;
  readonly messages: readonly { readonly role: 'user' | 'assistant'; readonly content: string }[];
  readonly maxTokens: number | undefined;
  readonly signal: AbortSignal;
}

export interface AloneAnswer {
  readonly text: string;
  readonly usage: Usage;
  /** `stop`, `length` or `content_filter`. */
  readonly finishReason: string;
}

/** A message of a stream. Without `event` it has no name. */
export interface StreamMessage {
  readonly event?: string;
  /** Sent as JSON. */
  readonly data: unknown;
}

export interface AnswerStream {
  /** Aborts when the client disconnects or is too slow, or the server stops. */
  readonly signal: AbortSignal;
  /** Resolves when there is room for more. */
  send(messages: readonly StreamMessage[]): Promise<void>;
  /** A comment, which clients ignore. */
  comment(text: string): void;
  /** The last line of a stream of chunks. */
  done(): void;
}

export type Headers = Readonly<Record<string, string>>;

export type DoorAnswer =
  | { readonly kind: 'body'; readonly headers: Headers; readonly body: object }
  | {
      readonly kind: 'stream';
      readonly headers: Headers;
      /** The message for an error after the stream has begun. */
      readonly failure: (code: string, message: string) => StreamMessage;
      /** Resolves when everything was sent. */
      readonly write: (stream: AnswerStream) => Promise<void>;
    };
