// Answers what the run of a prompt waits for with the callbacks of the caller.

import type { Permission, PromptRequest, Question } from './api-objects.ts';
import type { PromptCallOptions } from './call-options.ts';
import { CodeBuddyApiError, PermissionRequiredError, QuestionRequiredError } from './errors.ts';
import type { Inbox } from './resources/inbox.ts';
import type { Permissions } from './resources/permissions.ts';
import type { StreamEvent } from './stream-event.ts';

type EventOf<T extends StreamEvent['type']> = StreamEvent & { readonly type: T };

/** The request with the declarations of the tools. */
export function withTools(request: PromptRequest, { tools }: PromptCallOptions): PromptRequest {
  if (tools === undefined) return request;
  const declared = tools.map(({ name, description, schema }) => ({ name, description, schema }));
  return { ...request, tools: [...(request.tools ?? []), ...declared] };
}

export class PromptAnswers {
  readonly #permissions: Permissions;
  readonly #inbox: Inbox;
  readonly #options: PromptCallOptions;

  constructor(permissions: Permissions, inbox: Inbox, options: PromptCallOptions) {
    this.#permissions = permissions;
    this.#inbox = inbox;
    this.#options = options;
  }

  /**
   * Answers the event, if it is about something that waits. `isLate`: it may have been answered already.
   * @throws PermissionRequiredError, QuestionRequiredError without an answer
   */
  async handle(event: StreamEvent, isLate: boolean): Promise<void> {
    if (event.type === 'permission.request') await this.#decide(toPermission(event), isLate);
    else if (event.type === 'question.asked') await this.#reply(toQuestion(event), isLate);
    else if (event.type === 'tool.request') await this.#runTool(event, isLate);
  }

  async #decide(permission: Permission, isLate: boolean): Promise<void> {
    const { onPermission, signal } = this.#options;
    if (isLate) {
      const { permissions } = await this.#permissions.list({ runId: permission.runId }, { signal });
      if (!permissions.some(({ id }) => id === permission.id)) return;
    }
    const decision = await onPermission?.(permission);
    if (decision === undefined) throw new PermissionRequiredError(permission);
    await unlessResolved(this.#permissions.decide(permission.id, decision, { signal }));
  }

  async #reply(question: Question, isLate: boolean): Promise<void> {
    const { onQuestion, signal } = this.#options;
    if (isLate && !(await this.#isPending(question.id, question.runId))) return;
    const answer = await onQuestion?.(question);
    if (answer === undefined) throw new QuestionRequiredError(question);
    await unlessResolved(this.#inbox.answer(question.id, { answer }, { signal }));
  }

  async #runTool({ data, runId = '' }: EventOf<'tool.request'>, isLate: boolean): Promise<void> {
    const { tools = [], signal } = this.#options;
    const tool = tools.find(({ name }) => name === data.tool);
    // Another part of the program answers it.
    if (tool === undefined) return;
    if (isLate && !(await this.#isPending(data.toolCallId, runId))) return;
    const outcome = await run(() => tool.run({ ...data.params }, { signal }));
    signal?.throwIfAborted();
    await unlessResolved(this.#inbox.giveResult(data.toolCallId, outcome, { signal }));
  }

  async #isPending(id: string, runId: string): Promise<boolean> {
    const { items } = await this.#inbox.list({ runId }, { signal: this.#options.signal });
    return items.some(
      (item) =>
        (item.kind === 'question' && item.question.id === id) ||
        (item.kind === 'tool_call' && item.toolCall.id === id),
    );
  }
}

/** An error of the callback is the error of the call: the model reads its message. */
async function run(work: () => unknown): Promise<{ result: unknown } | { error: string }> {
  try {
    return { result: (await work()) ?? null };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { error: message.slice(0, 20_000) || 'The tool failed.' };
  }
}

/** Another caller may have answered first. The run continues then. */
async function unlessResolved(answering: Promise<unknown>): Promise<void> {
  try {
    await answering;
  } catch (error) {
    if (!(error instanceof CodeBuddyApiError && error.code.endsWith('_resolved'))) throw error;
  }
}

function toPermission(event: EventOf<'permission.request'>): Permission {
  const { runId = '', sessionId = '', timestamp = '', data } = event;
  const { permissionId, rule = '', reason = '', expiresAt = null, ...rest } = data;
  return {
    sandbox: null,
    ...rest,
    id: permissionId,
    runId,
    sessionId,
    rule,
    reason,
    status: 'pending',
    createdAt: timestamp,
    expiresAt,
  };
}

function toQuestion(event: EventOf<'question.asked'>): Question {
  const { runId = '', sessionId = '', timestamp = '', data } = event;
  const { questionId, expiresAt = null, ...rest } = data;
  return { ...rest, id: questionId, runId, sessionId, status: 'pending', createdAt: timestamp, expiresAt };
}
