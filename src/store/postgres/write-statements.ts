// The SQL of every step of a write. Each statement takes one value: its rows as a JSON array, which costs the driver a
// third of what arrays of each column cost. Rows are changed in the order of their ids, so that two nodes lock them in
// the same order.

import type { Statement } from './database.ts';
import type { StepKind } from './encode-writes.ts';

/** The columns of the rows that a step sends. */
const columns = {
  id: 'id text',
  session: 'id text, title text, created_at bigint, updated_at bigint, details text',
  newSession: 'id text, title text, created_at bigint, updated_at bigint, details text, place text',
  archived: 'id text, is_archived integer',
  sessionName: 'name text, session_id text',
  message: 'id text, session_id text, run_id text, role text, created_at bigint, content text',
  turn: 'id text, session_id text, run_id text, content text',
  run: 'id text, session_id text, status text, created_at bigint, updated_at bigint, details text',
  question: 'id text, run_id text, session_id text, content text, is_answered integer',
  mcpServer: 'name text, config text, created_at bigint',
  key: 'id text, name text, hash text, scopes text, created_at bigint, limits text',
  keyLimits: 'id text, limits text',
  answer: 'key text, fingerprint text, status integer, headers text, body text, created_at bigint',
  event: 'id text, type text, timestamp bigint, session_id text, run_id text, data text',
  payload: 'sequence bigint, event_id text, head text, tail text, uses integer, trace text',
  delivery: `sequence bigint, webhook_id text, id text, event_type text, hop integer, created_at bigint, expires_at bigint`,
  change: `id text, sequence bigint, webhook_id text, status text, attempts integer, tries integer, pauses integer,
    next_attempt_at bigint, ended_at bigint, reason text, attempt text`,
  requeue: 'id text, expires_at bigint',
  state: 'webhook_id text, state text',
  triggerCall: `id text, trigger_id text, received_at bigint, outcome text, run_id text, coalesce_key text, details text`,
  triggerKey: 'trigger_id text, key text, call_id text, run_id text, session_id text, created_at bigint',
  triggerState: 'trigger_id text, state text',
  fileImage: 'hash text, content text, used_at bigint',
  fileChange: 'id text, session_id text, run_id text, path text, created_at bigint, details text, after text',
  fileChangeEnd: 'id text, after text',
  undo: 'id text, session_id text, created_at bigint, details text',
  undone: 'session_id text, undo_id text, ids text',
  file: 'id text, name text, media_type text, size bigint, sha256 text, created_at bigint, data text',
  runWebhook: 'webhook_id text, run_id text, config text, created_at bigint',
} as const;

const rowsOf = (kind: keyof typeof columns): string => `json_to_recordset($1::json) AS r(${columns[kind]})`;

