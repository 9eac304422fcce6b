// Every SQL statement of the SQLite store, by name, prepared once: reads on the connection of the main thread, writes
// on that of the writer thread. Reads with optional filters are composed of fixed pieces (never of values) and kept
// prepared by their text.

import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { unfinishedRunStatuses } from '../../contract/run.ts';

/** Sorts after every id: where a list that goes backwards begins. */
export const afterAllIds = '\u{10ffff}';

const unfinished = unfinishedRunStatuses.map((status) => `'${status}'`).join(', ');

const reads = {
  longData: 'SELECT data, json_valid(data) AS is_valid FROM events WHERE sequence = ?',
  firstEvent: 'SELECT min(sequence) AS value FROM events',
  // sqlite_sequence remembers the last number given out, also when all rows were pruned.
  lastSequence: "SELECT seq AS value FROM sqlite_sequence WHERE name = 'events'",
  // For a log whose front was written while the clock was ahead: what lies before an event that is too old is older
  // still.
  firstTimestamp: 'SELECT timestamp AS value FROM events ORDER BY sequence LIMIT 1',
  lastOldEvent: `SELECT max(CASE WHEN timestamp < ?2 THEN sequence END) AS old, max(sequence) AS last FROM (
    SELECT sequence, timestamp FROM events WHERE sequence > ?1 ORDER BY sequence LIMIT ?3)`,
  sessionWorkspaces: `SELECT details ->> '$.workspace' AS workspace, count(*) AS sessions, max(id) AS latest FROM sessions
    WHERE is_draft = 0 GROUP BY 1 ORDER BY max(updated_at) DESC LIMIT ?`,
  newestIds: `SELECT max(coalesce(place, id)) AS id FROM sessions UNION ALL SELECT max(id) FROM runs UNION ALL SELECT max(id) FROM messages
    UNION ALL SELECT max(id) FROM deliveries UNION ALL SELECT max(id) FROM keys UNION ALL SELECT max(id) FROM trigger_calls
    UNION ALL SELECT max(id) FROM file_changes UNION ALL SELECT max(id) FROM undos UNION ALL SELECT max(id) FROM undone_items`,
  getSession: 'SELECT * FROM sessions WHERE id = ? AND is_draft = 0',
  getNamedSession:
    'SELECT s.* FROM session_names n JOIN sessions s ON s.id = n.session_id WHERE n.name = ? AND s.is_draft = 0',
  listMessages: 'SELECT * FROM messages WHERE session_id = ? AND id > ? ORDER BY id LIMIT ?',
  listMessagesBack: 'SELECT * FROM messages WHERE session_id = ? AND id < ? ORDER BY id DESC LIMIT ?',
  countMessages: 'SELECT count(*) AS value FROM messages WHERE session_id = ?',
  listTurns: 'SELECT * FROM turns WHERE session_id = ? AND id > ? ORDER BY id LIMIT ?',
  getRun: 'SELECT * FROM runs WHERE id = ?',
  listMcpServers: 'SELECT * FROM mcp_servers ORDER BY name',
  listKeys: 'SELECT * FROM keys ORDER BY id',
  getQuestion: 'SELECT * FROM questions WHERE id = ?',
  questionsOf: 'SELECT * FROM questions WHERE run_id = ? ORDER BY substr(id, 5)',
  getAnswer: 'SELECT * FROM answers WHERE key = ?',
  getPayload: 'SELECT body FROM payloads WHERE sequence = ?',
  getDelivery:
    'SELECT d.*, p.event_id, p.trace FROM deliveries d JOIN payloads p USING (sequence) WHERE d.id = ?',
  deliveryFacts:
    'SELECT id, webhook_id, status, tries, created_at, attempt_log FROM deliveries WHERE id < ? ORDER BY id DESC LIMIT ?',
  freshPlaces: `SELECT sequence, webhook_id FROM deliveries INDEXED BY deliveries_fresh
    WHERE status = 'pending' AND next_attempt_at IS NULL AND (sequence, webhook_id) > (?, ?) ORDER BY sequence, webhook_id LIMIT ?`,
  oldestFresh: `SELECT created_at AS value FROM deliveries INDEXED BY deliveries_fresh
    WHERE status = 'pending' AND next_attempt_at IS NULL ORDER BY sequence LIMIT 1`,
  waitingDeliveries: `SELECT d.*, p.event_id, p.trace FROM deliveries d JOIN payloads p USING (sequence)
    WHERE d.webhook_id = ? AND d.status = 'pending' AND d.next_attempt_at IS NOT NULL AND d.next_attempt_at <= ?
    ORDER BY d.next_attempt_at LIMIT ?`,
  nextWaiting: `SELECT min(next_attempt_at) AS value FROM deliveries
    WHERE webhook_id = ? AND status = 'pending' AND next_attempt_at IS NOT NULL AND next_attempt_at > ?`,
  // Walks a covering index.
  countWaiting: `SELECT webhook_id, count(*) AS rows, min(next_attempt_at) AS next, min(created_at) AS oldest FROM deliveries
    WHERE status = 'pending' AND next_attempt_at IS NOT NULL GROUP BY webhook_id`,
  isPending: `SELECT 1 AS value FROM deliveries WHERE sequence = ? AND webhook_id = ? AND status = 'pending' LIMIT 1`,
  countEnded: 'SELECT status, count(*) AS rows FROM deliveries WHERE ended_at IS NOT NULL GROUP BY status',
  listWebhookStates: 'SELECT * FROM webhook_states',
  listRunWebhooks: 'SELECT * FROM run_webhooks ORDER BY webhook_id',
  findTriggerKey: 'SELECT * FROM trigger_keys WHERE trigger_id = ? AND key = ?',
  queuedCalls: `SELECT c.* FROM
    (SELECT * FROM trigger_calls WHERE trigger_id = ? AND coalesce_key = ? ORDER BY id DESC LIMIT 20) c
    JOIN runs r ON r.id = c.run_id WHERE r.status = 'queued' ORDER BY c.id DESC`,
  triggerCost: `SELECT coalesce(sum(json_extract(r.details, '$.run.cost')), 0) AS value FROM trigger_calls c
    JOIN runs r ON r.id = c.run_id WHERE c.trigger_id = ? AND c.outcome = 'accepted' AND c.received_at >= ?`,
  listTriggerStates: 'SELECT * FROM trigger_states',
  listFileChanges: `SELECT * FROM file_changes WHERE session_id = ? AND id > ? AND undo_id IS NULL ORDER BY id LIMIT ?`,
  getFileImage: 'SELECT hash, content, used_at FROM file_images WHERE hash = ?',
  knownFileImages: 'SELECT hash FROM file_images WHERE hash IN (SELECT value FROM json_each(?))',
  listUndos: 'SELECT * FROM undos WHERE session_id = ? ORDER BY id DESC',
  findFile: 'SELECT id, name, media_type, size, sha256, created_at FROM files WHERE id = ?',
  readFile: 'SELECT * FROM files WHERE id = ?',
  totalFileSize: 'SELECT total(size) AS value FROM files',
  unindexed:
    'SELECT 1 AS value FROM message_places WHERE place > (SELECT place FROM search_progress) LIMIT 1',
  // The newest first. In two steps, so that a statement looks at a bounded number of messages.
  matches:
    'SELECT rowid AS place FROM message_words WHERE message_words MATCH ? AND rowid < ? ORDER BY rowid DESC LIMIT ?',
  matchedMessages: `SELECT m.*, p.place, s.title, s.is_archived FROM message_words w
    JOIN message_places p ON p.place = w.rowid JOIN messages m ON m.id = p.message_id JOIN sessions s ON s.id = m.session_id
    WHERE w.message_words MATCH ?1 AND w.rowid < ?2 AND w.rowid >= ?3 AND s.is_draft = 0
      AND (?4 IS NULL OR m.session_id = ?4) AND (?5 IS NULL OR m.role = ?5) AND (?6 IS NULL OR s.is_archived = ?6)
    ORDER BY w.rowid DESC LIMIT ?7`,
} as const;

