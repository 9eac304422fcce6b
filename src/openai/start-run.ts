// Starts the run of a request, and ties it to its client: the run is cancelled when the client leaves.

import { CodeBuddyError } from '../base/errors.ts';
import type { Turns } from '../base/turns.ts';
import { builtinAgent } from '../contract/agent-names.ts';
import { contentOf, type InboxItem } from '../contract/inbox.ts';
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
  const { prompt, parts, system } = conversation;
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
      ...(parts.length === 0 ? {} : { parts: parts.map(({ input }) => input) }),
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
    throw namesModel(error) ? modelNotFound(model, error.message) : atPlace(error, conversation);
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

/** Names the place of a part in the request. */
function atPlace(error: unknown, { parts }: Conversation): unknown {
  if (!(error instanceof CodeBuddyError)) return error;
  const [first] = error.errors ?? [];
  const [, index] = /^\/parts\/(\d+)/.exec(first?.pointer ?? '') ?? [];
  const pointer = parts[Number(index)]?.pointer;
  if (first === undefined || pointer === undefined) return error;
  return new CodeBuddyError(error.code, first.message, { cause: error, errors: [{ ...first, pointer }] });
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
 * @throws CodeBuddyError of the run; `permission_required` as soon as the run waits for a permission or an answer
 */
export async function resultOf(started: StartedRun, caller: Caller): Promise<PromptResult> {
  const { result, waits } = started;
  try {
    if (waits === undefined) return await result;
    const first = await Promise.race([
      result.then((answer) => ({ kind: 'answer', answer }) as const),
      waits.then((item) => ({ kind: 'question', item }) as const),
    ]);
    if (first.kind === 'answer') return first.answer;
    const { item } = first;
    throw item.kind === 'permission'
      ? permissionRequired(item.permission, caller)
      : answerRequired(item, caller);
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

/** The same for a question of the agent. */
export function askedComment(
  { questionId, question }: { readonly questionId: string; readonly question: string },
  { baseUrl }: Caller,
): string {
  return `the agent asks: ${JSON.stringify(question)}; answer with POST ${baseUrl}/api/questions/${questionId}`;
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

function answerRequired(item: InboxItem, caller: Caller): CodeBuddyError {
  const { id, runId } = contentOf(item);
  const what = item.kind === 'question' ? `asks: ${item.question.question}` : 'waits for an answer';
  return new CodeBuddyError(
    'permission_required',
    `The run ${runId} ${what}. Answer ${id} in the dashboard or with POST ${caller.baseUrl}/api/questions/${id}; ` +
      `the run then continues, and GET ${caller.baseUrl}/v1/responses/resp_${runId.slice(4)} has its answer.`,
  );
}
