// Converts messages to rows of the store and back.

import { makeId } from '../base/ids.ts';
import { isBlank } from '../base/text.ts';
import type { Message, MessageOrigin, ToolUse } from '../contract/message.ts';
import type { Part } from '../contract/part.ts';
import { shownPast } from '../events/shown-time.ts';
import { parseRowJson } from '../store/row-json.ts';
import type { MessageRow } from '../store/store.ts';
import { capText } from './tools/cap-output.ts';

/** The JSON of a message's row. */
export interface MessageContent {
  readonly content: string;
  readonly reasoning?: string;
  readonly tool?: ToolUse;
  readonly parts?: readonly Part[];
  /** True if the transcript contains this text, or the call: it is not sent to a model twice. */
  readonly sent?: true;
  readonly incomplete?: true;
  /** Absent for prompts. */
  readonly via?: MessageOrigin;
  /** Of a `steer`: the step of the run when it came in. */
  readonly step?: number;
}

export interface NewMessage {
  readonly sessionId: string;
  readonly runId: string | null;
  readonly role: Message['role'];
  readonly content: string;
  /** A long one is capped. */
  readonly reasoning?: string | undefined;
  readonly tool?: ToolUse;
  readonly parts?: readonly Part[];
  /** True if the transcript contains this text, or the call. @default false */
  readonly sent?: boolean;
  readonly incomplete?: true;
  readonly via?: MessageOrigin;
  readonly step?: number;
}

export function newMessageRow(message: NewMessage, now: number): MessageRow {
  const {
    sessionId,
    runId,
    role,
    content,
    reasoning,
    tool,
    parts = [],
    sent,
    incomplete,
    via,
    step,
  } = message;
  const stored: MessageContent = {
    content,
    ...(reasoning === undefined || isBlank(reasoning) ? {} : { reasoning: capText(reasoning).text }),
    ...(tool === undefined ? {} : { tool }),
    ...(parts.length === 0 ? {} : { parts }),
    ...(sent === true ? { sent } : {}),
    ...(incomplete === undefined ? {} : { incomplete }),
    ...(via === undefined ? {} : { via }),
    ...(step === undefined ? {} : { step }),
  };
  return {
    id: makeId('msg', now),
    sessionId,
    runId,
    role,
    createdAt: now,
    content: JSON.stringify(stored),
  };
}

/** Only this module writes the column, as JSON of this shape. */
export function readContent(row: Pick<MessageRow, 'id' | 'content'>): MessageContent {
  return parseRowJson('messages', row.id, row.content);
}

/** The message as clients see it. */
export function toMessage(row: MessageRow, now = Date.now()): Message {
  const { content, reasoning, tool, parts, incomplete, via } = readContent(row);
  return {
    id: row.id,
    sessionId: row.sessionId,
    runId: row.runId,
    role: row.role,
    content,
    ...(reasoning === undefined ? {} : { reasoning }),
    ...(tool === undefined ? {} : { tool }),
    ...(parts === undefined ? {} : { parts }),
    ...(incomplete === undefined ? {} : { incomplete }),
    ...(via === undefined ? {} : { via }),
    createdAt: shownPast(row.createdAt, now),
  };
}
