// Asks for the permissions that a run needs, one at a time.

import { CodeBuddyApiError, type CodeBuddyClient, type StreamEvent } from '../client/index.ts';
import type { Decision } from '../contract/permission.ts';
import { PromptFailure, report } from './exit-codes.ts';
import { complain } from './output.ts';
import { describeQuestion, questionOf } from './permission-question.ts';
import type { Place } from './prompt-place.ts';

/** Asks the user. Rejects if the signal aborts. */
export type Ask = (question: string, ended: AbortSignal) => Promise<Decision>;

export interface Asking {
  /**
   * Asks in the background, since another client may decide first. Without a terminal, prints how to decide.
   */
  start(event: StreamEvent, ask: Ask | undefined): Promise<void>;
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
      // Another client decided first, or time ran out: the run continues without this answer.
      if (ended.aborted || (error instanceof CodeBuddyApiError && error.code === 'permission_resolved'))
        return;
      // Not thrown: the stream continues, and the run is still waiting.
      process.exitCode = report(error);
    }
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
      const controller = new AbortController();
      const ended = AbortSignal.any([controller.signal, signal]);
      const done = previous.then(() => (ended.aborted ? undefined : decide(id, text, ask, ended)));
      previous = done;
      open.set(id, { controller, done });
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
