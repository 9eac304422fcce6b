// The SQL statement for each step of an atomic write.

import { CodeBuddyError } from '../../base/errors.ts';
import type { NewDeliveries } from '../delivery-store.ts';
import type { Write } from '../store.ts';
import { isForeignKeyViolation } from './sqlite-errors.ts';
import type { Statements } from './statements.ts';

/** Run a step inside the transaction of the caller. Returns the sequence number of an event. */
export function applyWrite(statements: Statements, write: Write): number | undefined {
  switch (write.kind) {
    case 'appendEvent': {
      const { id, type, timestamp, sessionId, runId, data } = write.event;
      const { lastInsertRowid } = statements.appendEvent.run(id, type, timestamp, sessionId, runId, data);
      const sequence = Number(lastInsertRowid);
      if (write.outbox !== undefined) addDeliveries(statements, sequence, id, type, write.outbox);
      return sequence;
    }
    case 'putSession': {
      const { id, title, createdAt, updatedAt, details } = write.session;
      statements.putSession.run(id, title, createdAt, updatedAt, details);
      return undefined;
    }
    case 'patchSession':
      statements.patchSession.run(write.id, write.title ?? null, write.updatedAt, write.details);
      return undefined;
    case 'deleteSession':
      statements.deleteSession.run(write.id);
      return undefined;
    case 'draftSession': {
      const { id, title, createdAt, updatedAt, details } = write.session;
      statements.draftSession.run(id, title, createdAt, updatedAt, details);
      return undefined;
    }
    case 'publishSession':
      statements.publishSession.run(write.id);
      return undefined;
    case 'addMessage': {
      const { id, sessionId, runId, role, createdAt, content } = write.message;
      inSession(sessionId, () => statements.addMessage.run(id, sessionId, runId, role, createdAt, content));
      return undefined;
    }
    case 'addTurn': {
      const { id, sessionId, runId, content } = write.turn;
      statements.addTurn.run(id, sessionId, runId, content);
      return undefined;
    }
    case 'putRun': {
      const { id, sessionId, status, createdAt, updatedAt, details } = write.run;
      inSession(sessionId, () => statements.putRun.run(id, sessionId, status, createdAt, updatedAt, details));
      return undefined;
    }
    case 'patchRun':
      statements.patchRun.run(write.id, write.status, write.updatedAt, write.details);
      return undefined;
    case 'putKey': {
      const { id, name, hash, scopes, createdAt } = write.key;
      statements.putKey.run(id, name, hash, scopes, createdAt);
      return undefined;
    }
    case 'deleteKey':
      statements.deleteKey.run(write.id);
      return undefined;
    case 'putAnswer': {
      const { key, fingerprint, status, headers, body, createdAt } = write.answer;
      statements.putAnswer.run(key, fingerprint, status, headers, body, createdAt);
      return undefined;
    }
    case 'addDeliveries':
      addDeliveries(statements, write.sequence, write.eventId, write.eventType, write.outbox);
      return undefined;
    case 'changeDelivery': {
      const {
        id,
        sequence,
        webhookId,
        status,
        attempts,
        tries,
        pauses,
        nextAttemptAt,
        endedAt,
        reason,
        attempt,
      } = write.change;
      statements.changeDelivery.run(
        id,
        status,
        attempts,
        tries,
        pauses,
        nextAttemptAt,
        endedAt,
        reason,
        attempt ?? null,
        sequence,
        webhookId,
      );
      return undefined;
    }
    case 'requeueDelivery':
      statements.requeueDelivery.run(write.expiresAt, write.id);
      return undefined;
    case 'putWebhookState':
      statements.putWebhookState.run(write.row.webhookId, write.row.state);
      return undefined;
    case 'deleteWebhookState':
      statements.deleteWebhookState.run(write.webhookId);
      return undefined;
    case 'putRunWebhook': {
      const { webhookId, runId, config, createdAt } = write.row;
      statements.putRunWebhook.run(webhookId, runId, config, createdAt);
      return undefined;
    }
    case 'deleteRunWebhook':
      statements.deleteRunWebhook.run(write.webhookId);
      return undefined;
  }
}

/** A session may be deleted while a write for it waits. @throws CodeBuddyError `session_not_found` */
function inSession(sessionId: string, write: () => unknown): void {
  try {
    write();
  } catch (cause) {
    if (!isForeignKeyViolation(cause)) throw cause;
    throw new CodeBuddyError('session_not_found', `Session ${JSON.stringify(sessionId)} not found.`, {
      cause,
    });
  }
}

function addDeliveries(
  statements: Statements,
  sequence: number,
  eventId: string,
  eventType: string,
  { payload, hop, createdAt, expiresAt, deliveries }: NewDeliveries,
): void {
  statements.addPayload.run(sequence, eventId, payload.head, payload.tail, deliveries.length);
  for (const { id, webhookId } of deliveries)
    statements.addDelivery.run(sequence, webhookId, id, eventType, hop, createdAt, expiresAt);
}
