// The inbox: permissions, questions and calls of callers' tools that wait, in all sessions. The rail counts them, and the
// inbox shows them.

import { effect, signal } from '@preact/signals';
import type { InboxItem, Permission, Question, StreamEvent, ToolCall } from '../../src/client/web.ts';
import { allOf } from './all-of.ts';
import { connection, gaps, listen } from './live.ts';
import { client, signIn } from './sign-in.ts';

/** Oldest first. */
export const inbox = signal<readonly InboxItem[]>([]);
/** How items that no longer wait have ended, by id: `allowed`, `answered`, … */
export const endings = signal<ReadonlyMap<string, string>>(new Map());

const pageSize = 200;
const changedBy: ReadonlySet<string> = new Set([
  'permission.request',
  'question.asked',
  'tool.request',
  'run.complete',
  'run.failed',
  'run.cancelled',
]);
const maxEnded = 200;
let isLoading = false;
let isStale = false;

/** The permission, question or call of an item. */
export function contentOf(item: InboxItem): Permission | Question | ToolCall {
  return item.kind === 'permission'
    ? item.permission
    : item.kind === 'question'
      ? item.question
      : item.toolCall;
}

/** Events during a load cause one more load after it. */
async function load(): Promise<void> {
  if (isLoading) {
    isStale = true;
    return;
  }
  isLoading = true;
  isStale = false;
  try {
    inbox.value = await allOf(client.inbox.list({ limit: pageSize }));
  } catch {
    // The connection state shows that the server is away. The list is loaded again when it is back.
  } finally {
    isLoading = false;
    if (isStale) void load();
  }
}

/** Loads the list again. */
export const reloadInbox = (): void => void load();

/** The id of the item that the event ends, and how. */
function endingOf(event: StreamEvent): readonly [id: string, how: string] | undefined {
  switch (event.type) {
    case 'permission.resolved':
      return [event.data.permissionId, event.data.decision === 'deny' ? 'denied' : 'allowed'];
    case 'question.answered':
      return [event.data.questionId, 'answered'];
    case 'question.expired':
      return [event.data.questionId, 'unanswered'];
    case 'tool.complete':
    case 'tool.error': {
      const { runId, data } = event;
      const item = inbox.value.find(
        (one) =>
          one.kind === 'tool_call' && one.toolCall.callId === data.callId && one.toolCall.runId === runId,
      );
      return item && [contentOf(item).id, event.type === 'tool.error' ? 'failed' : 'answered'];
    }
    default:
      return undefined;
  }
}

listen((event) => {
  const ending = endingOf(event);
  if (ending !== undefined) {
    endings.value = new Map([...endings.value, ending].slice(-maxEnded));
    inbox.value = inbox.value.filter((item) => contentOf(item).id !== ending[0]);
  }
  // The list that is being loaded may still have a call that has just ended.
  const isToolEnd = event.type === 'tool.complete' || event.type === 'tool.error';
  if (changedBy.has(event.type) || ending !== undefined || (isToolEnd && isLoading)) void load();
});
effect(() => {
  void gaps.value;
  if (connection.value === 'live' && signIn.value.status === 'in') void load();
});
