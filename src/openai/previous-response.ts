// `previous_response_id`: the session in which the next prompt continues after a response. If the session has gone on
// since, the conversation up to that response is forked, so that the model reads what the client means.

import { CodeBuddyError } from '../base/errors.ts';
import { unfinishedRunStatuses } from '../contract/run.ts';
import { invalidParameter } from './invalid-parameter.ts';
import { runIdOf } from './response-object.ts';
import type { DoorServices } from './services.ts';

const pointer = '/previous_response_id';
const unfinished: ReadonlySet<string> = new Set(unfinishedRunStatuses);

/** @throws CodeBuddyError `run_not_found`, `validation_failed` */
export async function sessionAfter(
  { runs, sessions }: Pick<DoorServices, 'runs' | 'sessions'>,
  responseId: string,
): Promise<string> {
  const runId = runIdOf(responseId);
  const run = runId === undefined ? undefined : await runs.get(runId);
  if (run === undefined) {
    throw new CodeBuddyError('run_not_found', `Response ${JSON.stringify(responseId)} not found.`, {
      errors: [{ in: 'body', pointer, message: 'is not found' }],
    });
  }
  if (unfinished.has(run.status))
    throw invalidParameter(pointer, `names a response that has not ended (its run is ${run.status})`);
  const { sessionId } = run;
  const [last] = (await runs.list({ sessionId, limit: 1 })).items;
  if (last?.id === run.id) return sessionId;
  const messageId = await lastMessageOf(sessions, sessionId, run.id);
  if (messageId === undefined)
    throw invalidParameter(pointer, 'names a response whose messages are no longer kept');
  return (await sessions.fork(sessionId, { messageId })).id;
}

const pageSize = 100;

/** The id of the last message of a run: it is among the newest ones of its session. */
async function lastMessageOf(
  sessions: DoorServices['sessions'],
  sessionId: string,
  runId: string,
): Promise<string | undefined> {
  let after: string | undefined;
  for (;;) {
    const page = await sessions.messages(sessionId, {
      limit: pageSize,
      order: 'desc',
      ...(after === undefined ? {} : { after }),
    });
    const found = page.items.find((message) => message.runId === runId);
    if (found !== undefined || page.next === undefined) return found?.id;
    after = page.next;
  }
}
