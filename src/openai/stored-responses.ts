// Responses that exist already: read, cancelled, deleted. A response is a run.

import { CodeBuddyError } from '../base/errors.ts';
import type { ResponseInputItems, ResponseObject } from '../contract/openai-response.ts';
import { type Run, unfinishedRunStatuses } from '../contract/run.ts';
import { agentModel } from './model-ids.ts';
import { readOutput, responseObject, runIdOf } from './response-object.ts';
import type { DoorServices } from './services.ts';

const unfinished: ReadonlySet<string> = new Set(unfinishedRunStatuses);

/** @throws CodeBuddyError `run_not_found` */
export async function getResponse(services: DoorServices, id: string): Promise<ResponseObject> {
  return present(services, await find(services, id));
}

/** A response that has ended stays as it is. @throws CodeBuddyError `run_not_found`, `node_unavailable` */
export async function cancelResponse(services: DoorServices, id: string): Promise<ResponseObject> {
  const run = await find(services, id);
  if (!unfinished.has(run.status)) return present(services, run);
  try {
    return await present(services, await services.runs.cancel(run.id, 'cancelled by a client'));
  } catch (error) {
    // It ended meanwhile.
    if (error instanceof CodeBuddyError && error.code === 'run_ended') return getResponse(services, id);
    throw error;
  }
}

/**
 * Deletes the session of the response, if it contains nothing else.
 * @throws CodeBuddyError `run_not_found`, `session_busy`
 */
export async function deleteResponse(services: DoorServices, id: string): Promise<string> {
  const { runs, sessions } = services;
  const { sessionId } = await find(services, id);
  const { items } = await runs.list({ sessionId, limit: 2 });
  if (items.length > 1) {
    throw new CodeBuddyError(
      'session_busy',
      `Response ${id} belongs to the session ${sessionId}, which has other responses. Delete them all with DELETE /api/sessions/${sessionId}.`,
    );
  }
  await sessions.delete(sessionId);
  return id;
}

/** The prompt of the response, as an input item. @throws CodeBuddyError `run_not_found` */
export async function inputItemsOf(services: DoorServices, id: string): Promise<ResponseInputItems> {
  const run = await find(services, id);
  const item: ResponseInputItems['data'][number] = {
    id: `msg_${run.id.slice(4)}_0`,
    type: 'message',
    role: 'user',
    status: 'completed',
    content: [{ type: 'input_text', text: run.prompt }],
  };
  return { object: 'list', data: [item], first_id: item.id, last_id: item.id, has_more: false };
}

async function find({ runs }: DoorServices, id: string): Promise<Run> {
  const runId = runIdOf(id);
  const run = runId === undefined ? undefined : await runs.get(runId);
  if (run !== undefined) return run;
  throw new CodeBuddyError('run_not_found', `Response ${JSON.stringify(id)} not found.`);
}

async function present(services: DoorServices, run: Run): Promise<ResponseObject> {
  const facts = {
    model: run.model === null ? agentModel : `${agentModel}/${run.model}`,
    instructions: null,
    previousResponseId: null,
    background: unfinished.has(run.status),
  };
  return responseObject(run, facts, await readOutput(services, run, 'mcp_call'));
}