/** `steps[kind]`; patches are in `patches`. */
const texts: Readonly<Record<Exclude<StepKind, 'patchSession' | 'patchRun'>, string>> = {
  putSession: `INSERT INTO sessions (id, title, created_at, updated_at, details)
    SELECT id, title, created_at, updated_at, details FROM ${rowsOf('session')} ORDER BY id
    ON CONFLICT (id) DO UPDATE SET title = excluded.title, updated_at = excluded.updated_at, details = excluded.details`,
  addSession: `INSERT INTO sessions (id, title, created_at, updated_at, details, place)
    SELECT id, title, created_at, updated_at, details, place FROM ${rowsOf('newSession')} ORDER BY id`,
  archiveSession: `UPDATE sessions s SET is_archived = r.is_archived FROM ${rowsOf('archived')} WHERE s.id = r.id`,
  draftSession: `INSERT INTO sessions (id, title, created_at, updated_at, details, draft_of)
    SELECT id, title, created_at, updated_at, details, $2 FROM ${rowsOf('session')} ORDER BY id`,
  publishSession: `UPDATE sessions s SET draft_of = NULL FROM ${rowsOf('id')} WHERE s.id = r.id`,
  deleteSession: `DELETE FROM sessions s USING ${rowsOf('id')} WHERE s.id = r.id`,
  deleteIdleSession: `SELECT delete_idle_sessions(ARRAY(SELECT id FROM ${rowsOf('id')}))`,
  nameSession: `INSERT INTO session_names (name, session_id)
    SELECT name, session_id FROM ${rowsOf('sessionName')} ORDER BY name
    ON CONFLICT (name) DO UPDATE SET session_id = excluded.session_id`,
  claimSessionName: `INSERT INTO session_names (name, session_id)
    SELECT name, session_id FROM ${rowsOf('sessionName')} ORDER BY name`,
  addMessage: `INSERT INTO messages (id, session_id, run_id, role, created_at, content)
    SELECT id, session_id, run_id, role, created_at, content FROM ${rowsOf('message')}`,
  addTurn: `INSERT INTO turns (id, session_id, run_id, content) SELECT id, session_id, run_id, content FROM ${rowsOf('turn')}`,
  putRun: `INSERT INTO runs (id, session_id, status, created_at, updated_at, details)
    SELECT id, session_id, status, created_at, updated_at, details FROM ${rowsOf('run')} ORDER BY id
    ON CONFLICT (id) DO UPDATE SET status = excluded.status, updated_at = excluded.updated_at, details = excluded.details`,
  putQuestion: `INSERT INTO questions (id, run_id, session_id, content, is_answered)
    SELECT id, run_id, session_id, content, is_answered FROM ${rowsOf('question')} ORDER BY id
    ON CONFLICT (id) DO UPDATE SET content = excluded.content, is_answered = excluded.is_answered`,
  deleteQuestion: `DELETE FROM questions q USING ${rowsOf('id')} WHERE q.id = r.id`,
  deleteQuestions: `DELETE FROM questions q USING ${rowsOf('id')} WHERE q.run_id = r.id`,
  putKey: `INSERT INTO keys (id, name, hash, scopes, created_at, limits)
    SELECT id, name, hash, scopes, created_at, limits FROM ${rowsOf('key')}
    ON CONFLICT (id) DO UPDATE SET name = excluded.name, hash = excluded.hash, scopes = excluded.scopes,
      limits = excluded.limits`,
  setKeyLimits: `UPDATE keys k SET limits = r.limits FROM ${rowsOf('keyLimits')} WHERE k.id = r.id`,
  putMcpServer: `INSERT INTO mcp_servers (name, config, created_at)
    SELECT name, config, created_at FROM ${rowsOf('mcpServer')} ORDER BY name
    ON CONFLICT (name) DO UPDATE SET config = excluded.config, created_at = excluded.created_at`,
  deleteMcpServer: `DELETE FROM mcp_servers m USING ${rowsOf('mcpServer')} WHERE m.name = r.name`,
  deleteKey: `DELETE FROM keys k USING ${rowsOf('id')} WHERE k.id = r.id`,
  putAnswer: `INSERT INTO answers (key, fingerprint, status, headers, body, created_at)
    SELECT key, fingerprint, status, headers, body, created_at FROM ${rowsOf('answer')} ORDER BY key
    ON CONFLICT (key) DO UPDATE SET fingerprint = excluded.fingerprint, status = excluded.status,
      headers = excluded.headers, body = excluded.body, created_at = excluded.created_at`,
  addPayload: `INSERT INTO payloads AS p (sequence, event_id, body, uses, trace)
    SELECT sequence, event_id, head || sequence || tail, uses, trace FROM ${rowsOf('payload')} ORDER BY sequence
    ON CONFLICT (sequence) DO UPDATE SET uses = p.uses + excluded.uses`,
  addDelivery: `INSERT INTO deliveries (sequence, webhook_id, id, event_type, status, hop, attempts, tries, pauses, created_at,
      expires_at, attempt_log)
    SELECT sequence, webhook_id, id, event_type, 'pending', hop, 0, 0, 0, created_at, expires_at, '' FROM ${rowsOf('delivery')}`,
  changeDelivery: `UPDATE deliveries d SET status = r.status, attempts = r.attempts, tries = r.tries, pauses = r.pauses,
      next_attempt_at = r.next_attempt_at, ended_at = r.ended_at, reason = r.reason,
      attempt_log = CASE WHEN r.attempt IS NULL THEN attempt_log WHEN attempt_log = '' THEN r.attempt
        ELSE attempt_log || ',' || r.attempt END
    FROM ${rowsOf('change')}
    WHERE d.sequence = r.sequence AND d.webhook_id = r.webhook_id AND d.id = r.id AND d.status = 'pending'`,
  requeueDelivery: `UPDATE deliveries d SET status = 'pending', attempts = 0, pauses = 0, next_attempt_at = NULL, ended_at = NULL,
      reason = NULL, expires_at = r.expires_at
    FROM ${rowsOf('requeue')} WHERE d.id = r.id AND d.status <> 'pending'`,
  putWebhookState: `INSERT INTO webhook_states (webhook_id, state) SELECT webhook_id, state FROM ${rowsOf('state')} ORDER BY webhook_id
    ON CONFLICT (webhook_id) DO UPDATE SET state = excluded.state`,
  deleteWebhookState: `DELETE FROM webhook_states s USING ${rowsOf('id')} WHERE s.webhook_id = r.id`,
  putRunWebhook: `INSERT INTO run_webhooks (webhook_id, run_id, config, created_at)
    SELECT webhook_id, run_id, config, created_at FROM ${rowsOf('runWebhook')} ORDER BY webhook_id
    ON CONFLICT (webhook_id) DO UPDATE SET config = excluded.config`,
  deleteRunWebhook: `DELETE FROM run_webhooks w USING ${rowsOf('id')} WHERE w.webhook_id = r.id`,
  addTriggerCall: `INSERT INTO trigger_calls (id, trigger_id, received_at, outcome, run_id, coalesce_key, details)
    SELECT id, trigger_id, received_at, outcome, run_id, coalesce_key, details FROM ${rowsOf('triggerCall')}
    ON CONFLICT (id) DO UPDATE SET details = excluded.details`,
  claimTriggerKey: `INSERT INTO trigger_keys (trigger_id, key, call_id, run_id, session_id, created_at)
    SELECT trigger_id, key, call_id, run_id, session_id, created_at FROM ${rowsOf('triggerKey')} ORDER BY trigger_id, key`,
  putTriggerState: `INSERT INTO trigger_states (trigger_id, state)
    SELECT trigger_id, state FROM ${rowsOf('triggerState')} ORDER BY trigger_id
    ON CONFLICT (trigger_id) DO UPDATE SET state = excluded.state`,
  deleteTriggerState: `DELETE FROM trigger_states s USING ${rowsOf('id')} WHERE s.trigger_id = r.id`,
  putFileImage: `INSERT INTO file_images AS f (hash, content, used_at)
    SELECT hash, content, used_at FROM ${rowsOf('fileImage')} ORDER BY hash
    ON CONFLICT (hash) DO UPDATE SET used_at = greatest(f.used_at, excluded.used_at)`,
  addFileChange: `INSERT INTO file_changes (id, session_id, run_id, path, created_at, details, after)
    SELECT id, session_id, run_id, path, created_at, details, after FROM ${rowsOf('fileChange')}`,
  endFileChange: `UPDATE file_changes c SET after = r.after FROM ${rowsOf('fileChangeEnd')} WHERE c.id = r.id`,
  putUndo: `INSERT INTO undos (id, session_id, created_at, details)
    SELECT id, session_id, created_at, details FROM ${rowsOf('undo')} ORDER BY id
    ON CONFLICT (id) DO UPDATE SET details = excluded.details`,
  putIdleUndo: `SELECT put_idle_undo(id, session_id, created_at, details) FROM ${rowsOf('undo')}`,
  hideUndone: `WITH wanted AS (
      SELECT r.session_id, r.undo_id, json_array_elements_text(r.ids::json) AS id FROM ${rowsOf('undone')}
    ), messages_gone AS (
      DELETE FROM messages m USING wanted w WHERE m.id = w.id AND m.session_id = w.session_id
      RETURNING m.id, m.session_id, w.undo_id, m.run_id, m.role, m.created_at, m.content
    ), turns_gone AS (
      DELETE FROM turns t USING wanted w WHERE t.id = w.id AND t.session_id = w.session_id
      RETURNING t.id, t.session_id, w.undo_id, t.run_id, 'turn', 0::bigint, t.content
    ), changes_hidden AS (
      UPDATE file_changes c SET undo_id = w.undo_id FROM wanted w WHERE c.id = w.id AND c.session_id = w.session_id
    )
    INSERT INTO undone_items (id, session_id, undo_id, run_id, role, created_at, content)
      SELECT * FROM messages_gone UNION ALL SELECT * FROM turns_gone`,
  restoreUndo: `WITH wanted AS (SELECT id FROM ${rowsOf('id')}), items AS (
      DELETE FROM undone_items u USING wanted w WHERE u.undo_id = w.id RETURNING u.*
    ), messages_back AS (
      INSERT INTO messages (id, session_id, run_id, role, created_at, content)
      SELECT id, session_id, run_id, role, created_at, content FROM items WHERE role <> 'turn'
    ), turns_back AS (
      INSERT INTO turns (id, session_id, run_id, content) SELECT id, session_id, run_id, content FROM items WHERE role = 'turn'
    ), changes_back AS (
      UPDATE file_changes c SET undo_id = NULL FROM wanted w WHERE c.undo_id = w.id
    )
    DELETE FROM undos u USING wanted w WHERE u.id = w.id`,
  dropUndos: `WITH wanted AS (SELECT id FROM ${rowsOf('id')}), items AS (
      DELETE FROM undone_items u USING wanted w WHERE u.session_id = w.id
    ), changes_dropped AS (
      DELETE FROM file_changes c USING wanted w WHERE c.session_id = w.id AND c.undo_id IS NOT NULL
    )
    DELETE FROM undos u USING wanted w WHERE u.session_id = w.id`,
  putFile: `INSERT INTO files (id, name, media_type, size, sha256, created_at, data)
    SELECT id, name, media_type, size, sha256, created_at, decode(data, 'base64') FROM ${rowsOf('file')} ORDER BY id`,
  deleteFile: `DELETE FROM files f USING ${rowsOf('id')} WHERE f.id = r.id`,
  claimRun: `SELECT claim_runs(array_agg(id)) FROM ${rowsOf('id')}`,
  releaseRun: `DELETE FROM claims c USING ${rowsOf('id')}
    WHERE c.name = 'run:' || r.id AND c.node_id = current_setting('codebuddy.node', true)`,
  touch: `INSERT INTO topics AS t (topic, version) SELECT DISTINCT id, 1 FROM ${rowsOf('id')} ORDER BY id
    ON CONFLICT (topic) DO UPDATE SET version = t.version + 1`,
};

