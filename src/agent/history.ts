// Messages as clients see them, read from their rows.

import type { Message, ToolUse } from '../contract/message.ts';
import { shownPast } from '../events/shown-time.ts';
import { parseRowJson } from '../store/row-json.ts';
import type { MessageRow } from '../store/store.ts';

/** What a message's row holds as JSON. */
export interface MessageContent {
  readonly content: string;
  readonly tool?: ToolUse;
  /** True if an entry of the transcript holds this text, or the call: it is not sent to a model a second time. */
  readonly sent?: true;
  readonly incomplete?: true;
}

/** Written by this module's neighbours, as JSON of this shape. */
export function readContent(row: Pick<MessageRow, 'id' | 'content'>): MessageContent {
  return parseRowJson('messages', row.id, row.content);
}

export function toMessage(row: MessageRow, now = Date.now()): Message {
  const { content, tool, incomplete } = readContent(row);
  return {
    id: row.id,
    sessionId: row.sessionId,
    runId: row.runId,
    role: row.role,
    content,
    ...(tool === undefined ? {} : { tool }),
    ...(incomplete === undefined ? {} : { incomplete }),
    createdAt: shownPast(row.createdAt, now),
  };
}
