// The writes of a caller as steps: rows for the statements of write-statements.ts, and what they touch. A value of the
// wrong type is found here, so that it is its caller's fault alone.
//
// Over 400 lines: it has every kind of write.

import { type NewDeliveries, payloadTail } from '../delivery-store.ts';
import type { RunRow, SessionRow, Write } from '../store.ts';
import { encodeText } from './text-encoding.ts';

/** A row for a statement, by the names of its columns. It is sent as JSON. */
export type JsonRow = Readonly<Record<string, string | number | null>>;

/** Steps that are one statement for many rows, in the order in which those of a level are run. */
export const stepKinds = [
  'deleteKey',
  'deleteMcpServer',
  'deleteSession',
  'deleteIdleSession',
  'putSession',
  'addSession',
  'draftSession',
  'patchSession',
  'publishSession',
  'archiveSession',
  'putRun',
  'patchRun',
  'nameSession',
  'claimSessionName',
  'addMessage',
  'addTurn',
  'putQuestion',
  'deleteQuestion',
  'deleteQuestions',
  'putKey',
  'putMcpServer',
  'setKeyLimits',
  'putAnswer',
  'addPayload',
  'addDelivery',
  'changeDelivery',
  'requeueDelivery',
  'putWebhookState',
  'deleteWebhookState',
  'putRunWebhook',
  'deleteRunWebhook',
  'claimRun',
  'releaseRun',
  'addTriggerCall',
  'claimTriggerKey',
  'putTriggerState',
  'deleteTriggerState',
  'putFileImage',
  'addFileChange',
  'endFileChange',
  'putUndo',
  'putIdleUndo',
  'hideUndone',
  'restoreUndo',
  'dropUndos',
  'putFile',
  'deleteFile',
  'touch',
] as const;

export type StepKind = (typeof stepKinds)[number];

export interface Step {
  readonly kind: StepKind;
  readonly row: JsonRow;
  /** The things that it changes. Steps that touch the same thing keep their order. */
  readonly touches: readonly string[];
  /** The things that must exist for it. */
  readonly needs: readonly string[];
}

/** A new event, with the writes that need its number. */
export interface Append {
  readonly event: JsonRow;
  readonly payload: JsonRow | undefined;
  readonly deliveries: readonly JsonRow[];
}

/** The writes of one caller. */
export interface WriteProgram {
  readonly steps: readonly Step[];
  readonly appends: readonly Append[];
}

