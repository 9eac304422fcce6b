// Starts the run of a request, and ties it to its client: the run is cancelled when the client leaves.

import { CodeBuddyError } from '../base/errors.ts';
import type { Turns } from '../base/turns.ts';
import { builtinAgent } from '../contract/agent.ts';
import type { OutputFormat } from '../contract/output-format.ts';
import type { Permission } from '../contract/permission.ts';
import type { PromptResult } from '../contract/prompt-result.ts';
import type { Conversation } from './conversation.ts';
import { inSession, type SessionPlace } from './find-session.ts';
import { modelNotFound } from './invalid-parameter.ts';
import { optionsOf } from './model-ids.ts';
import type { Caller, DoorServices, Headers, StartedRun } from './services.ts';

export interface StartOptions {
  readonly model: string;
  /** The session to use, instead of the one of the headers or of the conversation. */
  readonly sessionId?: string | undefined;
  /** True if the run continues when the client leaves. @default false */
  readonly detached?: boolean;
  /** The form of the answer. @default text */
  readonly format?: OutputFormat | undefined;
}

/** @throws CodeBuddyError of `runs.start`; `model_not_found` */
export async function startRun(
  services: Pick<DoorServices, 'runs' | 'sessions' | 'agents'> & { readonly turns: Turns },
  caller: Caller,
  conversation: Conversation,
  { model, sessionId, detached = false, format }: StartOptions,
): Promise<StartedRun> {
  const { runs } = services;
  const { prompt, system } = conversation;
  const { requestId, hop, keyId, mayUseTools } = caller;
  const chosen = { ...optionsOf(model), ...(format === undefined ? {} : { format }) };
  const applies = system === undefined || (await appliesSystem(services, chosen.agent));
  const options = applies && system !== undefined ? { ...chosen, system } : chosen;
  const start = (place: SessionPlace): Promise<StartedRun> => {
    // An agent that takes no instructions gets them once, before its first prompt.
    const text = applies || place.sessionId !== undefined ? prompt : `${system}\n\n${prompt}`;
    return runs.start({
      ...place,
      prompt: text,
      options,
      origin: 'openai',
      requestId,
      hop,
      keyId,
      mayUseTools,
    });
  };
  try {
    const started =
      sessionId === undefined
        ? await inSession(services, caller, conversation, start)
        : await start({ sessionId });
    // Only a request that waits for the result needs the error.
    started.result.catch(() => undefined);
    if (!detached) cancelWhenGone(runs, started, caller.gone);
    return started;
  } catch (error) {
    throw namesModel(error) ? modelNotFound(model, error.message) : error;
  }
}

/** Whether an agent, by default that of the server, applies `options.system`. */
async function appliesSystem(
  { agents }: Pick<DoorServices, 'agents'>,
  agent: string | undefined,
): Promise<boolean> {
  if (agent === builtinAgent) return true;
  const all = (await agents()).agents;
  const found = all.find(({ name, isDefault }) => (agent === undefined ? isDefault : name === agent));
  return found?.capabilities.system !== false;
}

function namesModel(error: unknown): error is CodeBuddyError {
  const pointer = error instanceof CodeBuddyError ? error.errors?.[0]?.pointer : undefined;
  return pointer === '/options/model' || pointer === '/options/agent';
}

function cancelWhenGone(runs: DoorServices['runs'], { run, result }: StartedRun, gone: AbortSignal): void {
  const cancel = (): void => {
    runs.cancel(run.id, 'The client disconnected.').catch(() => undefined);
  };
  if (gone.aborted) cancel();
  gone.addEventListener('abort', cancel, { once: true });
  const settled = (): void => gone.removeEventListener('abort', cancel);
  result.then(settled, settled);
}

/** Tells the client which session it talks to. */
export function headersOf({ run }: StartedRun): Headers {
  return { 'X-CodeBuddy-Session': run.sessionId, 'X-CodeBuddy-Run': run.id };
}

/**
 * The result of a run.
 * @throws CodeBuddyError of the run; `permission_required` as soon as the run waits for a permission
 */
export async function resultOf(started: StartedRun, caller: Caller): Promise<PromptResult> {
  const { result, asked } = started;
  try {
    if (asked === undefined) return await result;
    const first = await Promise.race([
      result.then((answer) => ({ kind: 'answer', answer }) as const),
      asked.then((permission) => ({ kind: 'question', permission }) as const),
    ]);
    if (first.kind === 'answer') return first.answer;
    throw permissionRequired(first.permission, caller);
  } catch (error) {
    if (!(error instanceof CodeBuddyError)) throw error;
    // The run may have changed something: clients that repeat a failed request by themselves must not repeat this one.
    const headers = { ...error.headers, ...headersOf(started), 'X-Should-Retry': 'false' };
    throw new CodeBuddyError(error.code, error.message, {
      cause: error.cause,
      headers,
      ...(error.errors === undefined ? {} : { errors: error.errors }),
      ...(error.response === undefined ? {} : { response: error.response }),
    });
  }
}

/** A comment in the stream of a run that waits: clients ignore it, and people who look at the stream read it. */
export function waitingComment(
  { permissionId, tool }: { readonly permissionId: string; readonly tool: string },
  caller: Caller,
): string {
  return `waiting for the permission ${permissionId} to use ${tool}; decide with POST ${permissionUrl(permissionId, caller)}`;
}

function permissionUrl(permissionId: string, { baseUrl }: Caller): string {
  return `${baseUrl}/api/permissions/${permissionId}`;
}

function permissionRequired({ id, tool, runId, reason }: Permission, caller: Caller): CodeBuddyError {
  return new CodeBuddyError(
    'permission_required',
    `The run ${runId} waits for the permission ${id} to use ${tool} (${reason}). Decide in the dashboard or with POST ${permissionUrl(id, caller)}; ` +
      `the run then continues, and GET ${caller.baseUrl}/v1/responses/resp_${runId.slice(4)} has its answer. A request with "stream": true waits by itself.`,
  );
}