export const steps = Object.fromEntries(
  Object.entries(texts).map(([name, text]) => [name, { name, text }]),
) as Readonly<Record<keyof typeof texts, Statement>>;

/** The rows that patches apply to are locked and read; the merged ones are written. */
export const patches = {
  patchSession: {
    table: 'sessions',
    lock: {
      name: 'lockSessions',
      text: `SELECT id, details FROM sessions WHERE id IN (SELECT id FROM ${rowsOf('id')}) ORDER BY id FOR NO KEY UPDATE`,
    },
    update: {
      name: 'patchSession',
      text: `UPDATE sessions s SET title = coalesce(r.title, s.title), updated_at = r.updated_at, details = r.details
        FROM ${rowsOf('session')} WHERE s.id = r.id`,
    },
  },
  patchRun: {
    table: 'runs',
    lock: {
      name: 'lockRuns',
      text: `SELECT id, details FROM runs WHERE id IN (SELECT id FROM ${rowsOf('id')}) ORDER BY id FOR NO KEY UPDATE`,
    },
    update: {
      name: 'patchRun',
      text: `UPDATE runs s SET status = r.status, updated_at = r.updated_at, details = r.details
        FROM ${rowsOf('run')} WHERE s.id = r.id`,
    },
  },
} as const satisfies Readonly<
  Record<string, { readonly table: string; readonly lock: Statement; readonly update: Statement }>