/** @throws TypeError if a value is of the wrong type */
export function encodeWrites(writes: readonly Write[]): WriteProgram {
  const steps: Step[] = [];
  const appends: Append[] = [];
  const add = (
    kind: StepKind,
    row: JsonRow,
    touches: readonly string[],
    needs: readonly string[] = [],
  ): void => {
    steps.push({ kind, row, touches, needs });
  };
  for (const write of writes) {
    switch (write.kind) {
      case 'appendEvent':
        appends.push(encodeAppend(write));
        break;
      case 'addDeliveries': {
        const sequence = integer('sequence', write.sequence);
        const { payload, deliveries } = encodeDeliveries(
          { id: text('eventId', write.eventId), type: text('eventType', write.eventType), data: write.data },
          write.outbox,
        );
        add('addPayload', { ...payload, sequence }, [`payload ${sequence}`]);
        for (const row of deliveries) add('addDelivery', { ...row, sequence }, [`delivery ${row.id}`]);
        break;
      }
      case 'putSession':
      case 'draftSession': {
        const row = encodeSession(write.session);
        add(write.kind, row, [`session ${row.id}`, `row of ${row.id}`]);
        break;
      }
      case 'patchSession': {
        const id = text('id', write.id);
        const title = write.title === undefined ? null : text('title', write.title);
        const rest = {
          updated_at: integer('updatedAt', write.updatedAt),
          details: text('details', write.details),
          ...(write.limitsMetadata === true ? { limits_metadata: 1 } : {}),
        };
        add('patchSession', { id, title, ...rest }, [`row of ${id}`], [`session ${id}`]);
        break;
      }
      case 'addSession': {
        const { place } = write.session;
        const row = {
          ...encodeSession(write.session),
          place: place === undefined ? null : text('place', place),
        };
        add('addSession', row, [`session ${row.id}`, `row of ${row.id}`]);
        break;
      }
      case 'archiveSession': {
        const id = text('id', write.id);
        const row = { id, is_archived: write.isArchived ? 1 : 0 };
        add('archiveSession', row, [`row of ${id}`], [`session ${id}`]);
        break;
      }
      case 'publishSession': {
        const id = text('id', write.id);
        add('publishSession', { id }, [`row of ${id}`], [`session ${id}`]);
        break;
      }
      case 'deleteSession': {
        const id = text('id', write.id);
        add(write.ifIdle === true ? 'deleteIdleSession' : 'deleteSession', { id }, [
          `session ${id}`,
          `row of ${id}`,
        ]);
        break;
      }
      case 'nameSession':
      case 'claimSessionName': {
        const row = { name: text('name', write.name), session_id: text('sessionId', write.sessionId) };
        add(write.kind, row, [`name ${row.name}`], [`session ${row.session_id}`]);
        break;
      }
      case 'addMessage': {
        const { message } = write;
        const id = text('id', message.id);
        const session_id = text('sessionId', message.sessionId);
        const row = {
          id,
          session_id,
          run_id: optional('runId', message.runId),
          role: text('role', message.role),
          created_at: integer('createdAt', message.createdAt),
          content: text('content', message.content),
        };
        add('addMessage', row, [`message ${id}`], [`session ${session_id}`]);
        break;
      }
      case 'addTurn': {
        const { turn } = write;
        const id = text('id', turn.id);
        const session_id = text('sessionId', turn.sessionId);
        const rest = { run_id: optional('runId', turn.runId), content: text('content', turn.content) };
        add('addTurn', { id, session_id, ...rest }, [`turn ${id}`], [`session ${session_id}`]);
        break;
      }
      case 'putRun': {
        const row = encodeRun(write.run);
        add('putRun', row, [`run ${row.id}`], [`session ${row.session_id}`]);
        break;
      }
      case 'patchRun': {
        const id = text('id', write.id);
        const rest = {
          status: text('status', write.status),
          updated_at: integer('updatedAt', write.updatedAt),
        };
        add('patchRun', { id, ...rest, details: text('details', write.details) }, [`run ${id}`]);
        break;
      }
      case 'putQuestion': {
        const { question } = write;
        const row = {
          id: text('id', question.id),
          run_id: text('runId', question.runId),
          session_id: text('sessionId', question.sessionId),
          content: text('content', question.content),
          is_answered: question.isAnswered ? 1 : 0,
        };
        add(
          'putQuestion',
          row,
          [`questions of ${row.run_id}`],
          [`run ${row.run_id}`, `session ${row.session_id}`],
        );
        break;
      }
      case 'deleteQuestions': {
        const of = [`questions of ${write.runId}`];
        if (write.id === undefined) add('deleteQuestions', { id: text('runId', write.runId) }, of);
        else add('deleteQuestion', { id: text('id', write.id) }, of);
        break;
      }
      case 'putMcpServer': {
        const { name, config, createdAt } = write.server;
        const row = {
          name: text('name', name),
          config: text('config', config),
          created_at: integer('createdAt', createdAt),
        };
        add('putMcpServer', row, [`mcp server ${name}`]);
        break;
      }
      case 'deleteMcpServer':
        add('deleteMcpServer', { name: text('name', write.name) }, [`mcp server ${write.name}`]);
        break;
      case 'putKey': {
        const { key } = write;
        const row = {
          id: text('id', key.id),
          name: text('name', key.name),
          hash: text('hash', key.hash),
          scopes: text('scopes', key.scopes),
          created_at: integer('createdAt', key.createdAt),
          limits: key.limits === undefined ? null : text('limits', key.limits),
        };
        // All keys, because two ids may have the same hash.
        add('putKey', row, ['keys']);
        break;
      }
      case 'setKeyLimits': {
        const limits = write.limits === null ? null : text('limits', write.limits);
        add('setKeyLimits', { id: text('id', write.id), limits }, ['keys']);
        break;
      }
      case 'deleteKey':
        add('deleteKey', { id: text('id', write.id) }, ['keys']);
        break;
      case 'putAnswer': {
        const { answer } = write;
        const row = {
          key: text('key', answer.key),
          fingerprint: text('fingerprint', answer.fingerprint),
          status: integer('status', answer.status),
          headers: text('headers', answer.headers),
          body: text('body', answer.body),
          created_at: integer('createdAt', answer.createdAt),
        };
        add('putAnswer', row, [`answer ${row.key}`]);
        break;
      }
      case 'changeDelivery': {
        const { change } = write;
        const row = {
          id: text('id', change.id),
          sequence: integer('sequence', change.sequence),
          webhook_id: text('webhookId', change.webhookId),
          status: text('status', change.status),
          attempts: integer('attempts', change.attempts),
          tries: integer('tries', change.tries),
          pauses: integer('pauses', change.pauses),
          next_attempt_at: optionalInteger('nextAttemptAt', change.nextAttemptAt),
          ended_at: optionalInteger('endedAt', change.endedAt),
          reason: optional('reason', change.reason),
          attempt: optional('attempt', change.attempt ?? null),
        };
        add('changeDelivery', row, [`delivery ${row.id}`]);
        break;
      }
      case 'requeueDelivery': {
        const row = { id: text('id', write.id), expires_at: integer('expiresAt', write.expiresAt) };
        add('requeueDelivery', row, [`delivery ${row.id}`]);
        break;
      }
      case 'putWebhookState': {
        const row = {
          webhook_id: text('webhookId', write.row.webhookId),
          state: text('state', write.row.state),
        };
        add('putWebhookState', row, [`state ${row.webhook_id}`]);
        break;
      }
      case 'deleteWebhookState':
        add('deleteWebhookState', { id: text('webhookId', write.webhookId) }, [`state ${write.webhookId}`]);
        break;
      case 'putRunWebhook': {
        const { row: webhook } = write;
        const row = {
          webhook_id: text('webhookId', webhook.webhookId),
          run_id: text('runId', webhook.runId),
          config: text('config', webhook.config),
          created_at: integer('createdAt', webhook.createdAt),
        };
        add('putRunWebhook', row, [`run webhook ${row.webhook_id}`]);
        break;
      }
      case 'deleteRunWebhook':
        add('deleteRunWebhook', { id: text('webhookId', write.webhookId) }, [
          `run webhook ${write.webhookId}`,
        ]);
        break;
      case 'addTriggerCall': {
        const { call } = write;
        const row = {
          id: text('id', call.id),
          trigger_id: text('triggerId', call.triggerId),
          received_at: integer('receivedAt', call.receivedAt),
          outcome: text('outcome', call.outcome),
          run_id: optional('runId', call.runId),
          coalesce_key: optional('coalesceKey', call.coalesceKey),
          details: text('details', call.details),
        };
        add('addTriggerCall', row, [`trigger call ${row.id}`]);
        break;
      }
      case 'claimTriggerKey': {
        const { row: key } = write;
        const row = {
          trigger_id: text('triggerId', key.triggerId),
          key: text('key', key.key),
          call_id: text('callId', key.callId),
          run_id: text('runId', key.runId),
          session_id: text('sessionId', key.sessionId),
          created_at: integer('createdAt', key.createdAt),
        };
        add('claimTriggerKey', row, [`trigger key ${row.trigger_id} ${row.key}`]);
        break;
      }
      case 'putTriggerState': {
        const row = { trigger_id: text('triggerId', write.triggerId), state: text('state', write.state) };
        add('putTriggerState', row, [`trigger state ${row.trigger_id}`]);
        break;
      }
      case 'deleteTriggerState': {
        const id = text('triggerId', write.triggerId);
        add('deleteTriggerState', { id }, [`trigger state ${id}`]);
        break;
      }
      case 'putFileImage': {
        const { image } = write;
        const row = {
          hash: text('hash', image.hash),
          content: text('content', image.content),
          used_at: integer('usedAt', image.usedAt),
        };
        add('putFileImage', row, [`image ${row.hash}`]);
        break;
      }
      case 'addFileChange': {
        const { change } = write;
        const row = {
          id: text('id', change.id),
          session_id: text('sessionId', change.sessionId),
          run_id: optional('runId', change.runId),
          path: text('path', change.path),
          created_at: integer('createdAt', change.createdAt),
          details: text('details', change.details),
          after: optional('after', change.after),
        };
        add('addFileChange', row, [`file change ${row.id}`], [`session ${row.session_id}`]);
        break;
      }
      case 'endFileChange': {
        const row = { id: text('id', write.id), after: text('after', write.after) };
        add('endFileChange', row, [`file change ${row.id}`]);
        break;
      }
      case 'putUndo': {
        const { undo } = write;
        const session_id = text('sessionId', undo.sessionId);
        const row = {
          id: text('id', undo.id),
          session_id,
          created_at: integer('createdAt', undo.createdAt),
          details: text('details', undo.details),
        };
        add(
          write.ifIdle === true ? 'putIdleUndo' : 'putUndo',
          row,
          [`undos of ${session_id}`],
          [`session ${session_id}`],
        );
        break;
      }
      // An undo is the only writer of its session then.
      case 'hideUndone': {
        const session_id = text('sessionId', write.sessionId);
        const row = { session_id, undo_id: text('undoId', write.undoId), ids: JSON.stringify(write.ids) };
        add('hideUndone', row, [`undos of ${session_id}`], [`session ${session_id}`]);
        break;
      }
      case 'restoreUndo': {
        const id = text('id', write.id);
        add('restoreUndo', { id }, [`undo ${id}`]);
        break;
      }
      case 'dropUndos': {
        const id = text('sessionId', write.sessionId);
        add('dropUndos', { id }, [`undos of ${id}`]);
        break;
      }
      case 'putFile': {
        const { file } = write;
        const row = {
          id: text('id', file.id),
          name: text('name', file.name),
          media_type: text('mediaType', file.mediaType),
          size: integer('size', file.size),
          sha256: text('sha256', file.sha256),
          created_at: integer('createdAt', file.createdAt),
          data: Buffer.from(file.data.buffer, file.data.byteOffset, file.data.byteLength).toString('base64'),
        };
        add('putFile', row, [`file ${row.id}`]);
        break;
      }
      case 'deleteFile': {
        const id = text('id', write.id);
        add('deleteFile', { id }, [`file ${id}`]);
        break;
      }
      case 'claimRun':
      case 'releaseRun': {
        const id = text('runId', write.runId);
        add(write.kind, { id }, [`claim of ${id}`]);
        break;
      }
      case 'touch': {
        const id = text('topic', write.topic);
        add('touch', { id }, [`topic ${id}`]);
        break;
      }
    }
  }
  return { steps, appends };
}

