// The inbox of all nodes: what their runs wait for. Each item is stored in the commit of its question, and removed in that
// of its answer, or with the end of the run. The owner of the run takes the answer.

import { CodeBuddyError } from '../../base/errors.ts';
import { contentOf, type InboxAnswer, type InboxItem, type InboxQuery } from '../../contract/inbox.ts';
import type { Page } from '../../contract/page.ts';
import type { EventLog } from '../../events/event-log.ts';
import { isCutByText, maxPageText } from '../../store/page-weight.ts';
import type { QuestionRow, QuestionStore } from '../../store/store.ts';
import { itemPrefixes, readOpenItem } from '../inbox/open-item.ts';
import { alreadyResolved, notFound, type WaitingRoom } from '../inbox/waiting-room.ts';
import { type AgentNode, askOwner, commandKinds, nodeUnavailable } from './agent-node.ts';

export interface Inbox {
  /** Oldest first. */
  list(query: InboxQuery): Promise<Page<InboxItem>>;
  /**
   * Resolves to a pending item if the node of the run has not answered yet.
   * @throws CodeBuddyError `…_not_found`, `…_resolved`, `validation_failed`, `node_unavailable`
   */
  answer(id: string, answer: InboxAnswer): Promise<InboxItem>;
  close(): void;
}

export interface InboxOptions {
  /** Present if other nodes work on the store. */
  readonly node: AgentNode | undefined;
  readonly questions: QuestionStore;
  readonly log: Pick<EventLog, 'read'>;
  /** That of this node. */
  readonly room: WaitingRoom;
  /** See `Runs.adopt`. */
  readonly adopt: (runId: string) => Promise<void>;
}

/** As many ended items as one process knows (waiting-room.ts). */
const pagesOfAsked = 5;
const askTypes = {
  permission: 'permission.request',
  question: 'question.asked',
  tool_call: 'tool.request',
} as const;
const idFields = ['permissionId', 'questionId', 'toolCallId'] as const;

export function createInbox({ node, questions, log, room, adopt }: InboxOptions): Inbox {
  const stopHandling = node === undefined ? undefined : handleCommands(node, room);

  /** Whether it is one of the last items of any node. */
  async function wasAsked(id: string, kind: InboxAnswer['kind']): Promise<boolean> {
    let before: number | undefined;
    for (let page = 0; page < pagesOfAsked; page++) {
      const events = await log.read({
        types: [askTypes[kind]],
        order: 'desc',
        limit: 200,
        ...(before === undefined ? {} : { before }),
      });
      if (
        events.some(({ data }) => idFields.some((field) => field in data && Reflect.get(data, field) === id))
      )
        return true;
      before = events.at(-1)?.sequence;
      if (before === undefined) return false;
    }
    return false;
  }

  async function answerElsewhere(row: QuestionRow, answer: InboxAnswer): Promise<InboxItem> {
    const { id, runId } = row;
    const { item } = readOpenItem(row);
    if (node === undefined || row.isAnswered) throw alreadyResolved(answer.kind, id);
    const outcome = await askOwner(node, runId, commandFor(id, answer));
    if (outcome.status === 'done')
      return answer.kind === 'permission' && !('kind' in (outcome.answer as object))
        ? ({ kind: 'permission', permission: outcome.answer } as InboxItem)
        : (outcome.answer as InboxItem);
    if (outcome.status === 'failed') throw outcome.error;
    if (outcome.status === 'pending') return item;
    try {
      // No live node has the run: it continues here, and takes the answer.
      await adopt(runId);
    } catch (error) {
      if (!(error instanceof CodeBuddyError && error.code === 'run_not_resumable')) throw error;
      throw nodeUnavailable(runId);
    }
    if (room.knows(id)) return room.answer(id, answer);
    throw nodeUnavailable(runId);
  }

  return {
    async list({ limit, after, kind, ...filter }) {
      const rows = await questions.listQuestions({
        limit: limit + 1,
        maxText: maxPageText,
        ...filter,
        ...(kind === undefined ? {} : { prefix: itemPrefixes[kind] }),
        ...(after === undefined ? {} : { afterId: after }),
      });
      const items = rows.slice(0, limit).map((row) => readOpenItem(row).item);
      const last = items.at(-1);
      const hasMore = rows.length > limit || isCutByText(rows);
      return hasMore && last !== undefined ? { items, next: contentOf(last).id } : { items };
    },
    async answer(id, answer) {
      if (room.knows(id)) return room.answer(id, answer);
      const row = id.startsWith(itemPrefixes[answer.kind]) ? await questions.getQuestion(id) : undefined;
      if (row !== undefined) return answerElsewhere(row, answer);
      if (await wasAsked(id, answer.kind)) throw alreadyResolved(answer.kind, id);
      throw notFound(answer.kind, id);
    },
    close: () => stopHandling?.(),
  };
}

/** Nodes of an earlier release know only decisions. */
function commandFor(id: string, answer: InboxAnswer) {
  return answer.kind === 'permission'
    ? { kind: commandKinds.decide, data: { id, ...answer.value } }
    : { kind: commandKinds.answer, data: { id, answer } };
}

function handleCommands({ commands }: AgentNode, room: WaitingRoom): () => void {
  const stops = [
    commands.handle(commandKinds.decide, async (data) => {
      const { id, decision, reason } = data as { id: string; decision: 'allow'; reason?: string };
      const value = { decision, ...(reason === undefined ? {} : { reason }) };
      const item = await room.answer(id, { kind: 'permission', value });
      return contentOf(item);
    }),
    commands.handle(commandKinds.answer, async (data) => {
      const { id, answer } = data as { id: string; answer: InboxAnswer };
      return room.answer(id, answer);
    }),
  ];
  return () => {
    for (const stop of stops) stop();
  };
}
