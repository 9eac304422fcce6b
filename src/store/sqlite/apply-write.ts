// One step of an atomic write, as the statement that does it.

import type { Write } from '../store.ts';
import type { Statements } from './statements.ts';

/** Runs inside the caller's transaction; returns the sequence number of an event. */
export function applyWrite(statements: Statements, write: Write): number | undefined {
  switch (write.kind) {
    case 'appendEvent': {
      const { id, type, timestamp, sessionId, runId, data } = write.event;
      return Number(statements.appendEvent.run(id, type, timestamp, sessionId, runId, data).lastInsertRowid);
    }
    case 'putSession': {
      const { id, title, createdAt, updatedAt, details } = write.session;
      statements.putSession.run(id, title, createdAt, updatedAt, details);
      return undefined;
    }
    case 'deleteSession':
      statements.deleteSession.run(write.id);
      return undefined;
    case 'addMessage': {
      const { id, sessionId, runId, role, createdAt, content } = write.message;
      statements.addMessage.run(id, sessionId, runId, role, createdAt, content);
      return undefined;
    }
    case 'putRun': {
      const { id, sessionId, status, createdAt, updatedAt, details } = write.run;
      statements.putRun.run(id, sessionId, status, createdAt, updatedAt, details);
      return undefined;
    }
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
  }
}
