// Convert rows of a database to records of the store. The tables guarantee the types below: in SQLite they are STRICT.

import type { TriggerOutcome } from '../contract/trigger-outcome.ts';
import type {
  DeliveryAnswer,
  DeliveryFact,
  DeliveryRow,
  DeliveryWithAttempts,
  RunWebhookRow,
} from './delivery-store.ts';
import type { FileChangeRow, FileImageRow, UndoRow } from './file-history.ts';
import type { FileFacts, FileRow } from './file-store.ts';
import { DamagedRowError } from './row-json.ts';
import type {
  AnswerRow,
  EventRow,
  FoundMessage,
  KeyRow,
  McpServerRow,
  MessageRow,
  QuestionRow,
  RunRow,
  SessionRow,
  TurnRow,
  WorkspaceUse,
} from './store.ts';
import type { TriggerCallRow, TriggerKeyRow } from './trigger-store.ts';

export type Row = Readonly<Record<string, unknown>>;

export type EventColumns = readonly [
  sequence: number,
  id: string,
  type: string,
  timestamp: number,
  sessionId: string | null,
  runId: string | null,
  data: string | null,
  isValid: number | null,
];

/**
 * Events are read as arrays, in half the time of objects. Their readers pass the data on without parsing it, so damage
 * must be found here. `isValid` is 1 if the database found `data` to be
 * valid JSON.
 * @throws DamagedRowError
 */
export function toEventRow([
  sequence,
  id,
  type,
  timestamp,
  sessionId,
  runId,
  data,
  isValid,
]: EventColumns): EventRow {
  if (data === null || isValid !== 1 || !(data.startsWith('{') || data.startsWith('[')))
    throw new DamagedRowError('events', id, undefined);
  return { sequence, id, type, timestamp, sessionId, runId, data };
}

export function toSessionRow(row: Row): SessionRow {
  return {
    id: row.id as string,
    title: row.title as string,
    createdAt: row.created_at as number,
    updatedAt: row.updated_at as number,
    details: row.details as string,
    ...(typeof row.place === 'string' ? { place: row.place } : {}),
    ...(row.is_archived === 1 ? { isArchived: true } : {}),
  };
}

export function toFoundMessage(row: Row): FoundMessage {
  return {
    message: toMessageRow(row),
    sessionTitle: row.title as string,
    isArchived: row.is_archived === 1,
  };
}

export function toWorkspaceUse({ workspace, sessions, latest }: Row): WorkspaceUse {
  return { workspace: workspace as string | null, sessions: sessions as number, latest: latest as string };
}

export function toMessageRow(row: Row): MessageRow {
  return {
    id: row.id as string,
    sessionId: row.session_id as string,
    runId: row.run_id as string | null,
    role: row.role as MessageRow['role'],
    createdAt: row.created_at as number,
    content: row.content as string,
  };
}

export function toTurnRow(row: Row): TurnRow {
  return {
    id: row.id as string,
    sessionId: row.session_id as string,
    runId: row.run_id as string | null,
    content: row.content as string,
  };
}

export function toRunRow(row: Row): RunRow {
  return {
    id: row.id as string,
    sessionId: row.session_id as string,
    status: row.status as string,
    createdAt: row.created_at as number,
    updatedAt: row.updated_at as number,
    details: row.details as string,
  };
}

export function toMcpServerRow(row: Row): McpServerRow {
  return {
    name: row.name as string,
    config: row.config as string,
    createdAt: row.created_at as number,
  };
}

export function toQuestionRow(row: Row): QuestionRow {
  return {
    id: row.id as string,
    runId: row.run_id as string,
    sessionId: row.session_id as string,
    content: row.content as string,
    isAnswered: row.is_answered === 1,
  };
}

export function toKeyRow(row: Row): KeyRow {
  return {
    id: row.id as string,
    name: row.name as string,
    hash: row.hash as string,
    scopes: row.scopes as string,
    createdAt: row.created_at as number,
    ...(row.limits === null ? {} : { limits: row.limits as string }),
  };
}

export function toAnswerRow(row: Row): AnswerRow {
  return {
    key: row.key as string,
    fingerprint: row.fingerprint as string,
    status: row.status as number,
    headers: row.headers as string,
    body: row.body as string,
    createdAt: row.created_at as number,
  };
}

export function toFileImageRow(row: Row): FileImageRow {
  return {
    hash: row.hash as string,
    content: row.content as string,
    usedAt: row.used_at as number,
  };
}

export function toFileChangeRow(row: Row): FileChangeRow {
  return {
    id: row.id as string,
    sessionId: row.session_id as string,
    runId: row.run_id as string | null,
    path: row.path as string,
    createdAt: row.created_at as number,
    details: row.details as string,
    after: row.after as string | null,
  };
}

