// The events of the inbox: an item begins to wait, and it ends. A call of a caller's tool ends with `tool.complete` or
// `tool.error`, which the tool box logs.

import { wellFormedDeep } from '../../base/text.ts';
import { contentOf, type InboxAnswer, type InboxItem } from '../../contract/inbox.ts';
import type { NewEvent } from '../../events/event-log.ts';

/** How an item ended. */
export type Ending =
  | { readonly kind: 'answered'; readonly answer: InboxAnswer }
  | { readonly kind: 'expired' }
  | { readonly kind: 'run_ended' };

const reasons = { expired: 'nobody answered in time', run_ended: 'the run has ended' } as const;

export function askEvent(item: InboxItem, hop: number): NewEvent {
  const { runId, sessionId, expiresAt } = contentOf(item);
  const owner = { runId, sessionId, hop };
  const limit = expiresAt === null ? {} : { expiresAt };
  switch (item.kind) {
    case 'permission': {
      const { id, callId, tool, params, rule, reason, alwaysCovers, realPath, sandbox } = item.permission;
      const data = {
        permissionId: id,
        ...(callId === undefined ? {} : { callId }),
        tool,
        params: wellFormedDeep({ ...params }),
        rule,
        reason,
        ...(alwaysCovers === undefined ? {} : { alwaysCovers }),
        ...limit,
        ...(realPath === undefined ? {} : { realPath }),
        ...(sandbox === null || sandbox === undefined ? {} : { sandbox }),
      };
      return { type: 'permission.request', data, ...owner };
    }
    case 'question': {
      const { id, callId, question, choices, allowsText } = item.question;
      return {
        type: 'question.asked',
        data: { questionId: id, callId, question, choices, allowsText, ...limit },
        ...owner,
      };
    }
    case 'tool_call': {
      const { id, callId, tool, params } = item.toolCall;
      return {
        type: 'tool.request',
        data: { toolCallId: id, callId, tool, params: wellFormedDeep({ ...params }), ...limit },
        ...owner,
      };
    }
  }
}

/** Undefined if other events tell it. */
export function endEvent(item: InboxItem, ending: Ending, hop: number): NewEvent | undefined {
  const { id, runId, sessionId } = contentOf(item);
  const owner = { runId, sessionId, hop };
  if (item.kind === 'tool_call') return undefined;
  if (item.kind === 'permission') {
    const { decision, reason } = decisionOf(ending);
    return {
      type: 'permission.resolved',
      data: {
        permissionId: id,
        tool: item.permission.tool,
        decision,
        ...(reason === undefined ? {} : { reason }),
      },
      ...owner,
    };
  }
  if (ending.kind !== 'answered')
    return { type: 'question.expired', data: { questionId: id, reason: reasons[ending.kind] }, ...owner };
  const answer = ending.answer.kind === 'question' ? ending.answer.value.answer : '';
  return { type: 'question.answered', data: { questionId: id, answer }, ...owner };
}

function decisionOf(ending: Ending): {
  readonly decision: 'allow' | 'allow_always' | 'deny';
  readonly reason?: string | undefined;
} {
  if (ending.kind !== 'answered') return { decision: 'deny', reason: reasons[ending.kind] };
  return ending.answer.kind === 'permission' ? ending.answer.value : { decision: 'deny' };
}
