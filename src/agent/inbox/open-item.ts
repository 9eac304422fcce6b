// An item of the inbox as the store keeps it, in the table `questions`.

import { contentOf, type InboxAnswer, type InboxItem, type InboxKind } from '../../contract/inbox.ts';
import type { Permission } from '../../contract/permission.ts';
import { parseRowJson } from '../../store/row-json.ts';
import type { QuestionRow, Write } from '../../store/store.ts';

export interface OpenItem {
  readonly item: InboxItem;
  /** Identifies the call in its run. Absent: the run cannot continue there in another process. */
  readonly place?: string;
  /** That of the run. */
  readonly hop: number;
  /** Present once it is answered. */
  readonly answer?: InboxAnswer;
}

/** The prefixes of ids by kind. */
export const itemPrefixes = {
  permission: 'prm',
  question: 'qst',
  tool_call: 'tcl',
} as const satisfies Record<InboxKind, string>;

export function questionWrite(open: OpenItem): Write {
  const { id, runId, sessionId } = contentOf(open.item);
  const isAnswered = open.answer !== undefined;
  const question: QuestionRow = { id, runId, sessionId, content: JSON.stringify(open), isAnswered };
  return { kind: 'putQuestion', question };
}

/** Only this module writes the column. Earlier releases kept the permission alone. */
export function readOpenItem({ id, content }: QuestionRow): OpenItem {
  const stored = parseRowJson<OpenItem | Permission>('questions', id, content);
  return 'item' in stored ? stored : { item: { kind: 'permission', permission: stored }, hop: 0 };
}
