// The services that the MCP server takes: those of the REST server. The app passes them.

import type { InboxAnswer, InboxItem, InboxQuery } from '../contract/inbox.ts';
import type { Page, PageRequest } from '../contract/page.ts';
import type { Decision, Permission } from '../contract/permission.ts';
import type { PromptOptions } from '../contract/prompt-options.ts';
import type { Run } from '../contract/run.ts';
import type { Session, SessionFilter, SessionOrigin } from '../contract/session.ts';
import type { ToolDescription } from '../contract/tool.ts';

export interface RunStart {
  readonly prompt: string;
  readonly sessionId?: string;
  readonly origin: SessionOrigin;
  readonly options: PromptOptions;
  readonly requestId: string;
  readonly hop: number;
  readonly keyId: string | null;
  readonly mayUseTools: boolean;
}

/** An item of the log. Only events matter here. */
export type RunItem =
  | { readonly kind: 'event'; readonly event: { readonly type: string } }
  | { readonly kind: 'delta' | 'gap' };

export interface McpServices {
  readonly runs: {
    start(request: RunStart): Promise<{
      readonly run: Run;
      readonly afterSequence: number;
      readonly result: Promise<unknown>;
    }>;
    get(id: string): Promise<Run | undefined>;
    cancel(id: string, reason?: string): Promise<Run>;
  };
  readonly sessions: {
    list(page: PageRequest & SessionFilter): Promise<Page<Session>>;
    export(
      id: string,
      format: 'markdown',
    ): Promise<{ readonly mediaType: string; readonly chunks: AsyncIterable<string> }>;
  };
  readonly tools: {
    list(): readonly ToolDescription[] | Promise<readonly ToolDescription[]>;
    execute(
      tool: string,
      params: Record<string, unknown>,
      context: { readonly signal: AbortSignal; readonly requestId: string; readonly hop: number },
    ): Promise<unknown>;
  };
  readonly permissions: {
    list(query: PageRequest & { readonly runId: string }): Promise<Page<Permission>>;
    decide(id: string, decision: Decision, reason?: string): Promise<Permission>;
  };
  readonly inbox: {
    list(query: InboxQuery): Promise<Page<InboxItem>>;
    answer(id: string, answer: InboxAnswer): Promise<InboxItem>;
  };
  readonly events: {
    subscribeInBatches(options: {
      readonly runId: string;
      readonly after: number;
      readonly signal: AbortSignal;
    }): AsyncIterable<readonly RunItem[]>;
    bounds(): Promise<{ readonly last: number }>;
  };
  /**
   * Compiles a schema. The function returns valid arguments as they are, and throws a CodeBuddyError `validation_failed`
   * that names the others.
   */
  readonly checkOf: (schema: object) => (params: unknown) => unknown;
  /** Cursors of lists, as those of the REST API. Both throw a CodeBuddyError `validation_failed`. */
  readonly cursors: {
    read(
      list: string,
      query: { readonly limit?: number | undefined; readonly cursor?: string | undefined },
    ): PageRequest;
    next(list: string, page: Page<unknown>): string | null;
  };
}