function encodeAppend({ event, outbox }: Extract<Write, { readonly kind: 'appendEvent' }>): Append {
  const row = {
    id: text('id', event.id),
    type: text('type', event.type),
    timestamp: integer('timestamp', event.timestamp),
    session_id: optional('sessionId', event.sessionId),
    run_id: optional('runId', event.runId),
    data: text('data', event.data),
  };
  if (outbox === undefined) return { event: row, payload: undefined, deliveries: [] };
  return { event: row, ...encodeDeliveries({ ...row, data: event.data }, outbox) };
}

function encodeDeliveries(
  event: { readonly id: string; readonly type: string; readonly data: string },
  { payload, hop, trace, createdAt, expiresAt, deliveries }: NewDeliveries,
): Omit<Append, 'event'> & { readonly payload: JsonRow } {
  const common = {
    event_type: event.type,
    hop: integer('hop', hop),
    created_at: integer('createdAt', createdAt),
    expires_at: integer('expiresAt', expiresAt),
  };
  return {
    payload: {
      event_id: event.id,
      head: text('head', payload.head),
      tail: text('tail', payload.tail ?? payloadTail(event.data)),
      uses: deliveries.length,
      trace: optional('trace', trace ?? null),
    },
    deliveries: deliveries.map(({ id, webhookId }) => ({
      ...common,
      id: text('id', id),
      webhook_id: text('webhookId', webhookId),
    })),
  };
}

function encodeSession({ id, title, createdAt, updatedAt, details }: SessionRow) {
  return {
    id: text('id', id),
    title: text('title', title),
    created_at: integer('createdAt', createdAt),
    updated_at: integer('updatedAt', updatedAt),
    details: text('details', details),
  };
}

function encodeRun({ id, sessionId, status, createdAt, updatedAt, details }: RunRow) {
  return {
    id: text('id', id),
    session_id: text('sessionId', sessionId),
    status: text('status', status),
    created_at: integer('createdAt', createdAt),
    updated_at: integer('updatedAt', updatedAt),
    details: text('details', details),
  };
}

function text(name: string, value: unknown): string {
  if (typeof value !== 'string') throw new TypeError(`${name} must be a string, not ${typeof value}`);
  return encodeText(value);
}

function integer(name: string, value: unknown): number {
  if (!Number.isSafeInteger(value))
    throw new TypeError(`${name} must be a whole number, not ${String(value)}`);
  return value as number;
}

function optional(name: string, value: unknown): string | null {
  return value === null ? null : text(name, value);
}

function optionalInteger(name: string, value: unknown): number | null {
  return value === null ? null : integer(name, value);
}
