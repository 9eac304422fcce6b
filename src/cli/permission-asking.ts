// Asks for the permissions and the answers that a run needs, one at a time.

import { CodeBuddyApiError, type CodeBuddyClient, type StreamEvent } from '../client/index.ts';
import type { Decision } from '../contract/permission.ts';
import { type AgentQuestion, describeAgentQuestion } from './agent-question.ts';
import { PromptFailure, report } from './exit-codes.ts';
import { complain } from './output.ts';
import { describeQuestion, questionOf } from './permission-question.ts';
import type { Place } from './prompt-place.ts';

/** Asks the user. Rejects if the signal aborts. */
export type Ask = (question: string, ended: AbortSignal) => Promise<Decision>;

/** Asks the user for the answer to a question of the agent. Rejects if the signal aborts. */
export type Reply = (question: AgentQuestion, ended: AbortSignal) => Promise<string | undefined>;

export interface Asking {
  /**
   * Asks in the background, since another client may decide first. Without a terminal, prints how to decide.
   */
  start(event: StreamEvent, ask: Ask | undefined): Promise<void>;
  /** The same for a question of the agent. */
  startQuestion(event: StreamEvent & { readonly type: 'question.asked' }, reply: Reply | undefined): void;
  /** Ends a question that was decided. */
  end(permissionId: string): Promise<void>;
  endAll(): Promise<void>;
}

export function createAsking(client: CodeBuddyClient, place: Place, signal: AbortSignal): Asking {
  const open = new Map<string, { readonly controller: AbortController; readonly done: Promise<void> }>();
  // Asks one question at a time.
  let previous = Promise.resolve();

  async function decide(id: string, question: string, ask: Ask, ended: AbortSignal) {
    try {
      const decision = await ask(question, ended);
      await client.permissions.decide(id, { decision }, { signal: ended });
    } catch (error) {
      // Not thrown: the stream continues, and the run is still waiting.
      if (!isSettled(error, ended)) process.exitCode = report(error);
    }
  }

  async function answer(question: AgentQuestion, reply: Reply, ended: AbortSignal): Promise<void> {
    try {
      const said = await reply(question, ended);
      if (said === undefined) complain(`  not answered: ${howToReply(question.questionId)}`);
      else await client.inbox.answer(question.questionId, { answer: said }, { signal: ended });
    } catch (error) {
      if (!isSettled(error, ended)) process.exitCode = report(error);
    }
  }

  /** Another client answered first, or time ran out: the run continues without this answer. */
  function isSettled(error: unknown, ended: AbortSignal): boolean {
    return ended.aborted || (error instanceof CodeBuddyApiError && error.code.endsWith('_resolved'));
  }

  function inTurn(id: string, work: (ended: AbortSignal) => Promise<void>): void {
    const controller = new AbortController();
    const ended = AbortSignal.any([controller.signal, signal]);
    const done = previous.then(() => (ended.aborted ? undefined : work(ended)));
    previous = done;
    open.set(id, { controller, done });
  }

  async function end(id: string): Promise<void> {
    const one = open.get(id);
    open.delete(id);
    one?.controller.abort();
    await one?.done;
  }

  return {
    end,
    async start({ data }, ask) {
      const question = questionOf(data);
      const text = await describeQuestion(question, place.isLocal ? place.workspace : undefined);
      const id = question.permissionId;
      if (ask === undefined) {
        complain(`${text}\n  waiting for permission: ${howToAnswer(id)}`);
        return;
      }
      inTurn(id, (ended) => decide(id, text, ask, ended));
    },
    startQuestion({ data }, reply) {
      if (reply === undefined)
        complain(`${describeAgentQuestion(data)}\n  waiting for an answer: ${howToReply(data.questionId)}`);
      else inTurn(data.questionId, (ended) => answer(data, reply, ended));
    },
    async endAll() {
      await Promise.all([...open.keys()].map(end));
    },
  };
}

function howToAnswer(id: string): string {
  return `codebuddy permissions allow ${id}   (or: deny ${id})`;
}

/** The error for a question that cannot be answered here. The run keeps waiting for an answer from elsewhere. */
export async function permissionRequired(
  { data, runId, sessionId }: StreamEvent,
  place: Place,
): Promise<Error> {
  const question = questionOf(data);
  complain(await describeQuestion(question, place.isLocal ? place.workspace : undefined));
  const { permissionId, tool, params } = question;
  const run = runId === undefined ? [] : [`Then: codebuddy runs show ${runId}`];
  return new PromptFailure(
    'permission_required',
    `${tool} needs permission, and there is no terminal to ask at. The run is waiting; use --wait to wait for it.`,
    {
      hints: [`Decide: ${howToAnswer(permissionId)}`, ...run],
      more: { runId, sessionId, permission: { id: permissionId, tool, params } },
    },
  );
}

function howToReply(id: string): string {
  return `codebuddy inbox answer ${id} TEXT`;
}

/** The error for a question of the agent that cannot be answered here. */
export function answerRequired({
  data,
  runId,
  sessionId,
}: StreamEvent & { readonly type: 'question.asked' }): Error {
  complain(describeAgentQuestion(data));
  const run = runId === undefined ? [] : [`Then: codebuddy runs show ${runId}`];
  return new PromptFailure(
    'answer_required',
    'The agent asks a question, and there is no terminal to ask at. The run is waiting; use --wait to wait for it.',
    { hints: [`Answer: ${howToReply(data.questionId)}`, ...run], more: { runId, sessionId, question: data } },
  );
}