>;

/**
 * The end of a transaction: numbers for its events, and what needs the numbers. The row of `log_head` stays locked until
 * the commit, so these come last.
 */
export const appends = {
  takeNumbers: { name: 'takeNumbers', text: 'UPDATE log_head SET last = last + $1::integer RETURNING last' },
  /** The rows in the order of their numbers, which end with the last one taken. */
  addEvents: {
    name: 'addEvents',
    text: `INSERT INTO events (sequence, id, type, timestamp, session_id, run_id, data)
      SELECT h.last - $2::integer + r.n, r.id, r.type, r.timestamp, r.session_id, r.run_id, r.data
      FROM log_head h, ROWS FROM (json_to_recordset($1::json) AS (${columns.event}))
        WITH ORDINALITY AS r(id, type, timestamp, session_id, run_id, data, n)`,
  },
  /** `sequence` counts from the first number that was taken: 1 is that number. */
  addPayloads: {
    name: 'addPayloads',
    text: `INSERT INTO payloads (sequence, event_id, body, uses, trace)
      SELECT h.last - $2::integer + r.sequence, r.event_id, r.head || (h.last - $2::integer + r.sequence) || r.tail, r.uses,
        r.trace
      FROM log_head h, ${rowsOf('payload')}`,
  },
  addDeliveries: {
    name: 'addDeliveries',
    text: `INSERT INTO deliveries (sequence, webhook_id, id, event_type, status, hop, attempts, tries, pauses, created_at,
        expires_at, attempt_log)
      SELECT h.last - $2::integer + r.sequence, r.webhook_id, r.id, r.event_type, 'pending', r.hop, 0, 0, 0, r.created_at,
        r.expires_at, '' FROM log_head h, ${rowsOf('delivery')}`,
  },
} as const satisfies Readonly<Record<string, Statement>>;