const writes = {
  appendEvent: 'INSERT INTO events (id, type, timestamp, session_id, run_id, data) VALUES (?, ?, ?, ?, ?, ?)',
  // Always the front of the log, so that the rest has no holes: of the `max` oldest, all up to the last that is too
  // old. The order is that of the sequence; a clock that was set back or forward for a while changes nothing. No index
  // on time is needed.
  pruneEvents: `DELETE FROM events WHERE sequence <= (
    SELECT max(sequence) FROM (SELECT sequence, timestamp FROM events ORDER BY sequence LIMIT ?2) WHERE timestamp < ?1
  )`,
  pruneEventsUpTo: `DELETE FROM events WHERE sequence IN (
    SELECT sequence FROM events WHERE sequence <= ?1 ORDER BY sequence LIMIT ?2)`,
  putSession: `INSERT INTO sessions (id, title, created_at, updated_at, details) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (id) DO UPDATE SET title = excluded.title, updated_at = excluded.updated_at, details = excluded.details`,
  patchSession: `UPDATE sessions SET title = coalesce(?2, title), updated_at = ?3, details = json_patch(details, ?4)
    WHERE id = ?1`,
  addSession:
    'INSERT INTO sessions (id, title, created_at, updated_at, details, place) VALUES (?, ?, ?, ?, ?, ?)',
  archiveSession: 'UPDATE sessions SET is_archived = ?2 WHERE id = ?1',
  deleteSession: 'DELETE FROM sessions WHERE id = ?',
  unfinishedRun: `SELECT 1 FROM runs WHERE session_id = ? AND +status IN (${unfinished}) LIMIT 1`,
  draftSession: `INSERT INTO sessions (id, title, created_at, updated_at, details, is_draft) VALUES (?, ?, ?, ?, ?, 1)`,
  publishSession: 'UPDATE sessions SET is_draft = 0 WHERE id = ?',
  deleteDrafts: 'DELETE FROM sessions INDEXED BY sessions_drafts WHERE is_draft = 1',
  claimSessionName: 'INSERT INTO session_names (name, session_id) VALUES (?, ?)',
  nameSession: `INSERT INTO session_names (name, session_id) VALUES (?, ?)
    ON CONFLICT (name) DO UPDATE SET session_id = excluded.session_id`,
  addMessage:
    'INSERT INTO messages (id, session_id, run_id, role, created_at, content) VALUES (?, ?, ?, ?, ?, ?)',
  addTurn: 'INSERT INTO turns (id, session_id, run_id, content) VALUES (?, ?, ?, ?)',
  putRun: `INSERT INTO runs (id, session_id, status, created_at, updated_at, details) VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT (id) DO UPDATE SET status = excluded.status, updated_at = excluded.updated_at, details = excluded.details`,
  patchRun: 'UPDATE runs SET status = ?2, updated_at = ?3, details = json_patch(details, ?4) WHERE id = ?1',
  putQuestion: `INSERT INTO questions (id, run_id, session_id, content, is_answered) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (id) DO UPDATE SET content = excluded.content, is_answered = excluded.is_answered`,
  deleteQuestion: 'DELETE FROM questions WHERE id = ?',
  deleteQuestions: 'DELETE FROM questions WHERE run_id = ?',
  putKey: `INSERT INTO keys (id, name, hash, scopes, created_at, limits) VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT (id) DO UPDATE SET name = excluded.name, hash = excluded.hash, scopes = excluded.scopes,
      limits = excluded.limits`,
  setKeyLimits: 'UPDATE keys SET limits = ?2 WHERE id = ?1',
  putMcpServer: `INSERT INTO mcp_servers (name, config, created_at) VALUES (?, ?, ?)
    ON CONFLICT (name) DO UPDATE SET config = excluded.config, created_at = excluded.created_at`,
  deleteMcpServer: 'DELETE FROM mcp_servers WHERE name = ?',
  deleteKey: 'DELETE FROM keys WHERE id = ?',
  putAnswer: `INSERT INTO answers (key, fingerprint, status, headers, body, created_at) VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT (key) DO UPDATE SET fingerprint = excluded.fingerprint, status = excluded.status,
      headers = excluded.headers, body = excluded.body, created_at = excluded.created_at`,
  pruneAnswers:
    'DELETE FROM answers WHERE key IN (SELECT key FROM answers WHERE created_at < ? ORDER BY created_at LIMIT ?)',
  // Cast to a BLOB, or SQLite would keep text (UTF-8 either way: PRAGMA encoding is never changed); and to an integer,
  // or the number of JavaScript would be spelled 7.0.
  addPayload: `INSERT INTO payloads (sequence, event_id, body, uses, trace)
    VALUES (?1, ?2, CAST(?3 || CAST(?1 AS INTEGER) || ?4 AS BLOB), ?5, ?6)
    ON CONFLICT (sequence) DO UPDATE SET uses = uses + excluded.uses`,
  dropPayloadUse: 'UPDATE payloads SET uses = uses - 1 WHERE sequence = ?',
  deleteUnusedPayload: 'DELETE FROM payloads WHERE sequence = ? AND uses <= 0',
  addDelivery: `INSERT INTO deliveries (sequence, webhook_id, id, event_type, status, hop, attempts, tries, pauses, created_at,
      expires_at, next_attempt_at, ended_at, reason, attempt_log)
    VALUES (?, ?, ?, ?, 'pending', ?, 0, 0, 0, ?, ?, NULL, NULL, NULL, '')`,
  changeDelivery: `UPDATE deliveries SET status = ?2, attempts = ?3, tries = ?4, pauses = ?5, next_attempt_at = ?6, ended_at = ?7,
      reason = ?8, attempt_log = CASE WHEN ?9 IS NULL THEN attempt_log WHEN attempt_log = '' THEN ?9 ELSE attempt_log || ',' || ?9 END
    WHERE sequence = ?10 AND webhook_id = ?11 AND id = ?1 AND status = 'pending'`,
  requeueDelivery: `UPDATE deliveries SET status = 'pending', attempts = 0, pauses = 0, next_attempt_at = NULL, ended_at = NULL,
      reason = NULL, expires_at = ? WHERE id = ? AND status <> 'pending'`,
  cancelPending: `UPDATE deliveries SET status = 'cancelled', reason = ?3, ended_at = ?4, next_attempt_at = NULL
    WHERE sequence = ?1 AND webhook_id = ?2 AND status = 'pending'`,
  freshenWaiting: `UPDATE deliveries SET next_attempt_at = NULL WHERE (sequence, webhook_id, id) IN (
    SELECT sequence, webhook_id, id FROM deliveries WHERE webhook_id = ? AND status = 'pending' AND next_attempt_at IS NOT NULL
    LIMIT ?) RETURNING sequence`,
  hastenWaiting: `UPDATE deliveries SET next_attempt_at = ?2 WHERE (sequence, webhook_id, id) IN (
    SELECT sequence, webhook_id, id FROM deliveries WHERE webhook_id = ?1 AND status = 'pending' AND next_attempt_at > ?2
      AND (next_attempt_at <= ?3 OR reason NOT IN ('http_error', 'redirect_refused', 'gone', 'rate_limited')) LIMIT ?4)`,
  // Not by webhook: it is for the clock of the machine, at the start.
  pullWaiting: `UPDATE deliveries SET next_attempt_at = ?2 WHERE (sequence, webhook_id, id) IN (
    SELECT sequence, webhook_id, id FROM deliveries WHERE status = 'pending' AND next_attempt_at > ?1 LIMIT ?3)`,
  pruneDeliveries: `DELETE FROM deliveries WHERE (sequence, webhook_id, id) IN (
      SELECT sequence, webhook_id, id FROM (
        SELECT sequence, webhook_id, id, created_at FROM deliveries WHERE ended_at IS NOT NULL ORDER BY id LIMIT ?2)
      WHERE created_at < ?1)
    RETURNING sequence`,
  clearDeliveries: `DELETE FROM deliveries WHERE (sequence, webhook_id, id) IN (
      SELECT sequence, webhook_id, id FROM deliveries WHERE ended_at IS NOT NULL LIMIT ?)
    RETURNING sequence`,
  clearDeliveriesOf: `DELETE FROM deliveries WHERE (sequence, webhook_id, id) IN (
      SELECT sequence, webhook_id, id FROM deliveries WHERE ended_at IS NOT NULL AND webhook_id = ? LIMIT ?)
    RETURNING sequence`,
  putWebhookState: `INSERT INTO webhook_states (webhook_id, state) VALUES (?, ?)
    ON CONFLICT (webhook_id) DO UPDATE SET state = excluded.state`,
  deleteWebhookState: 'DELETE FROM webhook_states WHERE webhook_id = ?',
  putRunWebhook: `INSERT INTO run_webhooks (webhook_id, run_id, config, created_at) VALUES (?, ?, ?, ?)
    ON CONFLICT (webhook_id) DO UPDATE SET config = excluded.config`,
  deleteRunWebhook: 'DELETE FROM run_webhooks WHERE webhook_id = ?',
  addTriggerCall: `INSERT INTO trigger_calls (id, trigger_id, received_at, outcome, run_id, coalesce_key, details)
    VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET details = excluded.details`,
  claimTriggerKey: `INSERT INTO trigger_keys (trigger_id, key, call_id, run_id, session_id, created_at)
    VALUES (?, ?, ?, ?, ?, ?)`,
  putTriggerState: `INSERT INTO trigger_states (trigger_id, state) VALUES (?, ?)
    ON CONFLICT (trigger_id) DO UPDATE SET state = excluded.state`,
  deleteTriggerState: 'DELETE FROM trigger_states WHERE trigger_id = ?',
  pruneTriggerCalls: `DELETE FROM trigger_calls WHERE id IN (
    SELECT id FROM (SELECT id, received_at FROM trigger_calls ORDER BY id LIMIT ?2) WHERE received_at < ?1)`,
  trimTriggerCalls: `DELETE FROM trigger_calls WHERE id IN (
    SELECT id FROM trigger_calls WHERE trigger_id = ?1 ORDER BY id DESC LIMIT ?3 OFFSET ?2)`,
  pruneTriggerKeys: `DELETE FROM trigger_keys WHERE (trigger_id, key) IN (
    SELECT trigger_id, key FROM trigger_keys WHERE created_at < ? ORDER BY created_at LIMIT ?)`,
  putFileImage: `INSERT INTO file_images (hash, content, used_at) VALUES (?, ?, ?)
    ON CONFLICT (hash) DO UPDATE SET used_at = max(used_at, excluded.used_at)`,
  addFileChange: `INSERT INTO file_changes (id, session_id, run_id, path, created_at, details, after) VALUES (?, ?, ?, ?, ?, ?, ?)`,
  endFileChange: 'UPDATE file_changes SET after = ?2 WHERE id = ?1',
  putUndo: `INSERT INTO undos (id, session_id, created_at, details) VALUES (?, ?, ?, ?)
    ON CONFLICT (id) DO UPDATE SET details = excluded.details`,
  keepUndoneMessages: `INSERT INTO undone_items (id, session_id, undo_id, run_id, role, created_at, content)
    SELECT id, session_id, ?2, run_id, role, created_at, content FROM messages
    WHERE session_id = ?1 AND id IN (SELECT value FROM json_each(?3))`,
  keepUndoneTurns: `INSERT INTO undone_items (id, session_id, undo_id, run_id, role, created_at, content)
    SELECT id, session_id, ?2, run_id, 'turn', 0, content FROM turns
    WHERE session_id = ?1 AND id IN (SELECT value FROM json_each(?3))`,
  removeUndoneMessages:
    'DELETE FROM messages WHERE session_id = ?1 AND id IN (SELECT value FROM json_each(?2))',
  removeUndoneTurns: 'DELETE FROM turns WHERE session_id = ?1 AND id IN (SELECT value FROM json_each(?2))',
  hideUndoneChanges: `UPDATE file_changes SET undo_id = ?2 WHERE session_id = ?1 AND id IN (SELECT value FROM json_each(?3))`,
  restoreMessages: `INSERT INTO messages (id, session_id, run_id, role, created_at, content)
    SELECT id, session_id, run_id, role, created_at, content FROM undone_items WHERE undo_id = ? AND role <> 'turn'`,
  restoreTurns: `INSERT INTO turns (id, session_id, run_id, content)
    SELECT id, session_id, run_id, content FROM undone_items WHERE undo_id = ? AND role = 'turn'`,
  restoreChanges: 'UPDATE file_changes SET undo_id = NULL WHERE undo_id = ?',
  removeUndoneItems: 'DELETE FROM undone_items WHERE undo_id = ?',
  removeUndo: 'DELETE FROM undos WHERE id = ?',
  dropUndoneItems: 'DELETE FROM undone_items WHERE session_id = ?',
  dropUndoneChanges: 'DELETE FROM file_changes WHERE session_id = ? AND undo_id IS NOT NULL',
  dropUndos: 'DELETE FROM undos WHERE session_id = ?',
  pruneFileImages: `DELETE FROM file_images WHERE hash IN (
    SELECT hash FROM file_images WHERE used_at < ? ORDER BY used_at LIMIT ?)`,
  // The newest contents that fit are kept.
  trimFileImages: `DELETE FROM file_images WHERE hash IN (
    SELECT hash FROM (SELECT hash, sum(bytes) OVER (ORDER BY used_at DESC, hash DESC) AS total FROM file_images)
    WHERE total > ? LIMIT ?)`,
  // Ids sort by time.
  pruneFileChanges: `DELETE FROM file_changes WHERE id IN (
    SELECT id FROM (SELECT id, created_at FROM file_changes ORDER BY id LIMIT ?2) WHERE created_at < ?1)`,
  putFile:
    'INSERT INTO files (id, name, media_type, size, sha256, created_at, data) VALUES (?, ?, ?, ?, ?, ?, ?)',
  deleteFile: 'DELETE FROM files WHERE id = ?',
  pruneFiles:
    'DELETE FROM files WHERE id IN (SELECT id FROM files WHERE created_at < ? ORDER BY created_at LIMIT ?)',
  unindexedMessages: `SELECT p.place, m.content FROM message_places p JOIN messages m ON m.id = p.message_id
    WHERE p.place > (SELECT place FROM search_progress) ORDER BY p.place LIMIT ?`,
  addMessageWords: 'INSERT INTO message_words (rowid, words) VALUES (?, ?)',
  setSearchProgress: 'UPDATE search_progress SET place = ?',
  // A commit that changes a page, and so proves that the disk takes one.
  probe: 'UPDATE probe SET count = count + 1',
} as const;

