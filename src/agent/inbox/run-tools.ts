// The tools that a run has besides those of the server: `ask_user`, and those of its caller. A call waits in the waiting
// room first. It is logged and stored like any other once its answer is known, so it can be asked again after a restart.

import { CodeBuddyError } from '../../base/errors.ts';
import { makeId } from '../../base/ids.ts';
import { sendableDeep, wellFormed, wellFormedDeep } from '../../base/text.ts';
import type { InboxItem } from '../../contract/inbox.ts';
import type { ToolDescription } from '../../contract/tool.ts';
import type { CallerTool } from '../../contract/tool-call.ts';
import { coerceParams } from '../tools/coerce-params.ts';
import type { PreparedCall } from '../tools/tool-box.ts';
import { type AnswerTime, unanswered } from './answer-time.ts';
import { askUser, askUserName, describeTool, readAskUser } from './ask-user.ts';
import { checkParams } from './caller-tools.ts';
import type { OpenItem } from './open-item.ts';
import type { WaitHooks, WaitingRoom } from './waiting-room.ts';

export interface RunToolCall extends WaitHooks, AnswerTime {
  readonly runId: string;
  readonly sessionId: string;
  readonly callId: string;
  readonly place: string | undefined;
  readonly hop: number;
  /** The item that the call waited for in an earlier process. */
  readonly reopened: OpenItem | undefined;
}

/** The tools of a run; `callerTools` are those of its prompt. */
export function listRunTools(callerTools: readonly CallerTool[]): readonly ToolDescription[] {
  return [askUser, ...callerTools].map(describeTool);
}

/**
 * Undefined if it is a tool of the server.
 * @throws CodeBuddyError `validation_failed`
 */
export function prepareRunTool(
  callerTools: readonly CallerTool[],
  name: string,
  given: Readonly<Record<string, unknown>>,
): PreparedCall | undefined {
  const tool = name === askUserName ? askUser : callerTools.find((one) => one.name === name);
  if (tool === undefined) return undefined;
  const params = coerceParams(tool.schema, given);
  checkParams(tool, params);
  return { tool: name, params, readOnly: false };
}

/**
 * Waits for the answer. Returns the work of the tool: it gives the answer, or throws the error for the model.
 * @throws CodeBuddyError `unanswered` if the run must fail; AbortError
 */
export async function waitForAnswer(
  room: WaitingRoom,
  { tool, params }: PreparedCall,
  call: RunToolCall,
  now: () => number,
): Promise<() => Promise<unknown>> {
  const { reopened, place, hop, onUnanswered, signal, isLeft, beginWait, endWait, onAsked } = call;
  const open: OpenItem = reopened ?? {
    item: newItem(tool, params, call, now()),
    ...(place === undefined ? {} : { place }),
    hop,
  };
  const isReopened = reopened !== undefined;
  const ending = await room.ask({ open, isReopened, signal, isLeft, beginWait, endWait, onAsked });
  if (ending.kind === 'expired') {
    if (tool === askUserName && onUnanswered === 'fail') throw unanswered('A question of the agent');
    const who = tool === askUserName ? 'Nobody answered' : `Nobody gave the result of ${tool}`;
    return failing(new CodeBuddyError('unanswered', `${who} in time.`));
  }
  const { kind, value } = ending.answer;
  if (kind === 'question') return async () => ({ answer: wellFormed(value.answer) });
  if (kind === 'tool_call' && value.error !== undefined)
    return failing(new CodeBuddyError('tool_failed', wellFormed(value.error)));
  const result = kind === 'tool_call' ? (value.result ?? null) : null;
  return async () => sendableDeep(result);
}

function failing(error: Error): () => Promise<unknown> {
  return () => Promise.reject(error);
}

function newItem(
  tool: string,
  params: Readonly<Record<string, unknown>>,
  { runId, sessionId, callId, answerWithinMs }: RunToolCall,
  createdAt: number,
): InboxItem {
  const common = {
    runId,
    sessionId,
    callId,
    status: 'pending' as const,
    createdAt: new Date(createdAt).toISOString(),
    expiresAt: answerWithinMs === null ? null : new Date(createdAt + answerWithinMs).toISOString(),
  };
  if (tool === askUserName) {
    const asked = wellFormedDeep(readAskUser(params));
    return { kind: 'question', question: { id: makeId('qst', createdAt), ...common, ...asked } };
  }
  const id = makeId('tcl', createdAt);
  return { kind: 'tool_call', toolCall: { id, ...common, tool, params: wellFormedDeep(params) } };
}
