// One prompt of the editor: sends it to the server, reports what the run does, and answers when it has ended.

import type {
  AgentContext,
  PromptResponse,
  SessionUpdate,
  StopReason,
} from '@agentclientprotocol/sdk/unstable';
import { methods } from '@agentclientprotocol/sdk/unstable';
import {
  CodeBuddyApiError,
  type CodeBuddyClient,
  CodeBuddyConnectionError,
  type PromptRequest,
  type StreamEvent,
} from '../client/index.ts';
import { PermissionRequests } from './permission-requests.ts';
import { runFailed } from './request-errors.ts';
import { runEvents } from './run-events.ts';
import type { Place } from './server-link.ts';
import { ToolCalls } from './tool-calls.ts';

export interface TurnOptions {
  /** Finds the server, or starts it. */
  readonly connect: () => Promise<CodeBuddyClient>;
  /** Called while the server does not answer. */
  readonly revive: () => Promise<void>;
  readonly request: PromptRequest & { readonly sessionId: string };
  readonly place: Place;
  readonly editor: AgentContext;
  /** Called before the run starts, and before it is resumed on a server that was restarted. */
  readonly prepare: () => Promise<void>;
  /** The server has the previous prompt of the session, so it gets them in the editor's order. */
  readonly previous: Promise<void> | undefined;
}

/** A cancelled run that has not ended by then is left. */
const cancelLimitMs = 10_000;

/** Finish reasons that are not an end of the turn in order. */
const stopReasons: Readonly<Record<string, StopReason>> = {
  length: 'max_tokens',
  token_limit: 'max_tokens',
  cost_limit: 'max_turn_requests',
  max_steps: 'max_turn_requests',
  content_filter: 'refusal',
};

export class Turn {
  readonly #options: TurnOptions;
  readonly #left = new AbortController();
  readonly #calls: ToolCalls;
  readonly #permissions: PermissionRequests;
  readonly #accepted = Promise.withResolvers<void>();
  #client: CodeBuddyClient | undefined;
  #runId: string | undefined;
  #isCancelled = false;
  #limit: NodeJS.Timeout | undefined;

  constructor(options: TurnOptions) {
    const { editor, place, request } = options;
    this.#options = options;
    this.#calls = new ToolCalls(place, (update) => this.#send(update));
    this.#permissions = new PermissionRequests({
      decide: async (id, decision) => void (await this.#client?.permissions.decide(id, decision)),
      editor,
      sessionId: request.sessionId,
      onTrouble: (callId, message) => this.#calls.note(callId, `The decision was not accepted: ${message}`),
    });
  }

  /** Resolves when the server has the prompt, or the turn has ended. */
  get accepted(): Promise<void> {
    return this.#accepted.promise;
  }

  /** @throws RequestError, CodeBuddyApiError, CodeBuddyConnectionError */
  async run(): Promise<PromptResponse> {
    const { connect, prepare, revive, request, previous } = this.#options;
    try {
      await previous;
      this.#left.signal.throwIfAborted();
      this.#client = await connect();
      await prepare();
      const events = runEvents({
        client: this.#client,
        prepare,
        request,
        revive,
        signal: this.#left.signal,
        onInterrupted: async () => {
          this.#permissions.endAll();
          await this.#calls.endAll();
        },
      });
      for await (const event of events) {
        this.#runId ??= event.runId;
        this.#accepted.resolve();
        const response = await this.#show(event);
        if (response !== undefined) return response;
      }
      throw new CodeBuddyConnectionError('closed', 'The event stream ended before the run did.');
    } catch (error) {
      if (this.#isCancelled) return { stopReason: 'cancelled' };
      if (this.#runId === undefined || !(error instanceof CodeBuddyConnectionError)) throw error;
      throw runFailed(
        'server_unreachable',
        `${error.message} When the server runs again, the run can be resumed: codebuddy runs resume ${this.#runId}`,
        this.#runId,
      );
    } finally {
      clearTimeout(this.#limit);
      this.#accepted.resolve();
      this.#permissions.endAll();
      await this.#calls.endAll();
    }
  }

  /** The turn ends when the run has ended, or after a time limit. Resolves when the server has cancelled the run. */
  async cancel(): Promise<void> {
    if (this.#isCancelled) return;
    this.#isCancelled = true;
    // The stream cancels the run as soon as it is known.
    if (this.#runId === undefined) return this.#left.abort();
    this.#limit = setTimeout(() => this.#left.abort(), cancelLimitMs);
    try {
      await this.#client?.runs.cancel(this.#runId);
    } catch (error) {
      const hasEnded = error instanceof CodeBuddyApiError && error.code === 'run_ended';
      if (!hasEnded) this.#left.abort();
    }
  }

  /** Returns the response when the run has ended. */
  async #show(event: StreamEvent): Promise<PromptResponse | undefined> {
    switch (event.type) {
      case 'message.delta':
        await this.#send({
          sessionUpdate: 'agent_message_chunk',
          content: { type: 'text', text: event.data.text },
        });
        return undefined;
      case 'reasoning.delta':
        await this.#send({
          sessionUpdate: 'agent_thought_chunk',
          content: { type: 'text', text: event.data.text },
        });
        return undefined;
      case 'plan.update':
        await this.#send({
          sessionUpdate: 'plan',
          entries: event.data.entries.map((entry) => ({ ...entry })),
        });
        return undefined;
      case 'permission.request':
        this.#permissions.start({
          permissionId: event.data.permissionId,
          toolCall: await this.#calls.wait(event),
          alwaysCovers: event.data.alwaysCovers,
        });
        return undefined;
      case 'question.asked': {
        // Editors have no dialog for a text.
        const { questionId, question, choices } = event.data;
        const options = choices.length === 0 ? '' : ` (${choices.join(' | ')})`;
        await this.#send({
          sessionUpdate: 'agent_message_chunk',
          content: {
            type: 'text',
            text: `${question}${options}\n\nAnswer in the dashboard, or with: codebuddy inbox answer ${questionId} TEXT\n\n`,
          },
        });
        return undefined;
      }
      case 'permission.resolved':
        this.#permissions.end(event.data.permissionId);
        await this.#calls.settle(event);
        return undefined;
      case 'tool.start':
        await this.#calls.start(event);
        return undefined;
      case 'tool.output':
        this.#calls.output(event);
        return undefined;
      case 'tool.complete':
        await this.#calls.complete(event);
        return undefined;
      case 'tool.error':
        await this.#calls.fail(event);
        return undefined;
      case 'run.complete':
        return completed(event);
      case 'run.cancelled':
        return { stopReason: 'cancelled', ...about(event) };
      case 'run.failed':
        throw runFailed(event.data.code, event.data.message, event.runId);
      default:
        return undefined;
    }
  }

  async #send(update: SessionUpdate): Promise<void> {
    const { editor, request } = this.#options;
    await editor.notify(methods.client.session.update, { sessionId: request.sessionId, update });
  }
}

function completed(event: StreamEvent & { readonly type: 'run.complete' }): PromptResponse {
  const { finishReason, usage, model, cost } = event.data;
  return {
    stopReason: stopReasons[finishReason] ?? 'end_turn',
    ...(usage === null ? {} : { usage: { ...usage } }),
    ...about(event, { model, cost, finishReason }),
  };
}

/** The id of the run in the API, and details for which the protocol has no field. */
function about({ runId }: StreamEvent, more: object = {}): Pick<PromptResponse, '_meta'> {
  return { _meta: { codebuddy: { runId, ...more } } };
}