export type ReadName = keyof typeof reads;
export type WriteName = keyof typeof writes;

export interface Reads extends Readonly<Record<ReadName, StatementSync>> {
  /** A statement composed by the caller of fixed pieces. It is prepared the first time and kept. */
  readonly composed: (text: string) => StatementSync;
  /** The same for a statement whose rows are arrays. */
  readonly composedArrays: (text: string) => StatementSync;
}

export type Statements = Readonly<Record<WriteName, StatementSync>>;

export function prepareReads(database: DatabaseSync): Reads {
  const keeping = (returnArrays: boolean): ((text: string) => StatementSync) => {
    const kept = new Map<string, StatementSync>();
    return (text) => {
      let statement = kept.get(text);
      if (statement === undefined) {
        statement = database.prepare(text);
        statement.setReturnArrays(returnArrays);
        kept.set(text, statement);
      }
      return statement;
    };
  };
  return { ...prepareAll(database, reads), composed: keeping(false), composedArrays: keeping(true) };
}

export function prepareWrites(database: DatabaseSync): Statements {
  return prepareAll(database, writes);
}

function prepareAll<Name extends string>(
  database: DatabaseSync,
  texts: Readonly<Record<Name, string>>,
): Record<Name, StatementSync> {
  return Object.fromEntries(
    Object.entries<string>(texts).map(([name, text]) => [name, database.prepare(text)]),
  ) as Record<Name, StatementSync>;
}