export function toUndoRow(row: Row): UndoRow {
  return {
    id: row.id as string,
    sessionId: row.session_id as string,
    createdAt: row.created_at as number,
    details: row.details as string,
  };
}

export function toTriggerCallRow(row: Row): TriggerCallRow {
  return {
    id: row.id as string,
    triggerId: row.trigger_id as string,
    receivedAt: row.received_at as number,
    outcome: row.outcome as TriggerOutcome,
    runId: row.run_id as string | null,
    coalesceKey: row.coalesce_key as string | null,
    details: row.details as string,
  };
}

export function toTriggerKeyRow(row: Row): TriggerKeyRow {
  return {
    triggerId: row.trigger_id as string,
    key: row.key as string,
    callId: row.call_id as string,
    runId: row.run_id as string,
    sessionId: row.session_id as string,
    createdAt: row.created_at as number,
  };
}

export function toDeliveryRow(row: Row): DeliveryRow {
  return {
    id: row.id as string,
    webhookId: row.webhook_id as string,
    sequence: row.sequence as number,
    eventId: row.event_id as string,
    eventType: row.event_type as string,
    status: row.status as DeliveryRow['status'],
    hop: row.hop as number,
    trace: (row.trace as string | null) ?? undefined,
    attempts: row.attempts as number,
    tries: row.tries as number,
    pauses: row.pauses as number,
    createdAt: row.created_at as number,
    expiresAt: row.expires_at as number,
    nextAttemptAt: row.next_attempt_at as number | null,
    endedAt: row.ended_at as number | null,
    reason: row.reason as string | null,
    answered: answerIn(row.attempt_log as string),
  };
}

export type FreshColumns = readonly [
  sequence: number,
  id: string,
  eventId: string,
  eventType: string,
  hop: number,
  attempts: number,
  tries: number,
  pauses: number,
  createdAt: number,
  expiresAt: number,
  reason: string | null,
  attemptLog: string,
  trace: string | null,
];

export function toFreshDelivery(webhookId: string, row: FreshColumns): DeliveryRow {
  return {
    id: row[1],
    webhookId,
    sequence: row[0],
    eventId: row[2],
    eventType: row[3],
    status: 'pending',
    hop: row[4],
    trace: row[12] ?? undefined,
    attempts: row[5],
    tries: row[6],
    pauses: row[7],
    createdAt: row[8],
    expiresAt: row[9],
    nextAttemptAt: null,
    endedAt: null,
    reason: row[10],
    answered: answerIn(row[11]),
  };
}

/** Statuses that ask for a later retry and do not refuse the event. */
const notNow: ReadonlySet<number> = new Set([408, 425, 429]);

/** Searched without parsing: inside a text of the attempt these quotes would be escaped. */
function answerIn(attemptLog: string): DeliveryAnswer {
  if (attemptLog === '') return 'nothing';
  if (attemptLog.includes('"outcome":"aborted"')) return 'refused';
  let answered: DeliveryAnswer = 'nothing';
  for (const [, code] of attemptLog.matchAll(/"statusCode":(\d+)/g)) {
    const status = Number(code);
    if (status >= 300 && status < 500 && !notNow.has(status)) return 'refused';
    if (status >= 500) answered = 'error';
  }
  return answered;
}

export function toDeliveryFact(row: Row): DeliveryFact {
  return {
    id: row.id as string,
    webhookId: row.webhook_id as string,
    status: row.status as DeliveryRow['status'],
    tries: row.tries as number,
    createdAt: row.created_at as number,
    durationsMs: answerDurations(row.attempt_log as string),
  };
}

/** Searched without parsing, like `answerIn`. */
function answerDurations(attemptLog: string): readonly number[] {
  const answers = attemptLog.matchAll(/"durationMs":([\d.]+),"outcome":"\w+","statusCode":\d/g);
  return Array.from(answers, ([, duration]) => Number(duration));
}

export function toDeliveryWithAttempts(row: Row): DeliveryWithAttempts {
  return { ...toDeliveryRow(row), attemptLog: `[${row.attempt_log as string}]` };
}

export function toRunWebhookRow(row: Row): RunWebhookRow {
  return {
    webhookId: row.webhook_id as string,
    runId: row.run_id as string,
    config: row.config as string,
    createdAt: row.created_at as number,
  };
}

export function toFileFacts(row: Row): FileFacts {
  return {
    id: row.id as string,
    name: row.name as string,
    mediaType: row.media_type as string,
    size: row.size as number,
    sha256: row.sha256 as string,
    createdAt: row.created_at as number,
  };
}

export function toFileRow(row: Row): FileRow {
  return { ...toFileFacts(row), data: row.data as Uint8Array };
}
